"""What a model sees of a picture, and what becomes of the picture with what it restores."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from cu_jax.pictures import eight_bits
from cu_jax.restoring.holes import centered_square

# All in pixels of a side-by-side picture.
_SMALLEST, _LARGEST, _GAP = 224, 1024, 12
_INK, _PAPER, _HOLE = (34, 34, 34), (255, 255, 255), (128, 128, 128)


def seen(
    image: Image.Image, hole: Bool[np.ndarray, "height width"], shape: tuple[int, int, int]
) -> UInt8[np.ndarray, "size size channels"]:
    """What is shown to the model: the largest centered square, at the model's size and channels.

    Removed pixels weigh nothing in the resizing, so that the model's visible pixels know nothing of
    them.

    Args:
        image: the picture, upright, mode L, LA, RGB, RGBA or I;16; transparent pixels look white.
        hole: True = removed.
        shape: the model's ``image_shape``, square, with 1 or 3 channels.

    Returns:
        Pixels from 0 to 255; removed ones are 0.

    Example:
        >>> hole = np.array([[True, False], [False, False]])
        >>> seen(Image.new("L", (2, 2), 200), hole, (2, 2, 1))[..., 0]
        array([[  0, 200],
               [200, 200]], dtype=uint8)
    """
    size, _, channels = shape
    left, top, side = centered_square(*image.size)
    box = (left, top, left + side, top + side)
    plain = eight_bits(image.crop(box)).convert("L" if channels == 1 else "RGB")
    visible = ~hole[top : top + side, left : left + side]
    # Pillow weighs colors by their opacity when it resizes.
    plain.putalpha(Image.fromarray(np.where(visible, np.uint8(255), np.uint8(0))))
    pixels = np.asarray(plain.resize((size, size), Image.Resampling.BILINEAR))
    return np.where(pixels[..., -1:] > 0, pixels[..., :-1], np.uint8(0))


def has_color(image: Image.Image) -> bool:
    """Whether a picture is more than shades of gray, whatever its mode.

    Example:
        >>> has_color(Image.new("RGB", (4, 4), (90, 90, 90)))
        False
    """
    if image.mode not in ("RGB", "RGBA"):
        return False
    small = np.asarray(eight_bits(image).resize((64, 64), Image.Resampling.BOX), np.int16)
    # A gray photograph that was stored as a color JPEG strays by a few levels.
    return bool(np.ptp(small, axis=-1).max() > 8)


def pasted(
    image: Image.Image,
    hole: Bool[np.ndarray, "height width"],
    restored: Float[np.ndarray, "size size channels"],
) -> Image.Image:
    """The picture with its hole filled from what the model restored, at the picture's resolution.

    Args:
        image: the picture, upright, mode L, LA, RGB, RGBA or I;16.
        hole: True = removed; inside the centered square.
        restored: the model's picture of that square, in [0, 1].

    Returns:
        A picture of the same mode. Outside the hole it has the same bits; inside it is opaque, and
        gray if either the picture or the model is.

    Example:
        >>> hole = np.array([[True, False], [False, False]])
        >>> np.asarray(pasted(Image.new("L", (2, 2), 7), hole, np.ones((2, 2, 1), np.float32)))
        array([[255,   7],
               [  7,   7]], dtype=uint8)
    """
    pixels = np.array(image)  # A copy: np.asarray would be the image's own.
    rows, columns = (np.flatnonzero(hole.any(axis)) for axis in (1, 0))
    if not len(rows):
        return image.copy()
    # Large pictures have small holes: only the hole's own box is enlarged.
    left, top = int(columns[0]), int(rows[0])
    window = np.s_[top : rows[-1] + 1, left : columns[-1] + 1]
    inside = hole[window]
    fill = _enlarged(restored, centered_square(*image.size), (left, top), inside.shape)
    if image.mode in ("L", "LA", "I;16") and fill.shape[2] == 3:
        fill = fill @ np.array([[0.299], [0.587], [0.114]], np.float32)  # As Pillow's mode L.
    most = 65535 if image.mode == "I;16" else 255
    values = np.round(np.clip(fill, 0, 1) * most).astype(pixels.dtype)
    if pixels.ndim == 2:
        pixels[window][inside] = values[inside][:, 0]
    else:
        colors = 1 if image.mode == "LA" else 3
        pixels[window][inside, :colors] = values[inside]
        pixels[window][inside, colors:] = 255
    out = Image.fromarray(pixels)
    out.info = dict(image.info)
    return out


def with_hole(image: Image.Image, hole: Bool[np.ndarray, "height width"]) -> Image.Image:
    """The picture with its removed pixels in a flat gray, in RGB, for people to look at.

    Example:
        >>> with_hole(Image.new("L", (2, 2)), np.ones((2, 2), bool)).getpixel((0, 0))
        (128, 128, 128)
    """
    out = eight_bits(image).convert("RGB")
    out.paste(_HOLE, mask=Image.fromarray(np.where(hole, np.uint8(255), np.uint8(0))))
    return out


def side_by_side(panels: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Pictures of one size in a row, each with its label above.

    Small pictures are enlarged by a whole factor, so that their pixels show; large ones are shrunk.

    Args:
        panels: labels and pictures.

    Returns:
        One RGB picture.

    Example:
        >>> side_by_side([("a", Image.new("L", (28, 28))), ("b", Image.new("L", (28, 28)))]).size
        (484, 266)
    """
    pictures = [_panel(image) for _, image in panels]
    width, height = pictures[0].size
    text = max(18, width // 24)
    font = ImageFont.load_default(text)
    wide = [max(width, int(font.getlength(label)) + 1) for label, _ in panels]
    head = text + _GAP
    size = (sum(wide) + _GAP * (len(panels) + 1), head + height + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    left = _GAP
    for (label, _), picture, room in zip(panels, pictures, wide, strict=True):
        draw.text((left, head - text // 3), label, _INK, font, anchor="ls")
        sheet.paste(picture, (left, head))
        left += room + _GAP
    return sheet


def _enlarged(
    restored: np.ndarray,
    square: tuple[int, int, int],
    corner: tuple[int, int],
    shape: tuple[int, ...],
) -> Float[np.ndarray, "rows columns channels"]:
    """The part of the model's picture that lies under a window of the picture."""
    left, top, side = square
    scale = len(restored) / side
    x, y = corner[0] - left, corner[1] - top
    # The last digits of a product may stand outside the picture, which Pillow refuses.
    edges = (x, y, x + shape[1], y + shape[0])
    x0, y0, x1, y1 = (min(edge * scale, float(len(restored))) for edge in edges)
    planes = [
        Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(
            (shape[1], shape[0]), Image.Resampling.BICUBIC, box=(x0, y0, x1, y1)
        )
        for plane in np.moveaxis(restored, -1, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def _panel(image: Image.Image) -> Image.Image:
    image = eight_bits(image).convert("RGB")
    longest = max(image.size)
    if longest < _SMALLEST:
        factor = -(-_SMALLEST // longest)
        return image.resize([side * factor for side in image.size], Image.Resampling.NEAREST)
    if longest > _LARGEST:
        image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    return image
