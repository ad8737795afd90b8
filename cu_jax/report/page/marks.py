"""Marks and labels of points: shapes as SVG paths, and places where labels cover nothing."""

import math
from collections.abc import Sequence

import numpy as np

Point = tuple[float, float]
Box = tuple[float, float, float, float]

# Where a label may stand: horizontal and vertical direction from its point, best first.
_SIDES = ((1, -1), (1, 0), (1, 1), (0, -1), (0, 1), (-1, -1), (-1, 0), (-1, 1))
_DISTANCES = (11.0, 16.0, 23.0, 31.0)
# A letter of a system font is this share of the font's size wide, on average.
_LETTER = 0.56


def _star() -> str:
    angles = math.pi * np.arange(10) / 5
    reach = np.where(np.arange(10) % 2, 3.6, 9.0)
    corners = zip(reach * np.sin(angles), -reach * np.cos(angles), strict=True)
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in corners) + "Z"


SHAPES = {
    "o": "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0Z",
    "D": "M0-7.5L7.5 0L0 7.5L-7.5 0Z",
    "*": _star(),
    "s": "M-5.5-5.5h11v11h-11Z",
    "^": "M0-7L6.5 5.5h-13Z",
    "v": "M0 7L6.5-5.5h-13Z",
    "<": "M-7 0L5.5-6.5v13Z",
    "p": "M0-6.8L6.5 -2.1L4.0 5.5L-4.0 5.5L-6.5 -2.1Z",
    "P": "M-2.4-6.5h4.8v4.1h4.1v4.8h-4.1v4.1h-4.8v-4.1h-4.1v-4.8h4.1Z",
    "X": "M0-3L3.5-6.5L6.5-3.5L3 0L6.5 3.5L3.5 6.5L0 3L-3.5 6.5L-6.5 3.5L-3 0L-6.5-3.5L-3.5-6.5Z",
    "h": "M0-6.5L5.6-3.2L5.6 3.2L0 6.5L-5.6 3.2L-5.6-3.2Z",
}
"""matplotlib's marker to the ``d`` of an SVG path around (0, 0)."""


def label_places(
    points: Sequence[Point],
    texts: Sequence[str],
    frame: Box,
    *,
    lines: Sequence[Sequence[Point]] = (),
    size: float = 14.0,
) -> list[tuple[float, float, str] | None]:
    """Finds a place for each label: the freest of eight sides and four distances.

    Args:
        points: Where the marks are, y downwards.
        texts: One text a point.
        frame: Left, top, right and bottom, within which labels stay.
        lines: Polylines, which labels had better not cross.
        size: Font size.

    Returns:
        For each text x and y of its base line and the SVG ``text-anchor``; None where it would
        cover a mark or another label wherever it stood.

    Example:
        >>> label_places([(50.0, 50.0)], ["a"], (0.0, 0.0, 100.0, 100.0))
        [(58.25, 42.235, 'start')]
    """
    taken: list[Box] = [(x - 8, y - 8, x + 8, y + 8) for x, y in points]
    crossings = [point for line in lines for point in _samples(line)]
    found: list[tuple[float, float, str] | None] = []
    for index, ((x, y), text) in enumerate(zip(points, texts, strict=True)):
        best: tuple[float, Box, str] | None = None
        for order, (far, (right, down)) in enumerate(
            (far, side) for far in _DISTANCES for side in _SIDES
        ):
            box = _box(x, y, far * (0.75 if right and down else 1.0), right, down, text, size)
            others = (other for i, other in enumerate(taken) if i != index)
            if not _inside(box, frame) or any(_overlap(box, other) for other in others):
                continue
            crossed = sum(
                box[0] - 2 < a < box[2] + 2 and box[1] - 2 < b < box[3] + 2 for a, b in crossings
            )
            cost = crossed + 0.5 * order
            if best is None or cost < best[0]:
                best = (cost, box, {1: "start", 0: "middle", -1: "end"}[right])
        if best is None:
            found.append(None)
            continue
        _, box, anchor = best
        taken.append(box)
        at = {"start": box[0], "middle": (box[0] + box[2]) / 2, "end": box[2]}[anchor]
        # The base line lies above the foot of the box by the depth of a "g".
        found.append((at, box[3] - 0.26 * size, anchor))
    return found


def _box(x: float, y: float, far: float, right: int, down: int, text: str, size: float) -> Box:
    width, height = _LETTER * size * len(text), 1.25 * size
    left = x + far * right - width * (0.5 - 0.5 * right)
    # A label beside its point is level with it; one above or below is clear of it.
    top = y + 0.5 * far * down * (1 if right else 2) - height * (0.5 - 0.5 * down)
    return left, top, left + width, top + height


def _inside(box: Box, frame: Box) -> bool:
    return frame[0] <= box[0] and frame[1] <= box[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _samples(line: Sequence[Point]) -> list[Point]:
    """Points along a polyline, close enough that no letter fits between two."""
    points: list[Point] = []
    for (x0, y0), (x1, y1) in zip(line[:-1], line[1:], strict=True):
        count = max(int(math.hypot(x1 - x0, y1 - y0) / 4), 2)
        points += [(x0 + (x1 - x0) * i / count, y0 + (y1 - y0) * i / count) for i in range(count)]
    return points
