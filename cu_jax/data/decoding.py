"""Encoded pictures to arrays."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image


class PictureError(ValueError):
    """A picture cannot be used; the message is what is wrong with it, to follow its name."""


def decode(data: bytes, channels: int = 3) -> UInt8[np.ndarray, "h w c"]:
    """The whole picture, upright.

    Args:
        data: the file's bytes.
        channels: 3 for RGB, 1 for gray.

    Returns:
        uint8 ``[height, width, channels]``.

    Raises:
        PictureError: if it cannot be used.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            image = np.asarray(picture.convert("RGB" if channels == 3 else "L"), np.uint8)
    except Exception as error:
        raise PictureError(f"is damaged ({error})") from error
    return image.reshape(*image.shape[:2], channels)


def check(data: bytes) -> None:
    """Raises a ``PictureError`` if the picture cannot be used; decodes all of it."""
    decode(data)
