"""Corruptions T(x) of a picture on a grid of patches: which patches a model may not see.

A mask is 1 where something was *removed*. All functions are pure and run inside ``jit``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

Key = PRNGKeyArray | UInt32[Array, "2"]
Keys = jaxtyping.Key[Array, "batch"] | UInt32[Array, "batch 2"]
"""One key a picture."""


class PatchCorruption(NamedTuple):
    """Which patches are kept, in which order, and how to put them back.

    Attributes:
        keep: int32 ``[batch, kept]``, indices of the visible patches in the order they are read.
        restore: int32 ``[batch, patches]``, where each patch stands in ``[kept…, removed…]``.
        mask: float32 ``[batch, patches]``, 1 = removed, row-major over the grid.
    """

    keep: Int[Array, "batch kept"]
    restore: Int[Array, "batch patches"]
    mask: Float[Array, "batch patches"]


def random_patches(key: Key, batch: int, patches: int, kept: int) -> PatchCorruption:
    """Keeps ``kept`` of ``patches`` patches, drawn uniformly for each picture.

    Args:
        key: PRNG key.
        batch: number of pictures.
        patches: number of patches of a picture.
        kept: number of visible patches, in ``[1, patches]``.

    Returns:
        The corruption, one independent draw a picture.

    Raises:
        ValueError: if ``kept`` is outside ``[1, patches]``.

    Example:
        >>> import jax
        >>> corruption = random_patches(jax.random.key(0), batch=2, patches=49, kept=16)
        >>> corruption.keep.shape, float(corruption.mask.sum())
        ((2, 16), 66.0)
    """
    if not 1 <= kept <= patches:
        raise ValueError(
            f"The number of visible patches must lie in [1, {patches}], got {kept}: change "
            "mask_ratio."
        )
    order = jnp.argsort(jax.random.uniform(key, (batch, patches)), axis=1).astype(jnp.int32)
    return _from_order(order, kept)


def fixed_patches(mask: np.ndarray, batch: int) -> PatchCorruption:
    """The same given patches removed from every picture.

    Args:
        mask: NumPy bool ``[rows, columns]`` over the grid of patches, True = removed. It must be a
            concrete array, since its count of visible patches is a shape.
        batch: number of pictures.

    Returns:
        The corruption; visible patches are read in row-major order.

    Example:
        >>> fixed_patches(center_hole(7, 3)[..., 0] > 0, batch=1).keep.shape
        (1, 40)
    """
    flat = np.asarray(mask, bool).reshape(-1)
    order = np.argsort(flat, kind="stable").astype(np.int32)
    tiled = jnp.tile(jnp.asarray(order)[None], (batch, 1))
    return _from_order(tiled, int((~flat).sum()))


def center_hole(size: int, hole: int) -> np.ndarray:
    """A centered square hole of ``hole`` × ``hole`` pixels in a ``size`` × ``size`` picture.

    Args:
        size: pixels along a side.
        hole: pixels along a side of the hole, in ``[1, size - 1]``. Where ``size - hole`` is odd
            the hole stands half a pixel up and to the left of the center.

    Returns:
        NumPy float32 ``[size, size, 1]``, 1 = removed.

    Raises:
        ValueError: if ``hole`` leaves nothing visible or nothing to restore.

    Example:
        >>> int(center_hole(28, 12).sum())
        144
    """
    if not 1 <= hole < size:
        raise ValueError(
            f"The hole must be 1 to {size - 1} pixels wide, got {hole}: change "
            "the hole (config.evaluation.holes, or --hole)."
        )
    start = (size - hole) // 2
    mask = np.zeros((size, size, 1), np.float32)
    mask[start : start + hole, start : start + hole] = 1
    return mask


def outpaint_hole(size: int, visible: int) -> np.ndarray:
    """The frame around a centered square: the complement of :func:`center_hole`.

    Args:
        size: pixels along a side.
        visible: pixels along a side of the square that stays, in ``[1, size - 1]``.

    Returns:
        NumPy float32 ``[size, size, 1]``, 1 = removed.

    Raises:
        ValueError: if nothing stays visible or nothing is to restore.

    Example:
        >>> int(outpaint_hole(28, 21).sum())
        343
    """
    return 1 - center_hole(size, visible)


def random_hole(size: int, patch: int, share: float, seed: int = 0) -> np.ndarray:
    """Patches drawn at random, once: the same hole for whoever asks with the same arguments.

    Args:
        size: pixels along a side, a multiple of ``patch``.
        patch: pixels along a side of a patch.
        share: how many of the patches are removed, in (0, 1), to the nearest whole number of them.
        seed: of the draw.

    Returns:
        NumPy float32 ``[size, size, 1]``, 1 = removed.

    Raises:
        ValueError: if the patches do not fill the picture, or none or all of them would be removed.

    Note:
        The corruption of training is drawn anew for each picture; this one is a single draw for all
        pictures and solutions, which are then compared on the same pixels. The generator is NumPy's
        ``RandomState``, whose numbers stay the same from version to version.

    Example:
        >>> int(random_hole(28, 4, 0.75).sum()) // 16  # of 49 patches
        37
    """
    if patch < 1 or size % patch:
        raise ValueError(
            f"The picture's side must be a whole number of patches, got {size} pixels and patches "
            f"of {patch}: take another hole (config.evaluation.holes, or --hole)."
        )
    patches = (size // patch) ** 2
    removed = round(share * patches) if 0 < share < 1 else 0
    if not 1 <= removed < patches:
        raise ValueError(
            f"The share of random patches must lie between 0 and 1 and come to 1 to {patches - 1} "
            f"of {patches} patches, got {share:g}: change the hole (config.evaluation.holes, or "
            "--hole)."
        )
    order = np.random.RandomState(seed).permutation(patches)
    grid = (order < removed).reshape(size // patch, size // patch)
    return np.kron(grid, np.ones((patch, patch))).astype(np.float32)[..., None]


def gaussian_pictures(
    key: Key,
    shape: tuple[int, ...],
    mean: Float[Array, "channels"],
    std: Float[Array, "channels"],
    low: Float[Array, "channels"],
    high: Float[Array, "channels"],
) -> Float[Array, "batch height width channels"]:
    """Pictures of pure Gaussian noise, clipped to the pixel range: the forget target's input n.

    Args:
        key: PRNG key.
        shape: ``(batch, height, width, channels)``.
        mean: mean of each channel over the forget training set, in the model's pixel range.
        std: its standard deviation.
        low: the smallest pixel value of each channel.
        high: the largest.

    Returns:
        float32 pictures.

    Note:
        Mean and deviation are constants of the forget training set, one pair a channel; the
        predecessor's code takes one scalar pair of each batch.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> ones = jnp.ones(1)
        >>> key, shape = jax.random.key(0), (2, 8, 8, 1)
        >>> gaussian_pictures(key, shape, 0.5 * ones, ones, 0 * ones, ones).shape
        (2, 8, 8, 1)
    """
    noise = jax.random.normal(key, shape, jnp.float32)
    return jnp.clip(mean + std * noise, low, high)


def _from_order(order: Int[Array, "batch patches"], kept: int) -> PatchCorruption:
    restore = jnp.argsort(order, axis=1).astype(jnp.int32)
    mask = (restore >= kept).astype(jnp.float32)
    return PatchCorruption(keep=order[:, :kept], restore=restore, mask=mask)
