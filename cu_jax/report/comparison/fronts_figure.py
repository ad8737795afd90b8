"""All fronts in one figure."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cu_jax.report import palette
from cu_jax.report.comparison.frame import head, legend_key
from cu_jax.report.comparison.runs import BOUNDARIES, Runs
from cu_jax.report.comparison.statistics import Entry, entries
from cu_jax.report.front import scale_axes
from cu_jax.report.palette import Look, method_looks

# Shares of the range beyond ε_original, and times the greatest retain loss of `complete`, that a
# front shows; points farther away are named instead, and do not squeeze all others.
_BEYOND, _ABOVE = 0.25, 3.0
_SMALL = {"*": 7.0, "D": 5.0}


def fronts_figure(runs: Runs) -> Figure:
    """Draws all fronts in one: small every seed's points, large their means, joined by f_f.

    Args:
        runs: A comparison with at least one seed.

    Returns:
        A figure 12 inches wide; f_r on a logarithmic axis with a place for 0.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Boundaries, Comparison, Results
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0,), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> len(fronts_figure(gather(record, {0: results})).axes)
        1
    """
    looks = method_looks(runs.methods)
    inside, far = shown_entries(runs)
    with palette.style():
        figure = palette.new_figure(12.0, 7.6)
        head(
            figure,
            f"{runs.comparison.name}: every method's front",
            f"Small: each of {len(runs.results)} seeds; large: their mean. "
            "Left = forgets more, low = keeps more: the lower left corner is best.",
        )
        axes = figure.add_axes((0.075, 0.225, 0.9, 0.655))
        axes.set_xlabel("forget loss $f_f$   (← forgets more)")
        axes.set_ylabel("retain loss $f_r$   (↓ keeps more utility)")
        bounds = [results.boundaries for results in runs.results.values()]
        pairs = [pair for entry in inside for pair in losses_of(entry).values()]
        edges = [e for b in bounds for e in (b.epsilon_min, b.epsilon_max, b.epsilon_original)]
        scale_axes(axes, [f for f, _ in pairs] + edges, [r for _, r in pairs])
        _draw_bounds(axes, runs)
        for method in reversed(runs.methods):
            _draw_method(axes, looks[method], [e for e in inside if e.method == method])
        figure.legend(
            handles=[legend_key(looks[m], m not in ("original", BOUNDARIES)) for m in runs.methods],
            loc="lower left",
            ncols=6,
            bbox_to_anchor=(0.068, 0.045),
            fontsize=10,
            columnspacing=1.6,
        )
        if far:
            figure.text(0.075, 0.018, f"Outside the frame: {far_text(far)}.", fontsize=9.5,
                        color="#555555")  # fmt: skip
    return figure


def shown_entries(runs: Runs) -> tuple[list[Entry], list[Entry]]:
    """The entries that a front shows, and those too far away to be shown with the others.

    Args:
        runs: A comparison.

    Returns:
        Entries near enough on average, and the others; without those that have no losses.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> shown_entries(gather(record, {}))
        ([], [])
    """
    found = [e for e in entries(runs) if losses_of(e)]
    bounds = [results.boundaries for results in runs.results.values()]
    right = [b.epsilon_original + _BEYOND * b.span for b in bounds]
    top = [
        r
        for e in found
        if e.method in (BOUNDARIES, "controllable")
        for _, r in losses_of(e).values()
    ]
    limits = (
        max((x for x in right if math.isfinite(x)), default=math.inf),
        _ABOVE * max(top) if top and max(top) > 0 else math.inf,
    )

    def near(entry: Entry) -> bool:
        return all(f <= limits[0] and r <= limits[1] for f, r in losses_of(entry).values())

    return [e for e in found if near(e)], [e for e in found if not near(e)]


def far_text(far: Sequence[Entry]) -> str:
    """Names and losses of entries that a front does not show.

    Example:
        >>> far_text([])
        ''
    """
    points = [(entry.label, *mean_point(entry)) for entry in far]
    return ", ".join(f"{label} (f_f {f:.3g}, f_r {r:.3g})" for label, f, r in points)


def mean_point(entry: Entry) -> tuple[float, float]:
    """Mean (f_f, f_r) of an entry over the seeds that have both.

    Example:
        >>> numbers = {0: {"forget_loss": 1.0, "retain_loss": 0.5},
        ...            1: {"forget_loss": 2.0, "retain_loss": 0.25}}
        >>> mean_point(Entry("a", "a", "a", None, numbers, {}))
        (1.5, 0.375)
    """
    f, r = np.mean(list(losses_of(entry).values()), axis=0)
    return float(f), float(r)


def losses_of(entry: Entry) -> dict[int, tuple[float, float]]:
    """Seed to (f_f, f_r), of the seeds where both are finite.

    Example:
        >>> numbers = {0: {"forget_loss": 1.0, "retain_loss": 0.5},
        ...            1: {"forget_loss": 1.0, "retain_loss": float("nan")}}
        >>> losses_of(Entry("a", "a", "a", None, numbers, {}))
        {0: (1.0, 0.5)}
    """
    found = {seed: (n["forget_loss"], n["retain_loss"]) for seed, n in entry.seeds.items()}
    return {
        seed: (f, r)
        for seed, (f, r) in found.items()
        if f is not None and r is not None and math.isfinite(f) and math.isfinite(r)
    }


def _draw_method(axes: Axes, look: Look, points: Sequence[Entry]) -> None:
    ours = look.marker == "o"
    for entry in points:
        axes.plot(
            *zip(*losses_of(entry).values(), strict=True), look.marker, color=look.color, alpha=0.4,
            ms=_SMALL.get(look.marker, 4.5), mew=0, zorder=3 + ours, clip_on=False,
        )  # fmt: skip
    means = sorted(mean_point(entry) for entry in points)
    joined = look.marker not in _SMALL
    axes.plot(
        *([p[i] for p in means] for i in (0, 1)), marker=look.marker,
        ls="-" if joined else "none", color=look.color, lw=2.6 if ours else 1.3,
        ms=13 if look.marker == "*" else 9, mec="white", mew=0.9, zorder=5 + ours, clip_on=False,
    )  # fmt: skip


def _draw_bounds(axes: Axes, runs: Runs) -> None:
    names = {
        "epsilon_min": r"$\epsilon_{\min}$",
        "epsilon_max": r"$\epsilon_{\max}$",
        "epsilon_original": r"$\epsilon_{\mathrm{original}}$",
    }
    for key, name in names.items():
        places = [getattr(results.boundaries, key) for results in runs.results.values()]
        places = [place for place in places if math.isfinite(place)]
        if not places:
            continue
        mean = float(np.mean(places))
        axes.axvspan(min(places), max(places), color="#EEEEEE", lw=0, zorder=0)
        axes.axvline(mean, color="#777777", lw=1, ls=(0, (4, 3)), zorder=1)
        axes.annotate(
            f"{name}\n{mean:.3f}", (mean, 1), xycoords=("data", "axes fraction"), xytext=(4, -3),
            textcoords="offset points", va="top", fontsize=10, color="#555555",
        )  # fmt: skip
