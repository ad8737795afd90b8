"""The front as the page draws it: every number worked out here, the template only writes them."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from cu_jax.report.labels import short_label
from cu_jax.report.page.marks import SHAPES, Point, label_places
from cu_jax.report.page.scales import Scale, extent, place, polyline, tick_text, ticks
from cu_jax.report.palette import GRAY, GREEN, PURPLE, Look, looks, on_path, ordered
from cu_jax.report.table import cell
from cu_jax.results import Results, Solution

WIDTH, HEIGHT = 480, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 472, 56, 376
# The larger size, on a phone.
_FONT = 16.0
# Room between the frame and the outermost points.
_MARGIN = 26.0


@dataclasses.dataclass(frozen=True)
class Mark:
    """One solution as a point; coordinates are ready to be written into SVG.

    Attributes:
        index: Place in the order of every table and figure.
        look: Its color and name.
        shape: ``d`` of a path around (0, 0).
        x: Place.
        y: Place.
        label: Short text beside it; empty where it found no place.
        label_x: Its place.
        label_y: Its base line.
        anchor: SVG's ``text-anchor``.
        title: What a pointer shows.

    Example:
        >>> Mark(0, Look("#000000", "*", "original"), "M0 0", "5", "6").label
        ''
    """

    index: int
    look: Look
    shape: str
    x: str
    y: str
    label: str = ""
    label_x: str = "0"
    label_y: str = "0"
    anchor: str = "start"
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Front:
    """All that the drawing of the front needs.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        frame: Left, top, right, bottom of the axes.
        x_ticks: Place and text of each.
        y_ticks: Place and text of each.
        break_y: Where the vertical axis changes from logarithms to its foot at 0.
        boundaries: Place of each vertical line, its two lines of text, and their base line.
        path: ``d`` of the line through requested solutions.
        baseline: ``d`` of the line through composite solutions.
        marks: The solutions.
        legend: Shape, color and meaning of each kind that is there.
        description: The drawing in words.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> front = front_view(Results(name="demo", config_hash="c0", boundaries=bounds))
        >>> front.marks, [text for _, text in front.x_ticks]
        ((), ['0.6', '0.8', '1', '1.2', '1.4', '1.6', '1.8'])
    """

    width: int
    height: int
    frame: tuple[int, int, int, int]
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    break_y: str
    boundaries: tuple[tuple[str, str, str, int], ...]
    path: str
    baseline: str
    marks: tuple[Mark, ...]
    legend: tuple[tuple[str, str, str], ...]
    description: str


def front_view(results: Results) -> Front:
    """Works out the front: f_r on a logarithmic axis with a place for 0, against f_f.

    Args:
        results: A run's results; solutions with undefined losses are left out.

    Returns:
        The drawing.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> front_view(Results(name="demo", config_hash="c0", boundaries=bounds)).description
        'No solution has both losses.'
    """
    shown = [
        (index, s)
        for index, s in enumerate(ordered(results.solutions))
        if math.isfinite(s.retain_loss) and math.isfinite(s.forget_loss)
    ]
    solutions = [s for _, s in shown]
    b = results.boundaries
    bounds = [
        ("ε min", b.epsilon_min),
        ("ε max", b.epsilon_max),
        ("ε original", b.epsilon_original),
    ]
    bounds = [(name, value) for name, value in bounds if math.isfinite(value)]
    x, y = _axes([s.forget_loss for s in solutions] + [v for _, v in bounds], solutions)

    def at(solution: Solution) -> Point:
        return x.at(solution.forget_loss), y.at(solution.retain_loss)

    path = [at(s) for s in solutions if on_path(s)]
    baseline = [at(s) for s in solutions if s.method == "composite" and s.retain_loss > 0]
    return Front(
        width=WIDTH,
        height=HEIGHT,
        frame=(_LEFT, _TOP, _RIGHT, _BOTTOM),
        x_ticks=tuple((place(x.at(t)), tick_text(t)) for t in ticks(x, 8)),
        y_ticks=tuple((place(y.at(t)), tick_text(t)) for t in ticks(y, 7)),
        break_y=place(_BOTTOM + 0.55 * (y.at(y.low) - _BOTTOM)),
        boundaries=_boundary_texts(x, bounds),
        path=_joined(path),
        baseline=_joined(baseline),
        marks=_marks(results, shown, [at(s) for s in solutions], [path, baseline]),
        legend=_legend(solutions, looks(results.solutions)),
        description=_description(results, solutions),
    )


def _axes(xs: Sequence[float], solutions: Sequence[Solution]) -> tuple[Scale, Scale]:
    low, high = extent(xs, (0.0, 1.0))
    margin = _MARGIN / (_RIGHT - _LEFT - 2 * _MARGIN) * (high - low)
    x = Scale(low - margin, high + 1.6 * margin, _LEFT, _RIGHT)
    positive = [s.retain_loss for s in solutions if s.retain_loss > 0]
    low, high = extent(positive, (0.01, 0.1))
    # A lone point gets a decade around it, and an overflowed one does not stretch all others away.
    low, high = max(low, 1e-9), max(high, 2 * max(low, 1e-9))
    return x, Scale(low / 1.6, high * 1.7, _BOTTOM, _TOP, logarithmic=True)


def _boundary_texts(
    x: Scale, bounds: Sequence[tuple[str, float]]
) -> tuple[tuple[str, str, str, int], ...]:
    """The names above the frame, in a second row where two would touch."""
    found: list[tuple[str, str, str, int]] = []
    ends = {36: -math.inf, 4: -math.inf}
    for name, value in sorted(bounds, key=lambda bound: bound[1]):
        half = 0.31 * _FONT * max(len(name), 6)
        at = x.at(value)
        row = next((row for row, end in ends.items() if at - half > end), 4)
        ends[row] = at + half
        found.append((place(at), name, f"{value:.3f}", row))
    return tuple(found)


def _joined(points: Sequence[Point]) -> str:
    return polyline(*np.array(points, float).reshape(-1, 2).T)


def _marks(
    results: Results,
    shown: Sequence[tuple[int, Solution]],
    points: Sequence[Point],
    lines: Sequence[Sequence[Point]],
) -> tuple[Mark, ...]:
    styles = looks(results.solutions)
    texts = [short_label(s, styles[s.name].label) for _, s in shown]
    frame = (_LEFT + 2.0, _TOP + 2.0, WIDTH - 2.0, _BOTTOM - 2.0)
    places = label_places(points, texts, frame, lines=lines, size=_FONT)
    marks = []
    for (index, s), (x, y), text, found in zip(shown, points, texts, places, strict=True):
        look = styles[s.name]
        mark = Mark(
            index=index,
            look=look,
            shape=SHAPES.get(look.marker, SHAPES["o"]),
            x=place(x),
            y=place(y),
            title=f"{look.label}: f_f {s.forget_loss:.3f}, f_r {cell(s.retain_loss, '.4f')}",
        )
        if found is not None:
            mark = dataclasses.replace(
                mark, label=text, label_x=place(found[0]), label_y=place(found[1]), anchor=found[2]
            )
        marks.append(mark)
    return tuple(marks)


def _legend(
    solutions: Sequence[Solution], styles: dict[str, Look]
) -> tuple[tuple[str, str, str], ...]:
    entries: dict[str, tuple[str, str]] = {}
    for s in solutions:
        look = styles[s.name]
        color = look.color
        if on_path(s):
            text, color = "ours, on request (label: control)", PURPLE
        elif s.method == "original":
            text = "original model"
        elif s.name in ("complete", "utility"):
            text, color = "unlearning boundaries", GRAY
        elif s.method == "composite":
            text, color = "baseline f_r + α f_f (label: α)", GREEN
        else:
            text = f"baseline: {s.method.replace('_', ' ')}"
        entries.setdefault(text, (SHAPES.get(look.marker, SHAPES["o"]), color))
    return tuple((shape, color, text) for text, (shape, color) in entries.items())


def _description(results: Results, solutions: Sequence[Solution]) -> str:
    if not solutions:
        return "No solution has both losses."
    styles = looks(results.solutions)
    points = (
        f"{styles[s.name].label} {s.forget_loss:.3f} and {cell(s.retain_loss, '.4f')}"
        for s in solutions
    )
    return f"Forget loss and retain loss of each solution: {'; '.join(points)}."
