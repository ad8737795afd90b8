"""Labels of points: what they say, and places where they cover no point, line or label."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from cu_jax.report.palette import number_in
from cu_jax.results import Solution

# Points of typography.
_DISTANCES = (9, 14, 22)
# Where a label may stand: horizontal and vertical direction from its point, best first.
_SIDES = ((1, 1), (1, 0), (1, -1), (0, 1), (0, -1), (-1, 1), (-1, 0), (-1, -1))


def place_labels(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    colors: Sequence[str],
    *,
    lines: Sequence[Sequence[tuple[float, float]]] = (),
    blocked: Sequence[Bbox] = (),
    size: float = 9.5,
) -> int:
    """Writes each text near its point, at the freest of eight sides and three distances.

    Call it when the limits of the axes are final.

    Args:
        axes: Where the points are drawn.
        points: Positions in data units.
        texts: One text a point.
        colors: One color a point.
        lines: Polylines in data units, which labels had better not cross.
        blocked: Boxes in pixels that no label may cover.
        size: Font size in points.

    Returns:
        How many texts found a place; one that would cover a point or a label is left out.

    Example:
        >>> from cu_jax.report.palette import new_figure
        >>> axes = new_figure(4.0, 3.0).add_subplot()
        >>> place_labels(axes, [(0.2, 0.2), (0.2, 0.2)], ["a", "b"], ["black", "black"])
        2
    """
    figure = cast(Figure, axes.get_figure(root=True))
    renderer = cast(FigureCanvasAgg, figure.canvas).get_renderer()
    pixel = figure.dpi / 72
    dots = [axes.transData.transform(point) for point in points]
    # A marker is about eight points wide.
    taken = [Bbox([dot - 5 * pixel, dot + 5 * pixel]) for dot in dots] + list(blocked)
    crossings = np.concatenate([_samples(axes, line) for line in lines] or [np.empty((0, 2))])
    frame = axes.get_window_extent()
    placed = 0
    for index, (point, text, color) in enumerate(zip(points, texts, colors, strict=True)):
        best: tuple[float, int, int, int] | None = None
        for order, (right, up, far) in enumerate(
            (side[0], side[1], far) for far in _DISTANCES for side in _SIDES
        ):
            label = _annotate(axes, text, point, (right, up, far), color, size)
            box = _text_box(label, renderer).padded(1.5 * pixel)
            label.remove()
            outside = not (frame.x0 <= box.x0 and box.x1 <= frame.x1 + 4 * pixel)
            outside |= not (frame.y0 <= box.y0 and box.y1 <= frame.y1)
            hits = any(box.overlaps(other) for i, other in enumerate(taken) if i != index)
            if outside or hits:
                continue
            crossed = int(box.padded(pixel).count_contains(crossings)) if len(crossings) else 0
            cost = crossed + 0.5 * order
            if best is None or cost < best[0]:
                best = (cost, right, up, far)
        if best is not None:
            label = _annotate(axes, text, point, best[1:], color, size)
            taken.append(_text_box(label, renderer).padded(1.5 * pixel))
            placed += 1
    return placed


def short_label(solution: Solution, label: str) -> str:
    """What stands beside a solution's point, where the legend says what the number is.

    Args:
        solution: The solution.
        label: Its whole label, used where there is no number.

    Returns:
        ``0.25`` for a control, ``α = 0.3`` for the composite loss, ``ε = 0.7`` for a request by ε.

    Example:
        >>> solution = Solution(
        ...     name="composite_0.3", method="composite", retain_loss=0.1, forget_loss=0.8
        ... )
        >>> short_label(solution, "composite α = 0.3")
        'α = 0.3'
    """
    number = number_in(solution.name)
    if number is None:
        return label
    if solution.method == "composite":
        return f"α = {number:g}"
    # A request by ε itself carries its control too, but the user thinks in ε.
    return f"ε = {number:g}" if solution.name.startswith("epsilon") else f"{number:g}"


def _annotate(
    axes: Axes,
    text: str,
    point: tuple[float, float],
    place: tuple[int, int, int],
    color: str,
    size: float,
) -> Annotation:
    right, up, far = place
    # A diagonal is as far away as a straight side.
    reach = far * (0.75 if right and up else 1.0)
    return axes.annotate(
        text,
        point,
        xytext=(right * reach, up * reach),
        textcoords="offset points",
        ha={1: "left", 0: "center", -1: "right"}[right],
        va={1: "bottom", 0: "center", -1: "top"}[up],
        color=color,
        fontsize=size,
        zorder=6,
        # Farther away, only a line says whose label it is.
        arrowprops={"arrowstyle": "-", "color": color, "lw": 0.6, "shrinkA": 1, "shrinkB": 4}
        if far > _DISTANCES[0]
        else None,
        annotation_clip=False,
    )


def _text_box(label: Annotation, renderer: RendererBase) -> Bbox:
    """Where the text is, in pixels; the box of an annotation would hold its line too."""
    label.update_positions(renderer)
    return Text.get_window_extent(label, renderer)


def _samples(axes: Axes, line: Sequence[tuple[float, float]]) -> np.ndarray:
    """Points along a polyline, in pixels, close enough that no letter fits between two."""
    corners = axes.transData.transform(np.asarray(line, float).reshape(-1, 2))
    pieces = [
        np.linspace(start, end, max(int(np.hypot(*(end - start)) / 3), 2))
        for start, end in zip(corners[:-1], corners[1:], strict=True)
    ]
    return np.concatenate(pieces) if pieces else corners
