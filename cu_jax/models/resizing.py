"""Half and twice the sides of feature maps, channels last."""

from jaxtyping import Array


def halved(x: Array) -> Array:
    """Means of squares of 2 x 2 pixels.

    Args:
        x: ``[b, h, w, c]``, h and w even.

    Returns:
        ``[b, h/2, w/2, c]``.

    Note:
        A sum of four slices: XLA takes a mean over the two inner axes eight times as long on a CPU
        where maps are large.

    Example:
        >>> import jax.numpy as jnp
        >>> halved(jnp.array([[1.0, 2.0], [3.0, 6.0]]).reshape(1, 2, 2, 1)).item()
        3.0
    """
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c)
    return (x[:, :, 0, :, 0] + x[:, :, 0, :, 1] + x[:, :, 1, :, 0] + x[:, :, 1, :, 1]) / 4


def doubled(x: Array) -> Array:
    """Each pixel four times.

    Args:
        x: ``[b, h, w, c]``.

    Returns:
        ``[b, 2h, 2w, c]``.

    Example:
        >>> import jax.numpy as jnp
        >>> doubled(jnp.ones((1, 2, 3, 1))).shape
        (1, 4, 6, 1)
    """
    return x.repeat(2, axis=1).repeat(2, axis=2)
