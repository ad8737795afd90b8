"""Dual ascent: the textbook way to a bound, whose multiplier integrates the violation."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from cu_jax.optim.checks import check_coefficients


class DualAscentState(NamedTuple):
    """State of :func:`dual_ascent`.

    Attributes:
        multiplier: float32, λ ≥ 0 after the last update.
        violation: float32, value - epsilon at the last update; positive means violated.
    """

    multiplier: Float[Array, ""]
    violation: Float[Array, ""]


def dual_ascent(epsilon: ArrayLike, rate: float = 0.01) -> optax.GradientTransformationExtraArgs:
    r"""Combines both gradients with a multiplier that grows while the constraint is violated.

    .. math:: d_k = g_r + \lambda_k g_f, \qquad
        \lambda_{k+1} = \max(\lambda_k + \eta (f_f - \varepsilon), 0), \qquad \lambda_0 = 0

    The counterpart of :func:`cu_jax.optim.epsilon_constraint`, with the same update arguments, for
    comparison: it looks at no inner products, and needs a rate η.

    Args:
        epsilon: bound on the constraint's value: a number, or an array of no dimension.
        rate: η > 0, how fast the multiplier follows the violation.

    Returns:
        A transformation whose update takes ``constraint_grad`` and ``constraint_value`` and gives
        the direction. State: :class:`DualAscentState`.

    Raises:
        ValueError: if the rate is not greater than 0.

    References:
        Arrow, Hurwicz and Uzawa, *Studies in Linear and Non-Linear Programming*, 1958.

    Example:
        >>> import jax.numpy as jnp
        >>> tx = dual_ascent(epsilon=1.0, rate=0.5)
        >>> d, state = tx.update(
        ...     jnp.ones(1), tx.init(jnp.ones(1)), None,
        ...     constraint_grad=jnp.ones(1), constraint_value=jnp.array(3.0),
        ... )
        >>> d, float(state.multiplier), float(state.violation)
        (Array([1.], dtype=float32), 1.0, 2.0)
    """
    check_coefficients(rate=(rate, 0.0, False))

    def init_fn(params: optax.Params) -> DualAscentState:
        del params
        return DualAscentState(jnp.zeros((), jnp.float32), jnp.zeros((), jnp.float32))

    def update_fn(
        updates: optax.Updates,
        state: DualAscentState,
        params: optax.Params | None = None,
        *,
        constraint_grad: optax.Updates,
        constraint_value: Array,
        **extra_args: Any,
    ) -> tuple[optax.Updates, DualAscentState]:
        del params, extra_args
        direction = jax.tree.map(
            lambda g, c: (g + state.multiplier * c).astype(g.dtype), updates, constraint_grad
        )
        violation = jnp.asarray(constraint_value - jnp.asarray(epsilon), jnp.float32)
        multiplier = jnp.maximum(state.multiplier + rate * violation, 0.0)
        return direction, DualAscentState(multiplier, violation)

    return optax.GradientTransformationExtraArgs(init_fn, update_fn)
