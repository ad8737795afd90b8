"""Achieved f_f against requested ε: does a solution land where it was asked to?"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from cu_jax.report import palette
from cu_jax.report.labels import place_labels, short_label
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
    wide = ends + [0, 0.3 * (ends[1] - ends[0])]
    axes.set_title("Does it land where it was asked to?")
    if math.isfinite(span):
        axes.fill_between(wide, wide - BAND * span, wide + BAND * span, color="#DDDDDD", lw=0)
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
    texts = []
    for s, x, y in zip(path, requested, achieved, strict=True):
        look = looks[s.name]
        axes.plot(x, y, look.marker, color=look.color, ms=9, mec="white", mew=1)
        error = f"  ({(y - x) / span:+.1%})".replace("%", " %") if math.isfinite(span) else ""
        texts.append(short_label(s, look.label) + error)
    axes.set(xlim=wide, ylim=ends)
    band = BAND * span if math.isfinite(span) else 0.0
    place_labels(
        axes,
        list(zip(requested.tolist(), achieved.tolist(), strict=True)),
        texts,
        [looks[s.name].ink for s in path],
        lines=[[(x, x + shift) for x in wide] for shift in (-band, 0.0, band)],
    )
    axes.set_xlabel("requested $\\epsilon$")
    axes.set_ylabel("achieved $f_f$")
