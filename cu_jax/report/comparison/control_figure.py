"""Where every request landed, ours and that of other methods that take one."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from cu_jax.report import palette
from cu_jax.report.comparison.claims import ERROR_BAR, control_errors
from cu_jax.report.comparison.frame import BAND, BAND_INK, dodge, head, legend_key
from cu_jax.report.comparison.runs import Runs
from cu_jax.report.comparison.statistics import entries
from cu_jax.report.palette import method_looks


def control_figure(runs: Runs) -> Figure:
    """Draws (f_f − ε) / (ε_original − ε_min) of every request and seed, with a band of ±2 %.

    Args:
        runs: A comparison.

    Returns:
        A figure 12 inches wide; its vertical axis is plain within ±2 % and logarithmic beyond.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> len(control_figure(gather(record, {})).axes)
        1
    """
    methods = [m for m in ("controllable", "primal_dual") if control_errors(runs, m).compared]
    looks = method_looks(methods)
    values = {e.name: e.value for e in entries(runs) if e.method in methods}
    controls = sorted({value for value in values.values() if value is not None})
    bar = 100 * ERROR_BAR
    with palette.style():
        figure = palette.new_figure(12.0, 5.6)
        head(
            figure,
            "Does it land where it was asked to?",
            "Error of control $(f_f-\\epsilon)\\,/\\,(\\epsilon_{\\mathrm{original}}"
            "-\\epsilon_{\\min})$ in %; above 0 forgets less than was asked.\n"
            "Each point is one seed, each bar the mean. The axis is logarithmic beyond ±2 %.",
        )
        axes = figure.add_axes((0.065, 0.145, 0.92, 0.62))
        top = bar
        for shift, method in zip(dodge(len(methods)), methods, strict=True):
            look = looks[method]
            for place, control in enumerate(controls):
                errors = [
                    100 * point.value
                    for point in control_errors(runs, method).compared
                    if values[point.name] == control
                ]
                if not errors:
                    continue
                top = max(top, *(abs(error) for error in errors))
                x = place + 0.36 * shift
                mean = float(np.mean(errors))
                axes.plot([x - 0.09, x + 0.09], [mean, mean], color=look.color, lw=3, alpha=0.6)
                spread = x + 0.05 * np.linspace(-1, 1, len(errors))
                axes.plot(spread, errors, look.marker, color=look.color, ms=8, mec="white", mew=0.8)
        _scale(axes, top)
        axes.set_xticks(range(len(controls)), [f"{control:g}" for control in controls])
        axes.set_xlim(-0.5, max(len(controls) - 0.5, 0.5))
        axes.grid(axis="x", visible=False)
        axes.set_xlabel("requested control")
        axes.set_ylabel("error of control (%)")
        keys = [legend_key(looks[method], False) for method in methods]
        if keys:
            axes.legend(handles=keys, loc="upper left", bbox_to_anchor=(0.0, 1.12), ncols=2,
                        borderaxespad=0.0)  # fmt: skip
    return figure


def _scale(axes: Axes, top: float) -> None:
    """Plain within the bar, logarithmic beyond it, alike on both sides of 0."""
    bar = 100 * ERROR_BAR
    axes.axhspan(-bar, bar, color=BAND, lw=0)
    axes.axhline(0, color="#777777", lw=1, zorder=1)
    axes.text(
        0.005,
        0.93 * bar,
        "±2 %",
        transform=axes.get_yaxis_transform(),
        va="top",
        fontsize=9.5,
        color=BAND_INK,
    )
    axes.set_yscale("symlog", linthresh=bar, linscale=1.6)
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500) if t <= 1.6 * top]
    axes.yaxis.set_major_locator(FixedLocator([*(-t for t in ticks[::-1]), 0, *ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:+g}" if v else "0"))
    axes.set_ylim(-1.6 * top, 1.6 * top)
