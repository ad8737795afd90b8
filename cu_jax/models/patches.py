"""Square pictures as rows of patches, and back; which patches a hole touches."""

import numpy as np
from jaxtyping import Array, Bool, Float


def patchify(images: Float[Array, "b h w c"], patch: int) -> Float[Array, "b n d"]:
    """Cuts pictures into patches, row by row; inside a patch (row, column, channel).

    Example:
        >>> import jax.numpy as jnp
        >>> patchify(jnp.zeros((2, 28, 28, 1)), 4).shape
        (2, 49, 16)
    """
    b, h, w, c = images.shape
    x = images.reshape(b, h // patch, patch, w // patch, patch, c)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, -1, patch * patch * c)


def unpatchify(
    patches: Float[Array, "b n d"], patch: int, channels: int
) -> Float[Array, "b h w c"]:
    """The inverse of :func:`patchify` for square pictures.

    Example:
        >>> import jax.numpy as jnp
        >>> unpatchify(jnp.zeros((2, 49, 16)), 4, 1).shape
        (2, 28, 28, 1)
    """
    b, n, _ = patches.shape
    grid = round(n**0.5)
    x = patches.reshape(b, grid, grid, patch, patch, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, grid * patch, grid * patch, channels)


def grown(mask: Bool[np.ndarray, "h w"], by: int) -> Bool[np.ndarray, "h w"]:
    """A mask widened by a square: True wherever a True lies within ``by`` rows and columns.

    Example:
        >>> grown(np.eye(3, dtype=bool)[:, :1], 1)[:, 0]
        array([ True,  True, False])
    """
    rows, columns = (
        np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= by for size in mask.shape
    )
    # Products of bools are sums of "and"s.
    return rows @ mask @ columns


def touched_patches(
    mask: np.ndarray, patch: int, margin: int = 0
) -> Bool[np.ndarray, "rows columns"]:
    """The patches that a hole touches, and ``margin`` more around those whose center it removes.

    Args:
        mask: NumPy ``[height, width, 1]``, above 0 = removed; a concrete array.
        patch: side of a patch in pixels, which divides both sides.
        margin: in patches.

    Returns:
        NumPy bool over the grid of patches, True = touched.

    Raises:
        ValueError: the mask touches no patch, or all of them.

    Note:
        A patch that a hole just reaches into is a margin itself. This is how the predecessor's
        outpainting counts: of 16 x 16 tokens, a frame of 13/16 of the side hides 255 and one of
        1/16 hides 87.

    Example:
        >>> hole = np.zeros((8, 8, 1))
        >>> hole[7, 7] = 1
        >>> touched_patches(hole, 2).sum(), touched_patches(hole, 2, margin=1).sum()
        (np.int64(1), np.int64(4))
    """
    height, width = (size // patch for size in mask.shape[:2])
    cells = np.asarray(mask).reshape(height, patch, width, patch) > 0
    touched = cells.any((1, 3)) | grown(cells[:, patch // 2, :, patch // 2], margin)
    if touched.all() or not touched.any():
        around = f" with a margin of {margin}" if margin else ""
        raise ValueError(
            f"A hole must leave at least one patch of {patch} x {patch} pixels whole and touch at "
            f"least one, but{around} it touches {touched.sum()} of {touched.size}: give a "
            f"{'smaller' if touched.all() else 'larger'} hole."
        )
    return touched
