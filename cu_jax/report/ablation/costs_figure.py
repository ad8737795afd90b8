"""What an update costs, ours against the composite loss's: time and memory, and their ratios."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from cu_jax.report import palette
from cu_jax.report.ablation.selection import symbol
from cu_jax.report.ablation.tables import MEBI
from cu_jax.report.comparison.frame import head, legend_key
from cu_jax.report.palette import Look, method_looks
from cu_jax.results import Ablation

METHODS = ("controllable", "composite")


def costs_figure(ablation: Ablation) -> Figure:
    """Draws seconds and memory of an update of both methods, the ratio over each of ours.

    Args:
        ablation: With the costs of both methods for each value.

    Returns:
        A figure 12 inches wide; both axes are logarithmic upwards.

    Example:
        >>> empty = Ablation(name="cost", setting="batch_size", kind="costs", config_hash="c0",
        ...                  values=("8",))
        >>> len(costs_figure(empty).axes)
        2
    """
    every = method_looks(METHODS)
    with palette.style():
        figure = palette.new_figure(12.0, 5.3)
        head(figure, "What an update costs, against the composite loss",
             "Median time after compilation, and memory of the compiled update. "
             "Over our points: ours divided by the composite loss's.")  # fmt: skip
        panels = (("seconds", 1e3, "Time of an update (ms)"), ("memory", 1 / MEBI, "Memory (MiB)"))
        for column, (quantity, factor, title) in enumerate(panels):
            axes = figure.add_axes((0.07 + 0.5 * column, 0.13, 0.415, 0.65))
            axes.set_title(title)
            _draw(axes, ablation, every, quantity, factor)
            axes.set_xlabel(symbol(ablation.setting))
        figure.axes[0].legend(handles=[legend_key(look, True) for look in every.values()],
                              loc="upper left")  # fmt: skip
    return figure


def _draw(
    axes: Axes, ablation: Ablation, every: dict[str, Look], quantity: str, factor: float
) -> None:
    found = {
        method: [_cost(ablation, value, method, quantity, factor) for value in ablation.values]
        for method in METHODS
    }
    for method, values in found.items():
        look = every[method]
        axes.plot(range(len(values)), values, "-", color=look.color, marker=look.marker, ms=8,
                  mec="white", mew=0.8)  # fmt: skip
    ours, theirs = (found[method] for method in METHODS)
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if math.isfinite(mine / other):
            axes.annotate(f"{mine / other:.2f} ×", (place, max(mine, other)), xytext=(0, 9),
                          textcoords="offset points", ha="center", fontsize=9.5,
                          color=every["controllable"].ink)  # fmt: skip
    _scale(axes, [y for y in (*ours, *theirs) if math.isfinite(y)])
    axes.set_xticks(range(len(ablation.values)), ablation.values)
    axes.set_xlim(-0.4, max(len(ablation.values) - 0.6, 0.4))
    axes.grid(axis="x", visible=False)


def _scale(axes: Axes, values: Sequence[float]) -> None:
    if not values:
        return
    low, high = min(values), max(values)
    if high < 4 * low:  # Too little for a logarithm to have ticks.
        axes.set_ylim(0, 1.25 * high)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        return
    axes.set_yscale("log", base=2)
    axes.set_ylim(low / 1.4, 1.8 * high)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _cost(ablation: Ablation, value: str, method: str, quantity: str, factor: float) -> float:
    numbers = [
        factor * float(getattr(cost, quantity))
        for cost in ablation.costs
        if (cost.value, cost.method) == (value, method)
    ]
    return numbers[-1] if numbers else math.nan
