"""Measures of a restored picture against its original, inside the hole."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

AnyArray = Array | np.ndarray
Images = Float[AnyArray, "b h w c"]
Mask = Shaped[AnyArray, "..."]

MSE_FLOOR = 1e-10  # A perfect restoration reads 100 dB instead of infinity.


def composite(
    restored: Images,
    original: Images,
    mask: Mask,
) -> Float[Array, "b h w c"]:
    """Pastes the visible pixels back: the hole from `restored`, the rest from `original`.

    Args:
        restored: Restored pictures, float32 [B, H, W, C] in [0, 1].
        original: Uncorrupted pictures, the same shape.
        mask: 1 (or True) = removed, 0 = visible; broadcastable to the pictures, as [B, H, W, 1].

    Returns:
        Pictures of the same shape.

    Raises:
        ValueError: Shapes or dtypes do not fit.

    Example:
        >>> restored, original = jnp.ones((1, 1, 2, 1)), jnp.zeros((1, 1, 2, 1))
        >>> composite(restored, original, jnp.array([1, 0]).reshape(1, 1, 2, 1)).ravel()
        Array([1., 0.], dtype=float32)
    """
    return jnp.where(_removed(restored, original, mask), restored, original)


def hole_mse(
    restored: Images,
    original: Images,
    mask: Mask,
) -> Float[Array, " b"]:
    r"""Mean squared error over the removed pixels of each picture.

    .. math:: \mathrm{MSE}_b = \sum_{p \in \text{hole}_b} (\hat x_p - x_p)^2 / |\text{hole}_b|

    Args:
        restored: Restored pictures, float32 [B, H, W, C] in [0, 1].
        original: Uncorrupted pictures, the same shape.
        mask: 1 (or True) = removed, 0 = visible; broadcastable to the pictures, as [B, H, W, 1].

    Returns:
        float32 [B]; nan for a picture without a removed pixel.

    Raises:
        ValueError: Shapes or dtypes do not fit.

    Example:
        >>> restored, original = jnp.full((1, 1, 2, 1), 0.5), jnp.zeros((1, 1, 2, 1))
        >>> hole_mse(restored, original, jnp.array([1, 0]).reshape(1, 1, 2, 1))
        Array([0.25], dtype=float32)

    Note:
        The visible pixels are selected away, not multiplied by zero, so whatever a model writes
        there (nan included) has no influence.
    """
    removed = _removed(restored, original, mask)
    error = jnp.square(restored.astype(jnp.float32) - original.astype(jnp.float32))
    total = jnp.sum(jnp.where(removed, error, 0.0), axis=(1, 2, 3))
    return total / jnp.sum(removed, axis=(1, 2, 3))


def psnr(
    restored: Images,
    original: Images,
    mask: Mask,
) -> Float[Array, " b"]:
    r"""Peak signal-to-noise ratio in the hole of each picture, in dB.

    .. math:: \mathrm{PSNR}_b = -10 \log_{10} \max(\mathrm{MSE}_b, 10^{-10})

    Args:
        restored: Restored pictures, float32 [B, H, W, C] in [0, 1] (the peak is 1).
        original: Uncorrupted pictures, the same shape.
        mask: 1 (or True) = removed, 0 = visible; broadcastable to the pictures, as [B, H, W, 1].

    Returns:
        float32 [B], at most 100; nan for a picture without a removed pixel.

    Raises:
        ValueError: Shapes or dtypes do not fit.

    Example:
        >>> restored, original = jnp.full((1, 2, 2, 1), 0.1), jnp.zeros((1, 2, 2, 1))
        >>> psnr(restored, original, jnp.ones((1, 2, 2, 1))).round(3)
        Array([20.], dtype=float32)

    Note:
        Per picture, then averaged by the caller: the mean of the dB values, not the dB value of
        the mean error, so one lost picture cannot hide the others.
    """
    return -10.0 * jnp.log10(jnp.maximum(hole_mse(restored, original, mask), MSE_FLOOR))


def _removed(
    restored: Shaped[AnyArray, "..."], original: Shaped[AnyArray, "..."], mask: Mask
) -> Bool[Array, "b h w c"]:
    """The mask as booleans of the pictures' shape, after checking what was given."""
    if restored.ndim != 4 or restored.shape != original.shape:
        raise ValueError(
            "restored and original must both be [B, H, W, C], but their shapes are "
            f"{restored.shape} and {original.shape}: give two batches of one shape."
        )
    for name, images in (("restored", restored), ("original", original)):
        if not jnp.issubdtype(images.dtype, jnp.floating):
            raise ValueError(
                f"{name} must be floating point in [0, 1], but its dtype is {images.dtype}: divide "
                "bytes by 255 first."
            )
    try:
        return jnp.broadcast_to(mask > 0.5, restored.shape)
    except ValueError as error:
        raise ValueError(
            f"mask must be broadcastable to the pictures' shape {restored.shape}, but its shape is "
            f"{mask.shape}: give [B, H, W, 1]."
        ) from error
