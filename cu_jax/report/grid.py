"""The grid: the same pictures as every solution restores them, forget and retain side by side."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from cu_jax.report import palette
from cu_jax.report.pictures import (
    KINDS,
    Pictures,
    class_names,
    hole,
    outline,
    resized,
    shortened,
    spread,
)
from cu_jax.report.sheet import Sheet
from cu_jax.results import Results, Solution

# All in pixels of the PNG.
_WIDTH, _GUTTER, _NUMBERS, _EDGE = 1800, 280, 122, 24
_HEAD, _FOOT, _CELL, _GAP, _BREAK = 214, 96, 84, 5, 20
# Pictures with more rows than this are shrunk instead of enlarged.
_LARGE, _LARGE_CELL = 120, 150
# A letter of the labels is about this wide.
_LETTER = 11
_COLORS = {"forget": palette.VERMILLION, "retain": palette.BLUE}
_NOTE = (
    "Class read: share of all validation pictures whose class a classifier still reads. PSNR: "
    "their mean, in the hole (outlined)."
)
_NOTE_WITHOUT_CLASSES = "PSNR: mean over all validation pictures, in the hole (outlined)."
_RULE = "Shown are, by a fixed rule, the first pictures of each label in turn."
_HOLE = palette.ORANGE


def grid_figure(results: Results, pictures: Mapping[str, Pictures]) -> Figure:
    """Draws the grid.

    Rows: the original pictures, what the models see, and what the original model and each solution
    restore. The left half is the forget set, the right half the retain set; the numbers beside a
    half are means over the whole validation set. The hole is outlined. Which pictures are shown
    follows a fixed rule, `spread`.

    Args:
        results: A run's results.
        pictures: Solution to pictures, as `read_pictures` returns them.

    Returns:
        A figure about 12 inches wide.

    Raises:
        ValueError: No solution has pictures.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> original = Solution(
        ...     name="original", method="original", retain_loss=0.0, forget_loss=1.68
        ... )
        >>> results = Results(
        ...     name="demo", config_hash="c0", boundaries=bounds, solutions=(original,)
        ... )
        >>> arrays = {
        ...     f"{kind}_{what}": np.zeros((2, 8, 8, 1), np.uint8)
        ...     for kind in ("retain", "forget")
        ...     for what in ("original", "corrupted", "restored")
        ... }
        >>> arrays |= {"retain_label": np.arange(2), "forget_label": np.arange(2)}
        >>> len(grid_figure(results, {"original": arrays}).images)
        12
    """
    shown = [s for s in palette.ordered(results.solutions) if s.name in pictures]
    if not shown:
        raise ValueError(
            "At least one solution must have pictures, and none has: keep solutions/*/pictures.npz "
            "of the run."
        )
    sample = pictures[shown[0].name]
    cell = _cell_size(*sample["forget_original"].shape[1:3])
    room = (_WIDTH - _GUTTER - 2 * _NUMBERS - _EDGE) // 2 // (cell[0] + _GAP)
    chosen = {kind: spread(sample[f"{kind}_label"], max(room, 1)) for kind in KINDS}
    spans = {kind: len(chosen[kind]) * (cell[0] + _GAP) - _GAP for kind in KINDS}
    rows = [("original", shown[0]), ("corrupted", shown[0])] + [("restored", s) for s in shown]
    tops = _row_tops(rows, cell[1])
    edges = outline(hole(sample))
    with palette.style():
        width = _GUTTER + sum(spans.values()) + 2 * _NUMBERS + _EDGE
        sheet = Sheet(max(width, 1200), tops[-1] + cell[1] + _FOOT)
        _write_titles(sheet, results)
        for (what, solution), top in zip(rows, tops, strict=True):
            middle = top + cell[1] // 2
            _write_row_label(sheet, results, what, solution, middle)
            left = _GUTTER
            for kind in KINDS:
                if what == "original":
                    _write_half(
                        sheet, kind, _classes(sample, kind, chosen[kind]), left, spans[kind]
                    )
                if what == "corrupted":
                    _write_numbers_head(sheet, shown, kind, left + spans[kind] + 12, middle)
                if what == "restored":
                    _write_numbers(sheet, solution, kind, left + spans[kind] + 12, middle)
                stack = pictures[solution.name][f"{kind}_{what}"][chosen[kind]]
                seen = edges if what != "original" else edges[:0]
                _draw_pictures(sheet, stack, (left, top), cell, seen)
                left += spans[kind] + _NUMBERS
        note = _NOTE if _is_known(shown, "class_consistency") else _NOTE_WITHOUT_CLASSES
        for up, line in ((54, note), (24, _RULE)):
            sheet.text(_GUTTER, sheet.height - up, line, fontsize=9, color="#555555")
        return sheet.figure


def _cell_size(height: int, width: int) -> tuple[int, int]:
    """Width and height of a picture in the figure; a whole factor keeps small pictures' pixels."""
    if height > _LARGE:
        return round(_LARGE_CELL * width / height), _LARGE_CELL
    factor = max(1, round(_CELL / height))
    return factor * width, factor * height


def _row_tops(rows: list[tuple[str, Solution]], cell_height: int) -> list[int]:
    """Where each row starts; a wider gap sets off inputs, the original, ours and baselines."""
    tops = [_HEAD]
    for (what, solution), (next_what, next_solution) in zip(rows[:-1], rows[1:], strict=True):
        new = next_what == "restored" and (
            what != "restored" or solution.method != next_solution.method
        )
        tops.append(tops[-1] + cell_height + (_BREAK if new else _GAP))
    return tops


def _draw_pictures(
    sheet: Sheet,
    stack: np.ndarray,
    place: tuple[int, int],
    cell: tuple[int, int],
    edges: np.ndarray,
) -> None:
    """Pictures side by side from ``place`` (left, top) on; ``edges`` in their own pixels."""
    left, top = place
    width, height = cell
    for picture in resized(stack, height, width):
        sheet.picture(picture, left, top)
        sheet.lines(edges * [width / stack.shape[2], height / stack.shape[1]] + [left, top], _HOLE)
        left += width + _GAP


def _write_titles(sheet: Sheet, results: Results) -> None:
    title = f"{results.name}: what each model fills into the hole"
    sheet.text(_EDGE, 56, title, fontsize=16, weight="bold")
    sheet.text(
        _EDGE,
        98,
        "An unlearned model should fail on the forget set (left) "
        "and do as well as the original model on the retain set (right).",
        color="#555555",
    )


def _is_known(shown: list[Solution], key: str) -> bool:
    """Whether a measure of either set was taken of any solution."""
    return any(s.metrics.get(f"{kind}/{key}") is not None for s in shown for kind in KINDS)


def _classes(sample: Pictures, kind: str, chosen: np.ndarray) -> list[str]:
    """Names of the classes shown; or, where they are numbers, of all that there are pictures of."""
    called = class_names(sample, kind)
    words = not all(name.isdecimal() for name in called)
    order = chosen if words else np.argsort(sample[f"{kind}_label"], kind="stable")
    return list(dict.fromkeys(called[index] for index in order))


def _write_half(sheet: Sheet, kind: str, classes: list[str], left: int, span: int) -> None:
    words = not all(name.isdecimal() for name in classes)
    names = ("shown: " if words else "labels ") + shortened(classes, span // _LETTER)
    color = _COLORS[kind]
    sheet.text(left, _HEAD - 52, f"{kind.upper()} SET", fontsize=12.5, weight="bold", color=color)
    sheet.text(left, _HEAD - 22, names, fontsize=9.5, color="#555555")
    sheet.rule(left, left + span, _HEAD - 9, color)


def _write_row_label(
    sheet: Sheet, results: Results, what: str, solution: Solution, middle: int
) -> None:
    right = _GUTTER - 16
    if what != "restored":
        text = {"original": "original picture", "corrupted": "what the models see"}[what]
        sheet.text(right, middle, text, ha="right", va="center", color=palette.INK)
        return
    look = palette.looks(results.solutions)[solution.name]
    name = "original model" if solution.method == "original" else look.label
    if solution.epsilon is None:
        below = f"$f_f$ = {solution.forget_loss:.3f}"
    else:
        below = f"$\\epsilon$ = {solution.epsilon:.3f}"
    sheet.text(right, middle - 2, name, ha="right", va="bottom", weight="bold", color=look.ink)
    sheet.text(right, middle + 6, below, ha="right", va="top", fontsize=9, color="#555555")


def _write_numbers_head(
    sheet: Sheet, shown: list[Solution], kind: str, left: int, middle: int
) -> None:
    names = {"class_consistency": "class read", "psnr": "PSNR"}
    lines = [
        text
        for key, text in names.items()
        if any(s.metrics.get(f"{kind}/{key}") is not None for s in shown)
    ]
    looks = {"va": "center", "fontsize": 9, "linespacing": 1.35, "color": "#555555"}
    sheet.text(left, middle, "\n".join(lines), **looks)


def _write_numbers(sheet: Sheet, solution: Solution, kind: str, left: int, middle: int) -> None:
    psnr = solution.metrics.get(f"{kind}/psnr")
    read = solution.metrics.get(f"{kind}/class_consistency")
    lines = [] if read is None else [f"{100 * read:.0f} %"]
    lines += [] if psnr is None else [f"{psnr:.1f} dB"]
    sheet.text(left, middle, "\n".join(lines), va="center", fontsize=9.5, linespacing=1.35)
