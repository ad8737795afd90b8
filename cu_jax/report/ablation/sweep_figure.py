"""What a setting does to the solutions: their trade-off, where they land, what they cost."""

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cu_jax.report import palette
from cu_jax.report.ablation.axes import logarithmic, name_lines
from cu_jax.report.ablation.selection import solution_names, solutions_named, symbol
from cu_jax.report.colors import blend
from cu_jax.report.comparison.frame import BAND, BAND_INK, head
from cu_jax.report.front import scale_axes
from cu_jax.report.labels import place_labels, short_label
from cu_jax.report.palette import Look, looks, ordered
from cu_jax.results import Ablation, Solution

_RAMP = ("#F0B429", palette.VERMILLION, palette.WINE, palette.INDIGO)
_MARKERS = "osD^vPXh"
_TOLERANCE = 0.02
"""Share of ε_original − ε_min within which a request counts as met (`Solution.feasible`)."""


def sweep_figure(ablation: Ablation) -> Figure:
    """Draws the solutions that the setting changed, for each of its values.

    Left: retain loss against forget loss, a line for each value; what the setting did not change
    stands behind in gray. Right, against the values: where the solutions landed (the error of
    control where an ε was asked for, else the forget loss), and their retain loss.

    Args:
        ablation: With a run for each value.

    Returns:
        A figure 12 inches wide.

    Example:
        >>> empty = Ablation(name="beta", setting="pareto.beta", kind="runs", config_hash="c0",
        ...                  values=("0.3", "1"))
        >>> len(sweep_figure(empty).axes)
        3
    """
    changed, same = solution_names(ablation)
    every = {s.name: s for run in ablation.runs for s in run.results.solutions}
    series = looks([every[name] for name in (*changed, *same)])
    of_value = {
        run.value: Look(_share(i, len(ablation.runs)), _MARKERS[i % len(_MARKERS)], run.value)
        for i, run in enumerate(ablation.runs)
    }
    requests = [n for n in changed if every[n].epsilon is not None]
    boundaries_moved = any(name in changed for name in ("complete", "utility"))
    with palette.style():
        figure = palette.new_figure(12.0, 6.3)
        name = symbol(ablation.setting)
        title = f"{name[:1].upper()}{name[1:]}" if name.isascii() else name
        head(figure, f"{title}: what it changes",
             f"On the left each color is one value of config.{ablation.setting}, and left and low "
             "is better; gray does not depend on it.")  # fmt: skip
        front = figure.add_axes((0.075, 0.11, 0.43, 0.695))
        upper = figure.add_axes((0.59, 0.505, 0.38, 0.3))
        lower = figure.add_axes((0.59, 0.11, 0.38, 0.3), sharex=upper)
        upper.set_xlim(-0.25, len(of_value) - 1 + 0.14 * max(len(of_value), 2))
        upper.tick_params(labelbottom=False)
        lower.set_xticks(range(len(of_value)), list(of_value))
        lower.set_xlabel(name)
        _draw_front(front, ablation, changed, [every[n] for n in same], of_value)
        if requests and not boundaries_moved:
            _draw_errors(upper, ablation, requests, series)
        else:
            upper.set_title("Forget loss $f_f$")
            lines = _draw_lines(upper, ablation, changed, series, lambda s, _: s.forget_loss)
            _name(upper, lines, changed, every, series)
        lower.set_title("Retain loss $f_r$ (↓)")
        lines = _draw_lines(lower, ablation, changed, series, lambda s, _: s.retain_loss)
        logarithmic(lower, [y for line in lines for y in line])
        _name(lower, lines, changed, every, series)
        front.legend(handles=[_key(look) for look in of_value.values()], title=name,
                     loc="upper right", fontsize=9.5)  # fmt: skip
    return figure


def _name(
    axes: Axes,
    lines: Sequence[Sequence[float]],
    names: Sequence[str],
    every: dict[str, Solution],
    series: dict[str, Look],
) -> None:
    texts = [short_label(every[name], series[name].label) for name in names]
    weights = [every[name].method == "composite_proxy" for name in names]
    texts = [f"α = {t}" if weight else t for t, weight in zip(texts, weights, strict=True)]
    name_lines(axes, lines, texts, [series[name].ink for name in names])


def _share(index: int, count: int) -> str:
    return blend(_RAMP, index / max(count - 1, 1))


def _finite(solution: Solution | None) -> bool:
    return solution is not None and math.isfinite(solution.retain_loss + solution.forget_loss)


def _draw_front(
    axes: Axes,
    ablation: Ablation,
    changed: Sequence[str],
    same: Sequence[Solution],
    of_value: dict[str, Look],
) -> None:
    axes.set_title("Trade-off")
    axes.set_xlabel("forget loss $f_f$   (← forgets more)")
    axes.set_ylabel("retain loss $f_r$   (↓ keeps more utility)")
    runs = [
        [s for s in run.results.solutions if s.name in changed and _finite(s)]
        for run in ablation.runs
    ]
    behind = [s for s in same if _finite(s)]
    shown = [s for run in (*runs, behind) for s in run]
    scale_axes(axes, [s.forget_loss for s in shown], [s.retain_loss for s in shown])
    composites = [s for s in ordered(behind) if s.method == "composite"]
    line = sorted((s.forget_loss, s.retain_loss) for s in composites)
    axes.plot(*_columns(line), "--", color=palette.GRAY, lw=1.2, zorder=1)
    for s in behind:
        marker = looks([s])[s.name].marker
        axes.plot(s.forget_loss, s.retain_loss, marker, color="#A8A8A8",
                  ms=14 if marker == "*" else 8, mec="white", clip_on=False)  # fmt: skip
    lines = [line]
    for run, look in zip(runs, of_value.values(), strict=True):
        # Different methods are no one front.
        for method in dict.fromkeys(s.method for s in run):
            points = sorted((s.forget_loss, s.retain_loss) for s in run if s.method == method)
            lines.append(points)
            axes.plot(*_columns(points), "-", color=look.color, lw=1.6, alpha=0.8, zorder=3)
            axes.plot(*_columns(points), look.marker, color=look.color, ms=7, mec="white", mew=0.8,
                      zorder=4, clip_on=False)  # fmt: skip
    texts = looks(behind)
    place_labels(
        axes,
        [(s.forget_loss, s.retain_loss) for s in behind],
        [texts[s.name].label for s in behind],
        ["#767676"] * len(behind),
        lines=lines,
        size=8.5,
    )


def _draw_errors(
    axes: Axes, ablation: Ablation, requests: Sequence[str], series: dict[str, Look]
) -> None:
    axes.set_title("Error of control (%)")
    axes.axhspan(-100 * _TOLERANCE, 100 * _TOLERANCE, color=BAND, lw=0)
    axes.axhline(0, color="#777777", lw=1)
    axes.text(0.006, 0.9 * 100 * _TOLERANCE, "±2 %", va="top", fontsize=9, color=BAND_INK,
              transform=axes.get_yaxis_transform())  # fmt: skip

    def error(s: Solution, span: float) -> float:
        return 100 * (s.forget_loss - (s.epsilon or math.nan)) / span

    lines = _draw_lines(axes, ablation, requests, series, error)
    largest = max((abs(y) for line in lines for y in line if math.isfinite(y)), default=0.0)
    edge = max(1.15 * largest, 150 * _TOLERANCE)
    axes.set_ylim(-edge, edge)


def _draw_lines(
    axes: Axes,
    ablation: Ablation,
    names: Sequence[str],
    series: dict[str, Look],
    number: Callable[[Solution, float], float],
) -> list[list[float]]:
    """A line for each solution over the values, broken where a run has none; their heights."""
    spans = [run.results.boundaries.span for run in ablation.runs]
    drawn = []
    for name in names:
        found = solutions_named(ablation, name)
        ys = [
            number(s, span) if s is not None and _finite(s) else math.nan
            for s, span in zip(found, spans, strict=True)
        ]
        look = series[name]
        axes.plot(range(len(ys)), ys, "-", color=look.color, marker=look.marker, ms=7, lw=1.4,
                  mec="white", mew=0.8)  # fmt: skip
        drawn.append(ys)
    return drawn


def _key(look: Look) -> Line2D:
    return Line2D([], [], ls="-", color=look.color, marker=look.marker, ms=8, mec="white",
                  label=look.label.replace("$", r"\$"))  # fmt: skip


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [p[0] for p in points], [p[1] for p in points]
