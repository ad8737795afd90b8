"""What the figures of an ablation share: a readable logarithmic axis, and names at lines' ends."""

import math
from collections.abc import Sequence
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator


def logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """Makes the vertical axis logarithmic, with plain numbers for ticks.

    Args:
        axes: The axes.
        values: What must be seen; those that are not positive and finite are left out, and where
            none is left, nothing is done.

    Example:
        >>> from cu_jax.report.palette import new_figure
        >>> axes = new_figure(4.0, 3.0).add_subplot()
        >>> logarithmic(axes, [0.01, 0.05])
        >>> axes.get_yticks().tolist()
        [0.01, 0.02, 0.05]
    """
    shown = [value for value in values if math.isfinite(value) and value > 0]
    if not shown:
        return
    low, high = min(shown) / 1.25, 1.25 * max(shown)
    ticks = [m * 10.0**e for e in range(-9, 10) for m in (1, 2, 5)]
    ticks = [tick for tick in ticks if low <= tick <= high]
    if len(ticks) > 7:
        ticks = [t for t in ticks if math.isclose(math.log10(t) % 1, 0, abs_tol=1e-9)]
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def name_lines(
    axes: Axes, lines: Sequence[Sequence[float]], names: Sequence[str], inks: Sequence[str]
) -> None:
    """Writes the name of each line to the right of its end, none on top of another.

    Call it when the limits of the axes are final.

    Args:
        axes: Where the lines are drawn, over x = 0, 1, ….
        lines: The heights of each; what is not finite is missing.
        names: A text a line.
        inks: A color a text.

    Example:
        >>> from cu_jax.report.palette import new_figure
        >>> axes = new_figure(4.0, 3.0).add_subplot()
        >>> name_lines(axes, [[0.0, 1.0], [0.0, 1.0]], ["a", "b"], ["black", "black"])
        >>> len({round(text.xyann[1]) for text in axes.texts})
        2
    """
    figure = cast(Figure, axes.get_figure(root=True))
    apart = 11.0  # Points, of a font of 9.5.
    ends = []
    for line, name, ink in zip(lines, names, inks, strict=True):
        finite = [x for x, y in enumerate(line) if math.isfinite(y)]
        if finite:
            x, y = finite[-1], line[finite[-1]]
            height = 72 / figure.dpi * float(axes.transData.transform((x, y))[1])
            ends.append((height, x, y, name, ink))
    places: list[float] = []
    for height, *_ in sorted(ends):
        places.append(max(height, places[-1] + apart) if places else height)
    # As far down again as the crowd was pushed up on average.
    moved = [place - end[0] for place, end in zip(places, sorted(ends), strict=True)]
    down = sum(moved) / max(len(moved), 1)
    for place, (height, x, y, name, ink) in zip(places, sorted(ends), strict=True):
        axes.annotate(name, (x, y), xytext=(9, place - down - height), textcoords="offset points",
                      va="center", fontsize=9.5, color=ink, annotation_clip=False)  # fmt: skip
