"""Every requested ε of one run: where it landed, and what it cost the pictures to retain."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cu_jax.report import palette
from cu_jax.report.ablation.axes import logarithmic
from cu_jax.report.comparison.frame import head
from cu_jax.report.control import draw_control
from cu_jax.report.palette import looks, on_path, ordered
from cu_jax.results import Ablation, Results, Solution

_KINDS = {"retain": (palette.BLUE, "o"), "forget": (palette.VERMILLION, "s")}
_MEASURES = (
    ("class_consistency", "Restored pictures read as their class (%)", 100.0),
    ("psnr", "PSNR (dB)", 1.0),
)


def requests_figure(ablation: Ablation) -> Figure:
    """Draws achieved against requested ε, and against the control the retain loss and a measure.

    Args:
        ablation: With one run that has all controls.

    Returns:
        A figure 12 inches wide. The measure is the share of restored pictures that a classifier
        reads as their class, or PSNR in the hole where there was no classifier.

    Example:
        >>> empty = Ablation(name="epsilon", setting="controls", kind="entries", config_hash="c0",
        ...                  values=("0", "1"))
        >>> len(requests_figure(empty).axes)
        3
    """
    results = ablation.runs[0].results if ablation.runs else None
    path = [] if results is None else [s for s in ordered(results.solutions) if on_path(s)]
    path = [s for s in path if math.isfinite(s.forget_loss)]
    with palette.style():
        figure = palette.new_figure(12.0, 6.3)
        head(
            figure,
            "ε: what is asked for, and what comes",
            "Every point is one control $r$ of one run, "
            r"$\epsilon(r)=\epsilon_{\min}+r\,(\epsilon_{\max}-\epsilon_{\min})$: "
            "0 asks for all that was forgotten at any cost, 1 for what costs no utility.",
        )
        left = figure.add_axes((0.07, 0.2, 0.45, 0.62))
        upper = figure.add_axes((0.615, 0.52, 0.37, 0.3))
        lower = figure.add_axes((0.615, 0.11, 0.37, 0.3), sharex=upper)
        if results is not None and path:
            draw_control(left, results, path)
            _draw_cost(upper, results, path)
            _draw_measure(lower, results, path)
        upper.tick_params(labelbottom=False)
        lower.set_xlabel("control r")
    return figure


def _draw_cost(axes: Axes, results: Results, path: Sequence[Solution]) -> None:
    axes.set_title("Retain loss $f_r$ (↓)")
    colors = looks(results.solutions)
    controls, losses = [_control(s) for s in path], [s.retain_loss for s in path]
    axes.plot(controls, losses, "-", color="#9A8FA8", lw=1.6)
    for s, x, y in zip(path, controls, losses, strict=True):
        axes.plot(x, y, "o", color=colors[s.name].color, ms=8, mec="white", mew=0.8)
    logarithmic(axes, losses)


def _draw_measure(axes: Axes, results: Results, path: Sequence[Solution]) -> None:
    measured = [m for m in _MEASURES if any(s.metrics.get(f"forget/{m[0]}") for s in path)]
    if not measured:
        return
    name, title, factor = measured[0]
    axes.set_title(f"{title}, in the hole" if name == "psnr" else title)
    for kind, (color, marker) in _KINDS.items():
        key = f"{kind}/{name}"
        values = [_scaled(s.metrics.get(key), factor) for s in path]
        axes.plot([_control(s) for s in path], values, "-", color=color, marker=marker, ms=7,
                  mec="white", mew=0.8)  # fmt: skip
        for s in results.solutions:
            if s.method == "original":
                axes.axhline(_scaled(s.metrics.get(key), factor), color=color, lw=1, ls=(0, (4, 3)))
    axes.legend(
        handles=[
            Line2D([], [], color=c, marker=m, ms=7, mec="white", label=f"{kind} (dashed: original)")
            for kind, (c, m) in _KINDS.items()
        ],
        fontsize=9,
        loc="lower right",
    )


def _control(solution: Solution) -> float:
    return math.nan if solution.control is None else solution.control


def _scaled(value: float | None, factor: float) -> float:
    return math.nan if value is None else factor * value
