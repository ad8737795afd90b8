"""The curves: losses, multiplier, violation and cosine by step, one column a stage."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from cu_jax.report import palette
from cu_jax.report.series import Series, smoothed
from cu_jax.results import Results

# Key, title of the row, and what to look for.
_ROWS = (
    ("retain_loss", "retain loss $f_r$", "utility lost"),
    ("forget_loss", "forget loss $f_f$", "dashed: requested $\\epsilon$"),
    ("multiplier", "multiplier $\\lambda$", "of the constraint"),
    ("violation", "violation", "$f_f - \\epsilon$, to reach 0"),
    ("cosine", "cosine", "of both gradients"),
)
# The smooth line remembers this share of a stage.
_MEMORY = 0.04


def curves_figure(results: Results, series: Series) -> Figure:
    """Draws the curves of every stage that unlearns, in the order of the run.

    Each column is one stage, each row one quantity with the same axis throughout. Faint: each
    step's value on its minibatch; strong: a running mean.

    Args:
        results: A run's results, for names and colors.
        series: What `read_series` returned; stages without both losses are left out.

    Returns:
        A figure at least 12 inches wide.

    Raises:
        ValueError: No stage has both losses.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> steps = np.arange(4.0)
        >>> stage = {"step": steps, "retain_loss": steps / 10, "forget_loss": 1.7 - steps / 10}
        >>> len(curves_figure(results, {"complete": stage}).axes)
        5
    """
    stages = [name for name, s in series.items() if "retain_loss" in s and "forget_loss" in s]
    if not stages:
        raise ValueError(
            "metrics.jsonl must hold retain_loss and forget_loss of at least one stage, and it "
            "holds none: run a stage that unlearns."
        )
    looks = palette.looks(results.solutions)
    unknown = palette.Look(palette.GRAY, "o", "")
    with palette.style():
        width = max(12.0, 1.5 + 1.05 * len(stages))
        figure = palette.new_figure(width, 9.2)
        figure.text(
            0.02, 0.962, f"{results.name}: every stage, step by step", fontsize=16, weight="bold"
        )
        figure.text(
            0.02,
            0.934,
            "Faint: each update as it was logged. Strong: its running mean. All columns of a row "
            "share one axis; updates count from the start of their stage.",
            color="#555555",
        )
        grid = figure.subplots(
            len(_ROWS),
            len(stages),
            squeeze=False,
            gridspec_kw={
                "left": 1.3 / width,
                "right": 1 - 0.2 / width,
                "top": 0.865,
                "bottom": 0.06,
                "wspace": 0.1,
                "hspace": 0.14,
            },
        )
        for row, (key, title, hint) in enumerate(_ROWS):
            values = [series[name].get(key, np.empty(0)) for name in stages]
            for column, name in enumerate(stages):
                axes = grid[row, column]
                _draw(axes, series[name], key, looks.get(name, unknown).color)
                _scale(axes, key, values)
                axes.tick_params(
                    labelleft=column == 0,
                    left=column == 0,
                    labelbottom=row == len(_ROWS) - 1,
                    labelsize=9,
                    length=3,
                )
                _step_axis(axes, series[name]["step"])
            _row_title(figure, grid[row, 0], title, hint, width)
        for column, name in enumerate(stages):
            look = looks.get(name, unknown)
            text = (look.label or name.replace("_", " ")).replace(" ", "\n", 1)
            text += "\n(swapped)" if name == "utility" else ""
            grid[0, column].set_title(text, color=look.ink, fontsize=10, loc="center", pad=7)
        figure.text(
            0.5 + 0.55 / width, 0.012, "update of the stage", ha="center", va="bottom", fontsize=10
        )
    return figure


def _row_title(figure: Figure, axes: Axes, title: str, hint: str, width: float) -> None:
    box = axes.get_position()
    middle = (box.y0 + box.y1) / 2
    at = 0.2 / width
    figure.text(at, middle, title, rotation=90, ha="left", va="center", weight="bold")
    figure.text(
        at + 0.26 / width,
        middle,
        hint,
        rotation=90,
        ha="left",
        va="center",
        fontsize=9,
        color="#555555",
    )


def _draw(axes: Axes, stage: dict[str, np.ndarray], key: str, color: str) -> None:
    steps = stage["step"]
    values = stage.get(key, np.full(len(steps), np.nan))
    if key in ("violation", "cosine"):
        axes.axhline(0, color="#888888", lw=0.9, zorder=1)
    if not np.isfinite(values).any():
        reason = "no request" if key == "violation" else "not recorded"
        axes.text(
            0.5,
            0.62,
            reason,
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=9,
            color="#999999",
        )
        return
    if key == "forget_loss" and "epsilon" in stage:
        # The request is a dark line over the curve, which it meets if all goes well.
        axes.plot(steps, stage["epsilon"], color=palette.INK, lw=1.2, ls=(0, (4, 2)), zorder=4)
    axes.plot(steps, values, color=color, lw=0.7, alpha=0.3, zorder=2)
    mean = smoothed(values, _MEMORY * len(values))
    axes.plot(steps, mean, color=color, lw=1.8, zorder=3)


def _scale(axes: Axes, key: str, values: Sequence[np.ndarray]) -> None:
    """One axis for all stages of a row, wide enough for all but the rarest values."""
    if key == "cosine":
        axes.set_ylim(-1.05, 1.05)
        axes.yaxis.set_major_locator(FixedLocator([-1, 0, 1]))
        return
    pool = np.concatenate(list(values)) if values else np.empty(0)
    pool = pool[np.isfinite(pool)]
    if key == "retain_loss":
        pool = pool[pool > 0]
        low, high = _range(pool, 0.02, 0.999, (0.01, 1.0))
        axes.set_yscale("log")
        axes.set_ylim(low / 1.5, max(high, 3 * low) * 1.5)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    elif key == "multiplier":
        # Zero is a value to be seen, and one stage's multiplier can be a thousand times another's.
        typical = [np.median(v[v > 0]) for v in values if np.any(v > 0)] or [1.0]
        low = int(np.clip(np.floor(np.log10(min(typical))), -4, 0))
        high = max(_range(pool, 0.0, 1.0, (0.0, 1.0))[1], 10.0**low) * 1.6
        axes.set_yscale("symlog", linthresh=10.0**low, linscale=0.6)
        axes.set_ylim(-0.12 * 10.0**low, high)
        decades = list(range(low, int(np.floor(np.log10(high))) + 1))
        ticks = [0.0, *(10.0**e for e in decades[:: 1 + len(decades) // 5])]
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        low, high = _range(pool, 0.002, 0.998, (0.0, 1.0))
        if key == "violation":
            low, high = min(low, 0.0), max(high, 0.0)
        margin = 0.08 * (high - low or 1.0)
        axes.set_ylim(low - margin, high + margin)


def _range(
    values: np.ndarray, low: float, high: float, default: tuple[float, float]
) -> tuple[float, float]:
    if not len(values):
        return default
    return float(np.quantile(values, low)), float(np.quantile(values, high))


def _step_axis(axes: Axes, steps: np.ndarray) -> None:
    first, end = float(steps[0]), float(steps[-1])
    margin = 0.04 * (end - first or 1.0)
    axes.set_xlim(first - margin, end + margin)
    # The two ends are enough; flush with their sides they do not touch the next column's.
    axes.xaxis.set_major_locator(FixedLocator([first, end] if end > first else [first]))
    labels = axes.get_xticklabels()
    # Only the lowest row has labels.
    if labels:
        labels[0].set_horizontalalignment("left")
        labels[-1].set_horizontalalignment("right")
