"""A figure laid out in pixels from its upper left corner, for pictures that must stay sharp."""

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.transforms import IdentityTransform

from cu_jax.report.palette import new_figure

_DPI = 150


class Sheet:
    """A figure whose parts are placed in pixels of the finished PNG.

    Make it inside the context of `palette.style`, whose resolution it relies on.

    Args:
        width: Pixels.
        height: Pixels.

    Example:
        >>> from cu_jax.report.palette import style
        >>> with style():
        ...     sheet = Sheet(300, 150)
        >>> sheet.figure.get_size_inches().round(3)
        array([2., 1.])
    """

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        # matplotlib cuts pixels off: a hair more than a whole number of them stays whole.
        self.figure = new_figure((width + 1e-3) / _DPI, (height + 1e-3) / _DPI)

    def picture(self, pixels: np.ndarray, left: int, top: int) -> None:
        """Puts uint8 ``[h, w, 3]`` in place, pixel for pixel."""
        self.figure.figimage(pixels, left, self.height - top - len(pixels))

    def lines(self, edges: np.ndarray, color: str) -> None:
        """Draws lines given as ``[n, 2, 2]``: both ends of each as (x, y) from the upper left."""
        ends = [0, self.height] + edges * [1, -1]
        lines = LineCollection(list(ends), colors=color, linewidths=0.8)
        # Without this the figure would read the numbers as shares of itself.
        lines.set_transform(IdentityTransform())
        self.figure.add_artist(lines)

    def text(self, x: int, y: int, text: str, **looks: Any) -> None:
        """Text whose base line, or what ``va`` says, is ``y`` pixels below the upper edge."""
        self.figure.text(x / self.width, 1 - y / self.height, text, **looks)

    def rule(self, left: int, right: int, y: int, color: str) -> None:
        """A horizontal line."""
        line = Line2D(
            [left / self.width, right / self.width],
            [1 - y / self.height] * 2,
            transform=self.figure.transFigure,
            color=color,
            lw=1.5,
        )
        self.figure.add_artist(line)
