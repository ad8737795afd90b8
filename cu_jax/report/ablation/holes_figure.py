"""The same solutions in several holes: how well each is filled, of both kinds of pictures."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cu_jax.report import palette
from cu_jax.report.ablation.selection import hole_label, of_hole
from cu_jax.report.comparison.frame import head
from cu_jax.report.palette import Look, looks, ordered
from cu_jax.results import Ablation, Solution

_MEASURES = (("psnr", "PSNR (dB)", 1.0), ("class_consistency", "read as their class (%)", 100.0))
_KINDS = (("retain", "to retain"), ("forget", "to forget"))


def holes_figure(ablation: Ablation) -> Figure:
    """Draws PSNR and class consistency of every solution in every hole, a column for each kind.

    Args:
        ablation: With one run, evaluated with all holes.

    Returns:
        A figure 12 inches wide; without a classifier it has one row of axes.

    Example:
        >>> empty = Ablation(name="hole", setting="evaluation.holes", kind="entries",
        ...                  config_hash="c0", values=("center12",))
        >>> len(holes_figure(empty).axes)
        2
    """
    solutions = ordered(ablation.runs[0].results.solutions) if ablation.runs else []
    every = looks(solutions)
    measures = [
        m
        for i, m in enumerate(_MEASURES)
        if i == 0 or any(f"retain/{m[0]}" in s.metrics for s in solutions)
    ]
    rows = len(measures)
    height = 1.85 + 2.3 * rows
    with palette.style():
        figure = palette.new_figure(12.0, height)
        head(figure, "Hole size: one training, several holes",
             "Every line is one solution. Above on the left is better; on the right, "
             "the distance to the original is what was forgotten.")  # fmt: skip
        bottom, panel = 1.05 / height, 1.75 / height
        for row, measure in enumerate(measures):
            low = bottom + (rows - 1 - row) * 2.3 / height
            for column, (kind, words) in enumerate(_KINDS):
                axes = figure.add_axes((0.065 + 0.5 * column, low, 0.42, panel))
                axes.set_title(f"Pictures {words}: {measure[1]}")
                _draw(axes, solutions, every, ablation.values, kind, measure)
                labels = [hole_label(name).replace(" ", "\n", 1) for name in ablation.values]
                axes.set_xticks(range(len(labels)), labels if row == rows - 1 else [])
                axes.grid(axis="x", visible=False)
        figure.legend(handles=[_key(look) for look in every.values()], loc="lower left",
                      bbox_to_anchor=(0.06, 0.008), ncols=6, fontsize=9.5)  # fmt: skip
    return figure


def _draw(
    axes: Axes,
    solutions: Sequence[Solution],
    every: Mapping[str, Look],
    holes: Sequence[str],
    kind: str,
    measure: tuple[str, str, float],
) -> None:
    name, _, factor = measure
    for solution in solutions:
        values = []
        for hole in holes:
            value = of_hole(solution.metrics, holes, hole).get(f"{kind}/{name}")
            values.append(math.nan if value is None else factor * value)
        look = every[solution.name]
        original = solution.method == "original"
        axes.plot(
            range(len(values)), values, "-", color=look.color, marker=look.marker,
            ms=9 if original else 6.5, lw=1.4, mec="white", mew=0.7, zorder=5 if original else 3,
        )  # fmt: skip


def _key(look: Look) -> Line2D:
    return Line2D([], [], ls="-", color=look.color, marker=look.marker, ms=8, mec="white",
                  label=look.label)  # fmt: skip
