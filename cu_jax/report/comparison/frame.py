"""What the figures of a comparison share: a title, a legend's key, places beside each other."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cu_jax.report.palette import Look

# The band of what was promised.
BAND, BAND_INK = "#E4F1EA", "#2C6E4F"


def head(figure: Figure, title: str, text: str) -> None:
    """Writes the title and the sentence below it into the upper left corner.

    Example:
        >>> from cu_jax.report.palette import new_figure
        >>> figure = new_figure(4.0, 3.0)
        >>> head(figure, "Fronts", "Left is better.")
        >>> [text.get_text() for text in figure.texts]
        ['Fronts', 'Left is better.']
    """
    height = figure.get_figheight()
    figure.text(0.02, 1 - 0.38 / height, title, fontsize=16, weight="bold", parse_math=False)
    figure.text(0.02, 1 - 0.5 / height, text, color="#555555", va="top")


def legend_key(look: Look, joined: bool) -> Line2D:
    """A legend's entry of a method.

    Args:
        look: The method's.
        joined: Whether its points are joined.

    Example:
        >>> legend_key(Look("#009E73", "s", "composite"), True).get_label()
        'composite'
    """
    return Line2D(
        [], [], ls="-" if joined else "none", color=look.color, marker=look.marker, ms=9,
        mec="white", label=look.label.replace("$", r"\$"),
    )  # fmt: skip


def dodge(count: int) -> np.ndarray:
    """Places of several things around one, in [-1/2, 1/2].

    Example:
        >>> dodge(3), dodge(1)
        (array([-0.5,  0. ,  0.5]), array([0.]))
    """
    return (np.arange(count) - (count - 1) / 2) / max(count - 1, 1)
