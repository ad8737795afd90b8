"""Achieved f_f against requested ε: does a solution land where it was asked to?"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from cu_jax.report import palette
from cu_jax.report.labels import short_label
from cu_jax.results import Results, Solution

# Control is called precise within this share of ε_original − ε_min.
BAND = 0.03


def draw_control(axes: Axes, results: Results, path: Sequence[Solution]) -> None:
    """Draws each requested solution at (ε, f_f), and a band around f_f = ε.

    Args:
        axes: Empty axes.
        results: A run's results, for the range and the looks.
        path: The requested solutions, at least one.

    Example:
        >>> from cu_jax.report.palette import new_figure
        >>> from cu_jax.results import Boundaries
        >>> one = Solution(
        ...     name="control_0.5",
        ...     method="controllable",
        ...     control=0.5,
        ...     epsilon=0.88,
        ...     retain_loss=0.04,
        ...     forget_loss=0.9,
        ... )
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> axes = new_figure(4.0, 4.0).add_subplot()
        >>> draw_control(
        ...     axes,
        ...     Results(name="demo", config_hash="c0", boundaries=bounds, solutions=(one,)),
        ...     [one],
        ... )
        >>> axes.texts[-1].get_text()
        '0.5  (+1.9 %)'
    """
    looks = palette.looks(results.solutions)
    span = results.boundaries.span
    requested = np.array([s.epsilon for s in path], float)
    achieved = np.array([s.forget_loss for s in path])
    bounds = [results.boundaries.epsilon_min, results.boundaries.epsilon_max]
    # With the range in view, one request alone is not blown up to fill the panel.
    shown = np.concatenate([requested, achieved, [b for b in bounds if math.isfinite(b)]])
    low, high = shown.min(), shown.max()
    margin = 0.16 * (high - low) if high > low else 0.1 * abs(high) or 1.0
    ends = np.array([low - margin, high + margin])
    band = BAND * span if math.isfinite(span) else 0.0
    # Labels stand to the lower right of their points, where the band is not; those of points above
    # the band to the left. The axis is wider on the sides that have labels.
    above = achieved - requested > band
    room = 0.36 * (ends[1] - ends[0])
    wide = ends + np.where([above.any(), not above.all()], [-room, room], 0.0)
    axes.set_title("Does it land where it was asked to?")
    if math.isfinite(span):
        axes.fill_between(wide, wide - band, wide + band, color="#DDDDDD", lw=0)
        axes.text(
            0,
            -0.155,
            f"gray: off by up to {100 * BAND:g} % of "
            "$\\epsilon_{\\mathrm{original}}-\\epsilon_{\\min}$;\n"
            "labels: control and error in that unit",
            transform=axes.transAxes,
            va="top",
            fontsize=9,
            color="#555555",
        )
    axes.plot(wide, wide, color="#777777", lw=1)
    for s, x, y, high_up in zip(path, requested, achieved, above, strict=True):
        look = looks[s.name]
        axes.plot(x, y, look.marker, color=look.color, ms=9, mec="white", mew=1)
        error = f"  ({(y - x) / span:+.1%})".replace("%", " %") if math.isfinite(span) else ""
        axes.annotate(
            short_label(s, look.label) + error,
            (x, y),
            xytext=(-9, 4) if high_up else (13, -4),
            textcoords="offset points",
            ha="right" if high_up else "left",
            va="center" if high_up else "top",
            fontsize=9.5,
            color=look.ink,
        )
    axes.set(xlim=wide, ylim=ends)
    # No numbers under the room for labels, where no ε can be asked for.
    axes.set_xticks([tick for tick in axes.get_xticks() if ends[0] <= tick <= ends[1]])
    axes.set_xlim(*wide)
    axes.set_xlabel("requested $\\epsilon$")
    axes.set_ylabel("achieved $f_f$")
