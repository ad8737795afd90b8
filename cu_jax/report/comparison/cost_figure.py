"""What a requested ε costs: ours, which is given it, and a bisection of the composite loss."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from cu_jax.report import palette
from cu_jax.report.comparison.claims import ERROR_BAR
from cu_jax.report.comparison.cost import request_cost
from cu_jax.report.comparison.frame import BAND, dodge, head, legend_key
from cu_jax.report.comparison.runs import Runs
from cu_jax.report.palette import Look, method_looks
from cu_jax.results import Search


def cost_figure(runs: Runs) -> Figure:
    """Draws what each search for a requested ε used until it was within 2 %.

    Left: updates a control, mean over seeds as a bar, each seed as a point. Right: the error after
    each try against the updates so far.

    Args:
        runs: A comparison.

    Returns:
        A figure 12 inches wide.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> len(cost_figure(gather(record, {})).axes)
        2
    """
    cost = request_cost(runs)
    sides = {
        "controllable": [pair.ours for pair in cost.pairs],
        "composite": [pair.theirs for pair in cost.pairs],
    }
    looks = method_looks(sides)
    with palette.style():
        figure = palette.new_figure(12.0, 5.4)
        head(
            figure,
            "What a requested ε costs",
            "Until $f_f$ is within 2 % of the range of ε: ours is given ε, the composite loss "
            "bisects its weight. Hollow: gave up before.",
        )
        left = figure.add_axes((0.075, 0.15, 0.4, 0.64))
        right = figure.add_axes((0.57, 0.15, 0.405, 0.64))
        _draw_bars(left, sides, looks)
        _draw_tries(right, sides, looks)
        left.legend(handles=[legend_key(look, False) for look in looks.values()], loc="upper left",
                    bbox_to_anchor=(0.0, 1.105), ncols=2, borderaxespad=0.0)  # fmt: skip
    return figure


def _draw_bars(axes: Axes, sides: dict[str, list[Search]], looks: dict[str, Look]) -> None:
    every = [search for side in sides.values() for search in side]
    requests = sorted({_request(search) for search in every})
    for shift, (method, side) in zip(dodge(len(sides)), sides.items(), strict=True):
        look = looks[method]
        for place, request in enumerate(requests):
            found = [search for search in side if _request(search) == request]
            if not found:
                continue
            x = place + 0.4 * shift
            updates = [search.updates for search in found]
            axes.bar(x, float(np.mean(updates)), 0.36, color=look.color, alpha=0.45, lw=0)
            spread = x + 0.08 * np.linspace(-1, 1, len(found))
            for at, search in zip(spread, found, strict=True):
                axes.plot(
                    at, search.updates, look.marker, color=look.color, ms=7,
                    mfc=look.color if search.reached else "white", mec=look.color,
                )  # fmt: skip
            tries = float(np.mean([len(search.probes) for search in found]))
            axes.annotate(
                f"{tries:.2g} {'try' if tries == 1 else 'tries'}", (x, max(updates)),
                xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9,
                color=look.ink,
            )  # fmt: skip
    axes.set_xticks(range(len(requests)), [f"{request:g}" for request in requests])
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("requested control")
    axes.set_ylabel("updates")
    axes.set_ylim(0, 1.12 * max((search.updates for search in every), default=1))


def _draw_tries(axes: Axes, sides: dict[str, list[Search]], looks: dict[str, Look]) -> None:
    floor = 0.1
    top = 100 * ERROR_BAR
    axes.axhspan(floor / 2, top, color=BAND, lw=0)
    for method, side in sides.items():
        look = looks[method]
        for search in side:
            updates = np.cumsum([probe.updates for probe in search.probes])
            errors = np.maximum(100 * np.abs(search.errors), floor)
            top = max(top, float(np.nanmax(errors, initial=top)))
            axes.plot(updates, errors, "-", color=look.color, lw=1, alpha=0.5)
            axes.plot(updates, errors, look.marker, color=look.color, ms=5.5, mec="white", mew=0.6)
    axes.set_yscale("log")
    axes.set_ylim(floor / 1.4, 1.6 * top)
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if t <= 1.6 * top]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda v, _: f"≤{v:g}" if v == floor else f"{v:g}")
    )
    axes.set_xlim(left=0)
    axes.set_xlabel("updates so far")
    axes.set_ylabel("|error of control| after the try (%)")


def _request(search: Search) -> float:
    return search.epsilon if search.control is None else search.control
