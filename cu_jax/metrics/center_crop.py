"""The square middle of pictures at a network's own size, in bytes, as Pillow makes it."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from cu_jax.metrics.resizing import resizing_weights

_FRACTION = 22  # Bits after the point of Pillow's weights.


def center_crop(pictures: Any, side: int) -> Float[Array, "b {side} {side} 3"]:
    """The shorter edge becomes ``side`` (bicubic, antialiased), and the center is cut out.

    Args:
        pictures: array-like float ``[b, h, w, c]`` in [0, 1], of 1 or 3 channels and any size.
        side: of the result in pixels.

    Returns:
        Whole numbers in [0, 255] as float32 ``[b, side, side, 3]``; the channels of a gray picture
        are equal.

    Raises:
        ValueError: the pictures have other axes or channels.

    Example:
        >>> center_crop(jnp.ones((1, 12, 16, 1)), 6)[0, 0, 0]
        Array([255., 255., 255.], dtype=float32)

    Note:
        Pictures are rounded to bytes first: seen is what a file of them would hold. Pillow rounds
        to bytes again after the rows and after the columns, and so does this. The result is
        Pillow's bit for bit; the longer edge is cut to whole pixels before the crop, as the
        transformers library does.
    """
    pictures = jnp.asarray(pictures, jnp.float32)
    if pictures.ndim != 4 or pictures.shape[-1] not in (1, 3):
        raise ValueError(
            "Pictures must be [B, H, W, C] with 1 or 3 channels, but their shape is "
            f"{pictures.shape}: change the axes."
        )
    height, width = pictures.shape[1:3]
    shorter = min(height, width)
    size = (side * height // shorter, side * width // shorter)
    rounded = jnp.clip(jnp.round(255 * pictures), 0, 255).astype(jnp.int32)
    top, left = ((length - side) // 2 for length in size)
    middle = _resized(rounded, size)[:, top : top + side, left : left + side]
    return jnp.broadcast_to(middle, (*middle.shape[:-1], 3)).astype(jnp.float32)


def _resized(pictures: Int[Array, "b h w c"], size: tuple[int, int]) -> Int[Array, "b y x c"]:
    """Bytes to bytes, rows before columns, in Pillow's fixed-point numbers: equal, not just near.

    Where neighbors are alike many sums lie halfway between two bytes, and any other rounding of the
    weights falls to the other side.
    """
    for axis, length in ((2, size[1]), (1, size[0])):
        if pictures.shape[axis] != length:
            weights = resizing_weights(pictures.shape[axis], length) * 2**_FRACTION
            weights = np.trunc(weights + np.copysign(0.5, weights)).astype(np.int32)
            sums = jnp.tensordot(pictures, weights, ((axis,), (1,)))
            nearest = (sums + 2 ** (_FRACTION - 1)) >> _FRACTION
            pictures = jnp.moveaxis(jnp.clip(nearest, 0, 255), -1, axis)
    return pictures
