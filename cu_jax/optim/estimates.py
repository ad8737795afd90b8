"""What the rule sees of a step: inner products and value, current or as running means."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.optim.inner_products import gradient_products
from cu_jax.optim.running_means import mean_weight, moved_mean
from cu_jax.optim.state import EpsilonConstraintState


class Estimates(NamedTuple):
    """Inner products in float32 or wider; ``*m`` is () or (m,).

    Attributes:
        objective_sq_norm: ‖g_r‖².
        dots: ⟨g_r, g_i⟩, ``*m``.
        gram: ‖g_f‖², or the Gram matrix (m, m).
        value: the constraint's value, ``*m``.
        means: fields of the state that hold running means, moved by this step.
    """

    objective_sq_norm: Float[Array, ""]
    dots: Float[Array, "*m"]
    gram: Float[Array, "..."]
    value: Float[Array, "*m"]
    means: dict[str, Any]

    @property
    def sq_norms(self) -> Float[Array, "*m"]:
        """‖g_i‖², ``*m``."""
        return jnp.diagonal(self.gram) if self.gram.ndim else self.gram

    @property
    def cosine(self) -> Float[Array, "*m"]:
        """Cosine of g_r and g_i, ``*m``; 0 where one of them is zero."""
        norms = jnp.sqrt(self.objective_sq_norm) * jnp.sqrt(self.sq_norms)
        return jnp.where(norms > 0, self.dots / jnp.where(norms > 0, norms, 1), 0)

    def finite(self) -> jax.Array:
        """Whether every input was: a sum, and so a mean, keeps what is not."""
        return jnp.isfinite(self.objective_sq_norm) & jnp.all(
            jnp.isfinite(self.sq_norms) & jnp.isfinite(self.value)
        )


def estimate(
    state: EpsilonConstraintState,
    objective_grad: Any,
    constraint_grads: Any,
    value: Float[Array, "*m"],
    *,
    gradient_decay: float,
    value_decay: float,
) -> Estimates:
    """Moves the running means, if there are any, and takes the inner products.

    Args:
        state: before the step.
        objective_grad: pytree of arrays.
        constraint_grads: pytree like it, or a tuple of m.
        value: of the constraint, ``*m``.
        gradient_decay: of both gradients' means, in [0, 1).
        value_decay: of the value's mean, in [0, 1).

    Returns:
        The estimates.

    Example:
        >>> import jax.numpy as jnp
        >>> from cu_jax.optim import epsilon_constraint
        >>> g = jnp.array([3.0, 4.0])
        >>> state = epsilon_constraint(1.0).init(g)
        >>> seen = estimate(state, g, -g, jnp.array(2.0), gradient_decay=0.0, value_decay=0.0)
        >>> float(seen.dots), float(seen.cosine)
        (-25.0, -1.0)
    """
    num_constraints = state.multiplier.shape[0] if state.multiplier.ndim else None
    means = {
        "objective_grad_mean": moved_mean(
            state.objective_grad_mean, objective_grad, gradient_decay
        ),
        "constraint_grad_mean": moved_mean(
            state.constraint_grad_mean, constraint_grads, gradient_decay
        ),
        "value_mean": moved_mean(state.value_mean, value, value_decay),
    }
    sq_norm, dots, gram = gradient_products(
        means["objective_grad_mean"] if gradient_decay else objective_grad,
        means["constraint_grad_mean"] if gradient_decay else constraint_grads,
        num_constraints,
    )
    wide, steps = dots.dtype, state.count + 1
    if gradient_decay:  # of the products, which is cheaper than of the trees
        correction = mean_weight(gradient_decay, steps, wide) ** 2
        sq_norm, dots, gram = sq_norm / correction, dots / correction, gram / correction
    value = (means["value_mean"] if value_decay else value).astype(wide)
    seen_value = value / mean_weight(value_decay, steps, wide)
    return Estimates(sq_norm, dots, gram, seen_value, means)
