"""Structural similarity of a restored picture and its original, inside the hole."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cu_jax.metrics.pictures import Images, Mask, composite

_SIGMA, _REACH = 1.5, 5
WINDOW = 2 * _REACH + 1
"""Pixels a side of the Gaussian window: smaller pictures have no structural similarity."""
_C1, _C2 = 0.01**2, 0.03**2


def ssim(restored: Images, original: Images, mask: Mask) -> Float[Array, " b"]:
    r"""Mean structural similarity over the removed pixels of each picture.

    .. math:: \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
        {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}

    with moments under a Gaussian window (deviation 1.5, 11 x 11 pixels) around each pixel of each
    channel, c_1 = 0.01² and c_2 = 0.03².

    Args:
        restored: Restored pictures, float32 [B, H, W, C] in [0, 1]; at least 11 pixels a side.
        original: Uncorrupted pictures, the same shape.
        mask: 1 (or True) = removed, 0 = visible; broadcastable to the pictures, as [B, H, W, 1].

    Returns:
        float32 [B] in [-1, 1]; nan for a picture without a removed pixel.

    Raises:
        ValueError: Shapes or dtypes do not fit.

    Note:
        The visible pixels are the original's, whatever a model writes there; windows at the edge of
        the hole reach into them, so a small hole scores higher than a large one.

    Example:
        >>> original = jnp.eye(12).reshape(1, 12, 12, 1)
        >>> mask = jnp.zeros((1, 12, 12, 1)).at[:, 4:8, 4:8].set(1)
        >>> ssim(original, original, mask).item()
        1.0

    References:
        Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
    """
    x = composite(restored, original, mask).astype(jnp.float32)
    y = jnp.asarray(original, jnp.float32)
    if min(y.shape[1:3]) < WINDOW:
        raise ValueError(
            f"Pictures must have at least {WINDOW} pixels a side, the window's, got "
            f"{y.shape[1]} x {y.shape[2]}: use psnr for smaller ones."
        )
    mean_x, mean_y = _windowed(x), _windowed(y)
    # Differences from the window's mean would need a window each; these are as exact in [0, 1].
    variances = _windowed(x * x) - mean_x**2 + _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    alike = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    similarity = alike / ((mean_x**2 + mean_y**2 + _C1) * (variances + _C2))
    removed = jnp.broadcast_to(mask > 0.5, y.shape)
    total = jnp.sum(jnp.where(removed, similarity, 0.0), axis=(1, 2, 3))
    return total / jnp.sum(removed, axis=(1, 2, 3))


def _windowed(images: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Weighted means around each pixel, of pictures mirrored at their edges."""
    taps = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _SIGMA) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (1, 2):
        size = images.shape[axis]
        widths = [(0, 0)] * 4
        widths[axis] = (_REACH, _REACH)
        padded = jnp.pad(images, widths, mode="symmetric")
        shifted = [
            tap * jax.lax.slice_in_dim(padded, start, start + size, axis=axis)
            for start, tap in enumerate(taps)
        ]
        images = sum(shifted[1:], shifted[0])
    return images
