"""The front: f_r against f_f for every solution, and achieved against requested ε."""

import itertools
import math
from collections.abc import Sequence
from typing import cast

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from cu_jax.report import palette
from cu_jax.report.control import draw_control
from cu_jax.report.labels import place_labels, short_label
from cu_jax.results import Results, Solution

_SIZES = {"*": 15.0, "D": 10.5}


def front_figure(results: Results) -> Figure:
    """Draws the front.

    Left: every solution as a point (f_f, f_r), f_r on a logarithmic axis with a place for 0; the
    requested ones joined as a path; the boundaries as vertical lines. Right: achieved against
    requested ε with a band of ±3 % of ε_original − ε_min, if any ε was requested.

    Args:
        results: A run's results; solutions with undefined losses are left out.

    Returns:
        A figure 12 inches wide.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> figure = front_figure(Results(name="demo", config_hash="c0", boundaries=bounds))
        >>> len(figure.axes)
        1
    """
    solutions = [
        s
        for s in palette.ordered(results.solutions)
        if math.isfinite(s.retain_loss) and math.isfinite(s.forget_loss)
    ]
    path = [s for s in solutions if palette.on_path(s)]
    with palette.style():
        figure = palette.new_figure(12.0, 6.5)
        figure.text(
            0.02, 0.945, f"{results.name}: what forgetting costs", fontsize=16, weight="bold"
        )
        figure.text(
            0.02,
            0.9,
            "Every point is one model on the whole training sets. "
            "Left = forgets more, low = keeps more: the lower left corner is best.",
            color="#555555",
        )
        box = (0.075, 0.235, 0.53, 0.6) if path else (0.075, 0.235, 0.9, 0.6)
        axes = figure.add_axes(box)
        _draw_front(axes, results, solutions, path)
        if path:
            side = figure.add_axes((0.7, 0.235, 0.28, 0.6))
            draw_control(side, results, path)
        figure.legend(
            handles=_legend(solutions),
            loc="lower left",
            ncols=4,
            bbox_to_anchor=(0.068, 0.012),
            fontsize=10,
            handletextpad=0.6,
            columnspacing=1.8,
        )
    return figure


def _draw_front(
    axes: Axes, results: Results, solutions: Sequence[Solution], path: Sequence[Solution]
) -> None:
    looks = palette.looks(results.solutions)
    axes.set_title("Trade-off between the two losses")
    axes.set_xlabel("forget loss $f_f$   (← forgets more)")
    axes.set_ylabel("retain loss $f_r$   (↓ keeps more utility)")
    b = results.boundaries
    bounds = [b.epsilon_min, b.epsilon_max, b.epsilon_original]
    xs = [s.forget_loss for s in solutions] + bounds
    scale_axes(axes, xs, [s.retain_loss for s in solutions])
    blocked = _draw_boundaries(axes, results)

    composites = [_point(s) for s in solutions if s.method == "composite"]
    composites = [p for p in composites if p[1] > 0]
    steps = [_point(s) for s in path]
    axes.plot(*_columns(composites), "--", color=palette.GREEN, lw=1.3, zorder=2)
    axes.plot(*_columns(steps), "-", color="#9A8FA8", lw=2.4, zorder=3)
    for s in solutions:
        look = looks[s.name]
        axes.plot(
            *_point(s),
            look.marker,
            color=look.color,
            ms=_SIZES.get(look.marker, 9),
            mec="white",
            mew=1.0,
            zorder=5 if palette.on_path(s) else 4,
            clip_on=False,
        )
    texts = [short_label(s, looks[s.name].label) for s in solutions]
    place_labels(
        axes,
        [_point(s) for s in solutions],
        texts,
        [looks[s.name].ink for s in solutions],
        lines=[composites, steps, *_verticals(axes, results)],
        blocked=blocked,
    )


def scale_axes(axes: Axes, xs: Sequence[float], retain_losses: Sequence[float]) -> None:
    """Gives a front its limits: f_f plain, f_r logarithmic with a foot down to 0.

    Args:
        axes: Where a front will be drawn.
        xs: Forget losses that must be seen; those that are not finite are left out.
        retain_losses: Retain losses that must be seen; 0 always is.

    Example:
        >>> axes = palette.new_figure(4.0, 3.0).add_subplot()
        >>> scale_axes(axes, [0.5, 1.5], [0.0, 0.02, 0.3])
        >>> axes.get_yscale(), bool(axes.get_xlim()[0] < 0.5)
        ('symlog', True)
    """
    xs = [x for x in xs if math.isfinite(x)] or [0.0, 1.0]
    margin = 0.07 * (max(xs) - min(xs) or 1.0)
    axes.set_xlim(min(xs) - margin, max(xs) + 1.7 * margin)
    positive = [r for r in retain_losses if r > 0] or [0.01, 0.1]
    low = min(positive) / 1.6
    # A sixth of the height above the highest point is for the names of the boundaries.
    high = max(positive) * (max(positive) / low) ** 0.2
    axes.set_yscale("symlog", linthresh=low, linscale=0.35)
    axes.set_ylim(-0.15 * low, high)
    ticks = [m * 10.0**e for e in range(-8, 6) for m in (1, 2, 5)]
    ticks = [t for t in ticks if low <= t <= high]
    if len(ticks) > 8:
        ticks = [t for t in ticks if math.isclose(math.log10(t) % 1, 0, abs_tol=1e-9)]
    axes.yaxis.set_major_locator(FixedLocator([0.0, *ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    # Two strokes across the axis say that it jumps from the logarithmic part to 0.
    foot = axes.transAxes.inverted().transform(axes.transData.transform((0, 0.55 * low)))[1]
    for shift in (0.0, 0.016):
        axes.plot(
            [-0.009, 0.009],
            [foot + shift - 0.007, foot + shift + 0.007],
            transform=axes.transAxes,
            color="#888888",
            lw=1,
            clip_on=False,
            zorder=7,
        )


def _draw_boundaries(axes: Axes, results: Results) -> list[Bbox]:
    """Vertical lines with their names at the top; returns the names' boxes in pixels."""
    b = results.boundaries
    names = [
        (b.epsilon_min, r"$\epsilon_{\min}$"),
        (b.epsilon_max, r"$\epsilon_{\max}$"),
        (b.epsilon_original, r"$\epsilon_{\mathrm{original}}$"),
    ]
    known = [(x, name) for x, name in names if math.isfinite(x)]
    figure = cast(Figure, axes.get_figure(root=True))
    renderer = cast(FigureCanvasAgg, figure.canvas).get_renderer()
    frame = axes.get_window_extent()
    lines = [axes.transData.transform((x, 0.0))[0] for x, _ in known]
    boxes: list[Bbox] = []
    for x, name in known:
        axes.axvline(x, color="#777777", lw=1, ls=(0, (4, 3)), zorder=1)
        text = axes.annotate(
            f"{name}\n{x:.3f}",
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -3),
            textcoords="offset points",
            va="top",
            fontsize=10,
            color="#555555",
        )
        # Right or left of its line, in the first of two rows that is free.
        for row, side in itertools.product((-3, -33), (4, -4)):
            text.set_position((side, row))
            text.set_horizontalalignment("left" if side > 0 else "right")
            box = text.get_window_extent(renderer)
            crossed = any(box.x0 < line < box.x1 for line in lines)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1
            if inside and not crossed and not any(box.overlaps(other) for other in boxes):
                break
        boxes.append(box)
    return boxes


def _verticals(axes: Axes, results: Results) -> list[list[tuple[float, float]]]:
    low, high = axes.get_ylim()
    b = results.boundaries
    places = (b.epsilon_min, b.epsilon_max, b.epsilon_original)
    return [[(x, low), (x, high)] for x in places if math.isfinite(x)]


def _legend(solutions: Sequence[Solution]) -> list[Line2D]:
    """One entry for each kind of solution that is there."""
    looks = palette.looks(solutions)
    entries: dict[str, Line2D] = {}
    for s in solutions:
        look = looks[s.name]
        line, color = "none", look.color
        if palette.on_path(s):
            text, line, color = "ours, on request (label: control)", "-", palette.PURPLE
        elif s.method == "original":
            text = "original model"
        elif s.name in ("complete", "utility"):
            text, color = "unlearning boundaries", palette.GRAY
        elif s.method == "composite":
            text, line, color = (
                "baseline $f_r + \\alpha f_f$ (label: $\\alpha$)",
                "--",
                palette.GREEN,
            )
        else:
            text = f"baseline: {s.method.replace('_', ' ')}"
        size = _SIZES.get(look.marker, 9)
        entries.setdefault(
            text, Line2D([], [], ls=line, color=color, marker=look.marker, ms=size, mec="white")
        )
    for text, entry in entries.items():
        entry.set_label(text)
    return list(entries.values())


def _point(solution: Solution) -> tuple[float, float]:
    return solution.forget_loss, solution.retain_loss


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [p[0] for p in points], [p[1] for p in points]
