"""What the slider moves over: solutions in order, their pictures and the numbers beside them."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from cu_jax.report.labels import short_label
from cu_jax.report.page.quantities import Column
from cu_jax.report.page.sheets import MOST, Sheet, hole_path, make_sheet
from cu_jax.report.palette import Look, looks, on_path, ordered
from cu_jax.report.pictures import Pictures, class_names, hole, shortened, spread
from cu_jax.report.table import cell
from cu_jax.results import Results, Solution

SIDES = ("forget", "retain")
# Beside the pictures stand these, if they were measured.
_BESIDE = ("class read", "PSNR (dB)", "FID")
# Letters of the classes' names over the pictures of a side.
_ROOM = 60


@dataclasses.dataclass(frozen=True)
class Side:
    """The forget or the retain half of a solution.

    Attributes:
        kind: `forget` or `retain`.
        sheet: What the solution restores; None where it has no pictures.
        numbers: Names and texts of what was measured.

    Example:
        >>> Side("forget", None, (("PSNR (dB)", "8.2"),)).numbers
        (('PSNR (dB)', '8.2'),)
    """

    kind: str
    sheet: Sheet | None
    numbers: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Choice:
    """One solution as it can be looked at.

    Attributes:
        index: Place in the order of every table and figure.
        look: How it is drawn and called.
        stop: Place on the slider; None if it is not on it.
        tick: What stands under that place.
        spoken: The solution and its main numbers, for a screen reader.
        numbers: Names and texts of the losses.
        sides: Forget and retain.

    Example:
        >>> Choice(0, Look("#000000", "*", "original"), 0, "original", "original", (), ()).stop
        0
    """

    index: int
    look: Look
    stop: int | None
    tick: str
    spoken: str
    numbers: tuple[tuple[str, str], ...]
    sides: tuple[Side, ...]


@dataclasses.dataclass(frozen=True)
class Input:
    """What all models are given.

    Attributes:
        title: What it is.
        holed: Whether the hole is missing from it.
        sheets: Side to sheet.

    Example:
        >>> Input("Original", False, ()).title
        'Original'
    """

    title: str
    holed: bool
    sheets: tuple[tuple[str, Sheet | None], ...]


@dataclasses.dataclass(frozen=True)
class Chooser:
    """The slider and all that it shows.

    Attributes:
        choices: All solutions in the order of every table and figure.
        stops: Those on the slider, from the original model to control 0.
        inputs: The pictures, and what the models see of them; empty without pictures.
        holes: Side to the ``d`` of the hole's outline on its sheets.
        without: Labels of solutions that have no pictures.
        names: Side to the names of its classes; empty where they are numbers, as digits are.

    Example:
        >>> Chooser((), (), (), {}, (), {}).start
        0
    """

    choices: tuple[Choice, ...]
    stops: tuple[Choice, ...]
    inputs: tuple[Input, ...]
    holes: Mapping[str, str]
    without: tuple[str, ...]
    names: Mapping[str, str]

    @property
    def lossy(self) -> bool:
        """Whether the page's pictures are not exactly those of the files."""
        sheets = (sheet for shown in self.inputs for _, sheet in shown.sheets)
        return any(sheet is not None and sheet.lossy for sheet in sheets)

    @property
    def start(self) -> int:
        """Where the slider stands at first: in the middle, where something is forgotten."""
        return len(self.stops) // 2


def make_chooser(
    results: Results, pictures: Mapping[str, Pictures], columns: Sequence[Column]
) -> Chooser:
    """Gathers what can be looked at.

    Args:
        results: A run's results.
        pictures: Solution to pictures, as `read_pictures` returns them.
        columns: The table's columns, for the numbers of the pictures.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> original = Solution(
        ...     name="original", method="original", retain_loss=0.0, forget_loss=1.68
        ... )
        >>> results = Results(
        ...     name="demo", config_hash="c0", boundaries=bounds, solutions=(original,)
        ... )
        >>> make_chooser(results, {}, []).choices[0].spoken
        'original: forget loss 1.680, retain loss 0.0000'
    """
    solutions = ordered(results.solutions)
    styles = looks(results.solutions)
    stops = _stops(solutions)
    sample = next((pictures[s.name] for s in solutions if s.name in pictures), None)
    chosen: dict[str, np.ndarray] = {}
    inputs: tuple[Input, ...] = ()
    holes: dict[str, str] = {}
    names: dict[str, str] = {}
    if sample is not None:
        chosen = {kind: spread(sample[f"{kind}_label"], MOST) for kind in SIDES}
        inputs = (
            Input("Original pictures", False, _sheets(sample, "original", chosen, "as they are")),
            Input("What the models see", True, _sheets(sample, "corrupted", chosen, "with a hole")),
        )
        holes = {kind: hole_path(hole(sample), len(chosen[kind])) for kind in SIDES}
        names = {kind: _names(sample, kind, chosen[kind]) for kind in SIDES}
    choices = []
    for index, s in enumerate(solutions):
        look = styles[s.name]
        sides = tuple(
            _side(s, look.label, kind, pictures.get(s.name), chosen.get(kind), columns)
            for kind in SIDES
        )
        choices.append(
            Choice(
                index=index,
                look=look,
                stop=stops.index(s.name) if s.name in stops else None,
                tick=short_label(s, look.label),
                spoken=_spoken(s, look.label, sides),
                numbers=_numbers(results, s),
                sides=sides,
            )
        )
    on_slider = sorted((c for c in choices if c.stop is not None), key=lambda c: c.stop or 0)
    without = [styles[s.name].label for s in solutions if s.name not in pictures]
    return Chooser(tuple(choices), tuple(on_slider), inputs, holes, tuple(without), names)


def _stops(solutions: Sequence[Solution]) -> list[str]:
    """Names on the slider: the original, then requests from the mildest to the strictest."""
    first = [s.name for s in solutions if s.method == "original"][:1]
    requested = [s.name for s in solutions if on_path(s) and s.name not in first]
    return first + requested[::-1]


def _names(pictures: Pictures, kind: str, chosen: np.ndarray) -> str:
    called = class_names(pictures, kind)
    unique = list(dict.fromkeys(called[index] for index in chosen))
    return "" if all(name.isdecimal() for name in unique) else shortened(unique, _ROOM)


def _sheets(
    pictures: Pictures, what: str, chosen: Mapping[str, np.ndarray], title: str
) -> tuple[tuple[str, Sheet | None], ...]:
    return tuple((kind, _sheet(pictures, kind, what, chosen[kind], title)) for kind in SIDES)


def _sheet(
    pictures: Pictures, kind: str, what: str, chosen: np.ndarray, title: str
) -> Sheet | None:
    if not len(chosen):
        return None
    names = class_names(pictures, kind)
    labels = ", ".join(names[index] for index in chosen)
    alt = f"{kind.capitalize()} pictures, {title}; classes {labels}"
    return make_sheet(pictures[f"{kind}_{what}"][chosen], alt)


def _side(
    solution: Solution,
    label: str,
    kind: str,
    pictures: Pictures | None,
    chosen: np.ndarray | None,
    columns: Sequence[Column],
) -> Side:
    sheet = None
    if pictures is not None and chosen is not None:
        sheet = _sheet(pictures, kind, "restored", chosen, f"restored by {label}")
    beside = {c.title: c for c in columns if c.group == f"{kind} pictures"}
    cells = [(title, beside[title].cell(solution)) for title in _BESIDE if title in beside]
    return Side(kind, sheet, tuple((title, found.text) for title, found in cells))


def _numbers(results: Results, solution: Solution) -> tuple[tuple[str, str], ...]:
    # All have the same four, so that the pictures below stay in place.
    span, error = results.boundaries.span, None
    if solution.epsilon is not None and span:
        error = (solution.forget_loss - solution.epsilon) / span
    return (
        ("forget loss f_f", cell(solution.forget_loss, ".3f")),
        ("retain loss f_r", cell(solution.retain_loss, ".4f")),
        ("requested ε", cell(solution.epsilon, ".3f")),
        ("ε error", cell(error, "+.1%")),
    )


def _spoken(solution: Solution, label: str, sides: Sequence[Side]) -> str:
    text = (
        f"{label}: forget loss {cell(solution.forget_loss, '.3f')}, "
        f"retain loss {cell(solution.retain_loss, '.4f')}"
    )
    numbers = {side.kind: dict(side.numbers) for side in sides}
    # What tells best whether a class is forgotten, of what was measured.
    for name in ("class read", "PSNR (dB)"):
        read = {kind: found[name] for kind, found in numbers.items() if found.get(name)}
        if read:
            return text + "".join(f", {kind} {name} {value}" for kind, value in read.items())
    return text
