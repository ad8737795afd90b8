"""Bias-corrected exponential running means of trees; decay 0 keeps nothing."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


def empty_mean(like: Any, decay: float) -> Any:
    """Zeros shaped like a tree, in float32 or wider; ``None`` at decay 0.

    Args:
        like: pytree of arrays.
        decay: in [0, 1).

    Returns:
        A pytree of zeros, or ``None``.

    Example:
        >>> import jax.numpy as jnp
        >>> empty_mean(jnp.ones(2, jnp.bfloat16), 0.9)
        Array([0., 0.], dtype=float32)
    """
    if not decay:
        return None
    return jax.tree.map(
        lambda x: jnp.zeros(jnp.shape(x), jnp.promote_types(jnp.result_type(x), jnp.float32)), like
    )


def moved_mean(mean: Any, new: Any, decay: float) -> Any:
    r"""One step of the mean, :math:`m \leftarrow \rho m + (1-\rho) x`.

    Args:
        mean: pytree from :func:`empty_mean`.
        new: pytree of the same structure.
        decay: ρ in [0, 1).

    Returns:
        The moved mean in the dtypes of ``mean``, or ``None`` at decay 0.

    Example:
        >>> import jax.numpy as jnp
        >>> float(moved_mean(jnp.array(0.0), jnp.array(2.0), 0.5))
        1.0
    """
    if not decay:
        return None
    return jax.tree.map(
        lambda m, x: (decay * m + (1 - decay) * jnp.asarray(x).astype(m.dtype)).astype(m.dtype),
        mean,
        new,
    )


def mean_weight(decay: float, steps: ArrayLike, dtype: Any) -> Float[Array, ""]:
    r"""What a mean of t values must be divided by, :math:`1 - \rho^t`: it started from zero.

    Args:
        decay: ρ in [0, 1).
        steps: t ≥ 1, the number of values in the mean.
        dtype: float dtype of the result.

    Returns:
        Scalar in (0, 1]; 1 at decay 0.

    Example:
        >>> import jax.numpy as jnp
        >>> float(mean_weight(0.5, 2, jnp.float32))
        0.75
    """
    return 1 - jnp.asarray(decay, dtype) ** jnp.asarray(steps, dtype)
