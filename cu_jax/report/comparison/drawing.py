"""All fronts as the page draws them: every number worked out here, the template only writes."""

import dataclasses
import math

from cu_jax.report.comparison.fronts_figure import (
    far_text,
    losses_of,
    mean_point,
    shown_entries,
)
from cu_jax.report.comparison.runs import BOUNDARIES, Runs
from cu_jax.report.comparison.statistics import statistic
from cu_jax.report.page.marks import SHAPES
from cu_jax.report.page.scales import Scale, extent, place, tick_text, ticks
from cu_jax.report.palette import Look, method_looks
from cu_jax.report.table import cell

WIDTH, HEIGHT = 960, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 948, 50, 456
_MARGIN = 26.0


@dataclasses.dataclass(frozen=True)
class Dot:
    """One place where a mark stands, ready to be written into SVG.

    Attributes:
        x: Place.
        y: Place.
        title: What a pointer shows.

    Example:
        >>> Dot("1", "2", "ours").title
        'ours'
    """

    x: str
    y: str
    title: str


@dataclasses.dataclass(frozen=True)
class Layer:
    """One method.

    Attributes:
        index: Place among the layers.
        look: Its color and name.
        shape: ``d`` of its mark around (0, 0).
        line: ``d`` of the line through the means.
        seeds: Every seed's points.
        means: Their means.
        ours: Whether it is the compared one.

    Example:
        >>> Layer(0, Look("#000000", "*", "original"), "M0 0", "", (), (), False).line
        ''
    """

    index: int
    look: Look
    shape: str
    line: str
    seeds: tuple[Dot, ...]
    means: tuple[Dot, ...]
    ours: bool


@dataclasses.dataclass(frozen=True)
class Drawing:
    """All that the drawing of the fronts needs.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        frame: Left, top, right, bottom of the axes.
        x_ticks: Place and text of each.
        y_ticks: Place and text of each.
        break_y: Where the vertical axis changes from logarithms to its foot at 0.
        bounds: Place, name and value of each boundary, mean over seeds.
        layers: The methods, the compared one last and hence on top.
        far: What is too far away to be shown, in words.
        description: The drawing in words.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> draw_fronts(gather(record, {})).layers
        ()
    """

    width: int
    height: int
    frame: tuple[int, int, int, int]
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    break_y: str
    bounds: tuple[tuple[str, str, str], ...]
    layers: tuple[Layer, ...]
    far: str
    description: str


def draw_fronts(runs: Runs) -> Drawing:
    """Works out the drawing: f_r on a logarithmic axis with a place for 0, against f_f.

    Args:
        runs: A comparison.

    Returns:
        The drawing.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> draw_fronts(gather(record, {})).description
        'No solution has both losses.'
    """
    shown, far = shown_entries(runs)
    bounds = _bounds(runs)
    losses = [pair for entry in shown for pair in losses_of(entry).values()]
    x, y = _axes([f for f, _ in losses] + [value for _, value in bounds], [r for _, r in losses])
    looks = method_looks(runs.methods)
    layers: list[Layer] = []
    for method in sorted(runs.methods, key=lambda name: name == "controllable"):
        look = looks[method]
        found = sorted((e for e in shown if e.method == method), key=mean_point)
        seeds, means = [], []
        for entry in found:
            for seed, (f, r) in losses_of(entry).items():
                title = f"{entry.label}, seed {seed}: f_f {f:.3f}, f_r {cell(r, '.4f')}"
                seeds.append(Dot(place(x.at(f)), place(y.at(r)), title))
            f, r = mean_point(entry)
            title = f"{entry.label}, mean: f_f {f:.3f}, f_r {cell(r, '.4f')}"
            means.append(Dot(place(x.at(f)), place(y.at(r)), title))
        joined = [] if method in ("original", BOUNDARIES) else [mean_point(e) for e in found]
        line = "M" + "L".join(f"{place(x.at(f))} {place(y.at(r))}" for f, r in joined)
        layers.append(
            Layer(
                index=len(layers),
                look=look,
                shape=SHAPES.get(look.marker, SHAPES["o"]),
                line=line if len(joined) > 1 else "",
                seeds=tuple(seeds),
                means=tuple(means),
                ours=method == "controllable",
            )
        )
    said = "; ".join(
        f"{e.label} {mean_point(e)[0]:.3f} and {cell(mean_point(e)[1], '.4f')}" for e in shown
    )
    return Drawing(
        width=WIDTH,
        height=HEIGHT,
        frame=(_LEFT, _TOP, _RIGHT, _BOTTOM),
        x_ticks=tuple((place(x.at(t)), tick_text(t)) for t in ticks(x, 10)),
        y_ticks=tuple((place(y.at(t)), tick_text(t)) for t in ticks(y, 7)),
        break_y=place(_BOTTOM + 0.55 * (y.at(y.low) - _BOTTOM)),
        bounds=tuple((place(x.at(value)), name, f"{value:.3f}") for name, value in bounds),
        layers=tuple(layers),
        far=far_text(far),
        description=f"Mean forget loss and retain loss over seeds: {said}."
        if shown
        else "No solution has both losses.",
    )


def _bounds(runs: Runs) -> list[tuple[str, float]]:
    every = [results.boundaries for results in runs.results.values()]
    means = {
        "ε min": statistic(b.epsilon_min for b in every).mean,
        "ε max": statistic(b.epsilon_max for b in every).mean,
        "ε original": statistic(b.epsilon_original for b in every).mean,
    }
    return [(name, value) for name, value in means.items() if math.isfinite(value)]


def _axes(xs: list[float], retain_losses: list[float]) -> tuple[Scale, Scale]:
    low, high = extent(xs, (0.0, 1.0))
    margin = _MARGIN / (_RIGHT - _LEFT - 2 * _MARGIN) * (high - low)
    x = Scale(low - margin, high + 1.6 * margin, _LEFT, _RIGHT)
    low, high = extent([r for r in retain_losses if r > 0], (0.01, 0.1))
    low, high = max(low, 1e-9), max(high, 2 * max(low, 1e-9))
    return x, Scale(low / 1.6, high * 1.7, _BOTTOM, _TOP, logarithmic=True)
