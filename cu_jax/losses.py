r"""The two objectives of unlearning: mean squared distances to what the teacher says.

With student :math:`E_\theta`, teacher :math:`E_{\theta_0}`, corruption T and noise picture n,

.. math::
    f_r = \mathbb{E}_{x \in D_r} \mathrm{MSE}(E_\theta(T(x)), E_{\theta_0}(T(x))), \qquad
    f_f = \mathbb{E}_{x \in D_f} \mathrm{MSE}(E_\theta(T(x)), E_{\theta_0}(T(n))).

Both are the same distance to another target, so there is one function here and the targets are
made where the sets are known.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float


def feature_distance(
    student: Sequence[Float[Array, "batch ..."]], target: Sequence[Float[Array, "batch ..."]]
) -> Float[Array, " batch"]:
    """Mean squared distance of each example, averaged over its feature maps.

    Args:
        student: one array ``[batch, …]`` a feature map, any float dtype.
        target: arrays of the same shapes.

    Returns:
        float32 ``[batch]``: for each map the mean over every axis but the first, then the mean over
        maps, so that a map counts the same whatever its size.

    Raises:
        ValueError: if the numbers of maps differ.

    Note:
        The mean over maps is our reading for models with several maps (the diffusion model has 13).

    Example:
        >>> import jax.numpy as jnp
        >>> feature_distance([jnp.ones((2, 3))], [jnp.zeros((2, 3))])
        Array([1., 1.], dtype=float32)
    """
    if len(student) != len(target):
        raise ValueError(
            f"Student and target must have as many feature maps, got {len(student)} and "
            f"{len(target)}: encode both with the same model."
        )
    per_map = [
        jnp.mean(
            jnp.square(s.astype(jnp.float32) - t.astype(jnp.float32)).reshape(s.shape[0], -1),
            axis=1,
        )
        for s, t in zip(student, target, strict=True)
    ]
    return jnp.mean(jnp.stack(per_map), axis=0)


def weighted_mean(
    values: Float[Array, " batch"], weight: Float[Array, " batch"] | None = None
) -> Float[Array, ""]:
    """Mean of a set's examples; padding has weight 0.

    Args:
        values: float32 ``[batch]``.
        weight: float32 ``[batch]`` or None for equal weights.

    Returns:
        float32 scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> float(weighted_mean(jnp.array([1.0, 9.0]), jnp.array([1.0, 0.0])))
        1.0
    """
    if weight is None:
        return jnp.mean(values)
    return jnp.sum(values * weight) / jnp.sum(weight)
