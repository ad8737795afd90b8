"""Pictures of one kind on one sheet, as a file that stands in the page itself."""

import base64
import dataclasses
import io
from typing import Any

import numpy as np
from PIL import Image, features

from cu_jax.report.page.scales import place
from cu_jax.report.pictures import outline, resized

# Pictures with at most this many rows keep their pixels; larger ones are shrunk.
_SMALL, _SHRUNK = 64, 96
# What a shrunk sheet is saved as: of photographs a sixth of a PNG, which looks the same.
_LOSSY: dict[str, Any] = {"format": "WEBP", "quality": 85, "method": 4}
_LOSSLESS: dict[str, Any] = {"format": "PNG", "optimize": True}
# How many pictures of a kind are shown.
MOST = 10


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A sheet of pictures.

    Attributes:
        source: A ``data:`` URI.
        width: Pixels.
        height: Pixels.
        sharp: Whether pixels stay squares when it is enlarged.
        alt: What it shows, in words.

    Example:
        >>> make_sheet(np.zeros((3, 8, 8, 1), np.uint8), "three black squares").width
        26
    """

    source: str
    width: int
    height: int
    sharp: bool
    alt: str

    @property
    def lossy(self) -> bool:
        """Whether colors may be off by a little."""
        return self.source.startswith("data:image/webp;")


def make_sheet(pictures: np.ndarray, alt: str) -> Sheet:
    """Puts pictures into at most two rows with transparent gaps.

    Args:
        pictures: uint8 ``[n, H, W, C]``, C = 1 or 3, n ≥ 1.
        alt: What they show.

    Returns:
        The sheet; the same pictures give the same bytes.

    Example:
        >>> sheet = make_sheet(np.zeros((10, 28, 28, 1), np.uint8), "digits")
        >>> sheet.source[:22], sheet.height
        ('data:image/png;base64,', 58)
    """
    sharp = pictures.shape[1] <= _SMALL
    if not sharp:
        pictures = resized(pictures, *_shrunk(pictures.shape[1], pictures.shape[2]))
    count, height, width, channels = pictures.shape
    per_row, gap = layout(count), _gap(height)
    lines = -(-count // per_row)
    shape = (lines * (height + gap) - gap, per_row * (width + gap) - gap, channels + 1)
    canvas = np.zeros(shape, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = (index // per_row) * (height + gap), (index % per_row) * (width + gap)
        canvas[top : top + height, left : left + width, :channels] = picture
        canvas[top : top + height, left : left + width, channels] = 255
    # Pillow can be built without WebP.
    settings = _LOSSLESS if sharp or not features.check("webp") else _LOSSY
    image, file = Image.fromarray(canvas), io.BytesIO()
    image.save(file, **settings)
    content = base64.b64encode(file.getvalue()).decode("ascii")
    source = f"data:image/{settings['format'].lower()};base64,{content}"
    return Sheet(source, shape[1], shape[0], sharp, alt)


def hole_path(mask: np.ndarray, count: int) -> str:
    """The outline of the hole in every picture of a sheet.

    Args:
        mask: bool ``[H, W]``, True = removed.
        count: Pictures on the sheet.

    Returns:
        The ``d`` of an SVG path in pixels of the sheet; empty if nothing was removed.

    Example:
        >>> mask = np.zeros((4, 4), bool)
        >>> mask[1:3, 1:3] = True
        >>> hole_path(mask, 1)
        'M1 1H3M1 3H3M1 1V3M3 1V3'
    """
    height, width = mask.shape
    new = (height, width) if height <= _SMALL else _shrunk(height, width)
    strokes = _strokes(outline(mask))
    per_row, gap = layout(count), _gap(new[0])
    parts = []
    for index in range(count):
        left, top = (index % per_row) * (new[1] + gap), (index // per_row) * (new[0] + gap)
        for (x0, y0), (x1, y1) in strokes:
            a, b = place(left + x0 * new[1] / width), place(top + y0 * new[0] / height)
            end = place(left + x1 * new[1] / width), place(top + y1 * new[0] / height)
            parts.append(f"M{a} {b}" + (f"H{end[0]}" if y0 == y1 else f"V{end[1]}"))
    return "".join(parts)


def layout(count: int) -> int:
    """Pictures in one row of a sheet: up to five in one row, more in two.

    Example:
        >>> layout(3), layout(10)
        (3, 5)
    """
    return count if count <= 5 else -(-count // 2)


def _gap(height: int) -> int:
    return max(1, round(height / 14))


def _shrunk(height: int, width: int) -> tuple[int, int]:
    return _SHRUNK, max(1, round(width * _SHRUNK / height))


def _strokes(edges: np.ndarray) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Joins edges of one pixel that continue each other."""
    strokes: list[tuple[tuple[float, float], tuple[float, float]]] = []
    level = edges[:, 0, 1] == edges[:, 1, 1]
    for along, across, group in ((0, 1, edges[level]), (1, 0, edges[~level])):
        order = np.lexsort((group[:, 0, along], group[:, 0, across]))
        for start, end in (map(tuple, pair) for pair in group[order].tolist()):
            if strokes and strokes[-1][1] == start and strokes[-1][0][across] == start[across]:
                strokes[-1] = (strokes[-1][0], end)
            else:
                strokes.append((start, end))
    return strokes
