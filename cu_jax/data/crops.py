"""Encoded pictures to square crops: random ones for training, centered ones for evaluation."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cu_jax.data.decoding import decode, decode_jpeg, jpeg_header

SCALE = (0.2, 1.0)
"""Share of the picture's area that a random crop covers."""

RATIO = (3 / 4, 4 / 3)
"""Width of a random crop divided by its height."""

_TRIES = 10


class Box(NamedTuple):
    """A part of a picture, in pixels.

    Attributes:
        left: columns left of it.
        top: rows above it.
        width: of the part.
        height: of the part.
    """

    left: float
    top: float
    width: float
    height: float


def random_crop(
    data: bytes, size: int, rng: np.random.Generator, channels: int = 3
) -> UInt8[np.ndarray, "size size c"]:
    """A random part of a picture, resized to a square, mirrored half of the time.

    Args:
        data: the file's bytes.
        size: pixels a side.
        rng: where the part and the mirroring are drawn from.
        channels: 3 for RGB, 1 for gray.

    Returns:
        uint8 ``[size, size, channels]``; the same for the same bytes and state of ``rng``.

    Raises:
        PictureError: the picture cannot be used.

    Note:
        The part is torchvision's ``RandomResizedCrop`` with ``scale=(0.2, 1)``, the mirroring its
        ``RandomHorizontalFlip``. Where a part is made smaller, the filter is Pillow's HAMMING
        (antialiased, as wide as bilinear, nearly as sharp as bicubic and a third cheaper); where it
        is made larger, bicubic. torchvision with Pillow takes bicubic for both.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (40, 30), "red").save(file, "PNG")
        >>> random_crop(file.getvalue(), 16, np.random.default_rng(0)).shape
        (16, 16, 3)
    """
    picture = _Encoded(data, channels)
    box = random_box(picture.width, picture.height, rng)
    smaller = box.width * box.height >= size * size
    filter = Image.Resampling.HAMMING if smaller else Image.Resampling.BICUBIC
    return picture.resized(box, size, filter, mirrored=rng.random() < 0.5)


def center_crop(data: bytes, size: int, channels: int = 3) -> UInt8[np.ndarray, "size size c"]:
    """The largest centered square of a picture, resized.

    Args:
        data: the file's bytes.
        size: pixels a side.
        channels: 3 for RGB, 1 for gray.

    Returns:
        uint8 ``[size, size, channels]``.

    Raises:
        PictureError: the picture cannot be used.

    Note:
        The filter is Pillow's antialiased bicubic. torchvision's ``Resize`` and ``CenterCrop``
        resize the whole picture first and then cut at whole pixels of the result, which moves the
        square by less than one of them.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> Image.new("L", (40, 30), 7).save(file, "PNG")
        >>> center_crop(file.getvalue(), 16, channels=1)[0, 0].tolist()
        [7]
    """
    picture = _Encoded(data, channels)
    side = min(picture.width, picture.height)
    box = Box((picture.width - side) / 2, (picture.height - side) / 2, side, side)
    return picture.resized(box, size, Image.Resampling.BICUBIC)


def random_box(width: int, height: int, rng: np.random.Generator) -> Box:
    """Draws the part of a picture that a random crop covers.

    Area and the logarithm of width / height are uniform in `SCALE` and `RATIO`, the place is
    uniform among those that lie inside. After ten draws that don't fit, the centered part whose
    ratio is nearest to the picture's.

    Args:
        width: of the picture.
        height: of the picture.
        rng: where it is drawn from.

    Returns:
        The part, in whole pixels.

    Example:
        >>> random_box(100, 8, np.random.default_rng(0))  # No such part has room in a banner.
        Box(left=44, top=0, width=11, height=8)
    """
    logarithms = math.log(RATIO[0]), math.log(RATIO[1])
    for _ in range(_TRIES):
        area = width * height * rng.uniform(*SCALE)
        ratio = math.exp(rng.uniform(*logarithms))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top = int(rng.integers(height - h + 1))
            return Box(int(rng.integers(width - w + 1)), top, w, h)
    ratio = min(max(width / height, RATIO[0]), RATIO[1])
    w, h = min(width, round(height * ratio)), min(height, round(width / ratio))
    return Box((width - w) // 2, (height - h) // 2, w, h)


class _Encoded:
    """A picture whose size is known and whose pixels are decoded as far as they are needed."""

    def __init__(self, data: bytes, channels: int) -> None:
        self._data, self._channels = data, channels
        header = jpeg_header(data)
        self._jpeg = header if header is not None and header.plain else None
        if self._jpeg is not None:
            self._pixels = None
            self.width, self.height = self._jpeg.width, self._jpeg.height
        else:
            self._pixels = decode(data, channels)
            self.height, self.width = self._pixels.shape[:2]

    def resized(
        self, box: Box, size: int, filter: Image.Resampling, mirrored: bool = False
    ) -> UInt8[np.ndarray, "size size c"]:
        pixels = self._pixels
        if self._jpeg is not None:
            shrink = _shrink(box, size)
            pixels = decode_jpeg(self._data, self._jpeg, self._channels, shrink)
            if pixels is not None:
                box = Box(*(value / shrink for value in box))
        if pixels is None:
            pixels = decode(self._data, self._channels)
        small = _resize(pixels, box, size, filter)
        if mirrored:  # By Pillow: numpy's copy of a reversed view takes ten times as long.
            small = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.asarray(small).reshape(size, size, self._channels)


def _shrink(box: Box, size: int) -> int:
    """How much smaller a JPEG is decoded: a part keeps twice the pixels a side that are wanted."""
    return next((n for n in (8, 4, 2) if min(box.width, box.height) >= 2 * n * size), 1)


def _resize(
    pixels: UInt8[np.ndarray, "h w c"], box: Box, size: int, filter: Image.Resampling
) -> Image.Image:
    height, width, channels = pixels.shape
    left, top = math.floor(box.left), math.floor(box.top)
    right, bottom = min(box.left + box.width, width), min(box.top + box.height, height)
    mode, row = ("RGB" if channels == 3 else "L"), width * channels
    # Pillow copies what it is given: hence the box only, straight out of the rows around it.
    part = Image.frombytes(
        mode,
        (math.ceil(right) - left, math.ceil(bottom) - top),
        pixels.reshape(-1)[top * row + left * channels :],
        "raw",
        mode,
        row,
        1,
    )
    return part.resize(
        (size, size), filter, box=(box.left - left, box.top - top, right - left, bottom - top)
    )
