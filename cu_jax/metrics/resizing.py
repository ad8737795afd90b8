"""Pictures made larger or smaller in float, antialiased, as measures of features are defined."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_REACH = 2.0
"""Of the cubic kernel, in pixels of the coarser grid."""
_SHARPNESS = -0.5
"""The kernel's one free number; -0.5 is Keys' choice and Pillow's."""


def resize_bicubic(images: Any, size: tuple[int, int]) -> Float[Array, "b h w c"]:
    r"""Pictures at another size, each channel on its own: :math:`Y = W_h X W_w^\top`.

    The weights are Pillow's ``BICUBIC`` for pictures in float: a cubic kernel of reach 2, widened
    by the factor by which a side becomes smaller, so that what the coarser grid cannot show is
    averaged away; at the edges the kernel is cut off and the rest sums to one.

    Args:
        images: array-like float ``[b, h, w, c]``.
        size: height and width of the result, at least 1 each.

    Returns:
        float32 ``[b, *size, c]``. Not clipped: a cubic kernel overshoots at sharp edges.

    Raises:
        ValueError: the pictures have another shape, or a side is less than 1.

    Example:
        >>> resize_bicubic(jnp.ones((1, 4, 6, 3)), (2, 3))[0, 0, 0].round(3).tolist()
        [1.0, 1.0, 1.0]

    References:
        Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981.
        Parmar, Zhang and Zhu, On Aliased Resizing and Surprising Subtleties in GAN Evaluation,
        CVPR 2022.
    """
    images = jnp.asarray(images, jnp.float32)
    if images.ndim != 4 or min(*size, *images.shape[1:3]) < 1:
        raise ValueError(
            "Pictures must be [B, H, W, C] and go to a size of at least 1 x 1, but the shape is "
            f"{images.shape} and the size {size}: change either."
        )
    # Products in full precision, which accelerators otherwise round to 10 bits.
    highest = jax.lax.Precision.HIGHEST
    for axis, length in zip((1, 2), size, strict=True):
        if images.shape[axis] != length:
            weights = resizing_weights(images.shape[axis], length).astype(np.float32)
            resized = jnp.tensordot(images, weights, ((axis,), (1,)), precision=highest)
            images = jnp.moveaxis(resized, -1, axis)
    return images


@cache
def resizing_weights(before: int, after: int) -> Float[np.ndarray, "after before"]:
    """What each pixel of a row counts for each pixel of the resized row.

    Args:
        before: pixels of the row, at least 1.
        after: pixels of the resized row, at least 1.

    Returns:
        float64; each row sums to 1. One array for all calls with the same sizes: not to be written.

    Example:
        >>> resizing_weights(4, 2).round(3).tolist()
        [[0.459, 0.459, 0.12, -0.037], [-0.037, 0.12, 0.459, 0.459]]
    """
    scale = before / after
    stretch = max(scale, 1.0)
    center = (np.arange(after)[:, None] + 0.5) * scale
    place = np.arange(before)[None, :]
    # Pillow cuts the kernel off at whole pixels, rounded from where its reach ends.
    first = np.maximum(np.trunc(center - _REACH * stretch + 0.5), 0)
    last = np.minimum(np.trunc(center + _REACH * stretch + 0.5), before)
    weights = _cubic((place + 0.5 - center) / stretch)
    weights = np.where((place >= first) & (place < last), weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    weights.flags.writeable = False
    return weights


def _cubic(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    x, a = np.abs(x), _SHARPNESS
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < _REACH, far, 0.0))
