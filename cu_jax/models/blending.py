"""How a restored picture is laid over the original: a soft edge around the hole.

The edge is a function of the hole alone, so it is computed once, with NumPy, on the concrete mask.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cu_jax.models.patches import grown


def soft_mask(mask: np.ndarray, grow: int, blur: float) -> np.ndarray:
    """How much of the restored picture shows at each pixel.

    Args:
        mask: ``[height, width, 1]``, above 0 = removed.
        grow: pixels by which the hole is widened on every side first.
        blur: standard deviation in pixels of the Gaussian that then softens its edge; 0: none.

    Returns:
        NumPy float32 ``[height, width, 1]`` in [0, 1], 1 in the hole itself.

    Note:
        The hole grows by a square, so its corners stay corners. Beyond the picture's border its
        outermost pixels go on. Two choices differ from the predecessor's code: its image library
        approximates the Gaussian, and it blends in the hole too, so that a little of the removed
        pixels shows through at the hole's edge; here the hole's own pixels come from the model.

    Example:
        >>> hole = np.zeros((5, 5, 1))
        >>> hole[2, 2] = 1
        >>> soft_mask(hole, grow=1, blur=0.0)[1:4, :, 0].tolist()[0]
        [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    hole = np.asarray(mask)[..., 0] > 0
    soft = grown(hole, grow).astype(np.float64)
    if blur > 0:
        rows, columns = (_gaussian(size, blur) for size in hole.shape)
        soft = rows @ soft @ columns.T
    return np.where(hole, 1.0, np.clip(soft, 0, 1)).astype(np.float32)[..., None]


def blend(
    original: Float[Array, "b h w c"], painted: Float[Array, "b h w c"], soft: np.ndarray
) -> Float[Array, "b h w c"]:
    """``painted · soft + original · (1 - soft)``, clipped to [0, 1].

    Args:
        original: pictures in [0, 1].
        painted: what the model made of them, not clipped yet.
        soft: :func:`soft_mask`.

    Returns:
        Pictures in [0, 1].

    Example:
        >>> import jax.numpy as jnp
        >>> half = np.full((1, 1, 1), 0.5, np.float32)
        >>> float(blend(jnp.zeros((1, 1, 1, 1)), jnp.ones((1, 1, 1, 1)), half)[0, 0, 0, 0])
        0.5
    """
    share = jnp.asarray(soft)
    return jnp.clip(painted * share + original * (1 - share), 0, 1)


def _gaussian(size: int, sigma: float) -> np.ndarray:
    """A matrix ``[size, size]`` that blurs a column of pixels; its rows sum to 1."""
    reach = int(np.ceil(4 * sigma))
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    pixels = np.arange(size)[:, None]
    blur = np.zeros((size, size))
    # What falls outside the picture falls on its border.
    np.add.at(blur, (pixels, np.clip(pixels + offsets, 0, size - 1)), weights)
    return blur
