"""Square pictures as rows of patches, and back."""

from jaxtyping import Array, Float


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
