"""The state of the transform, and how to find it inside any optimizer's state."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Bool, Float, Int


class EpsilonConstraintState(NamedTuple):
    """What the transform knows after a step; arrays only, so it can be logged and checkpointed.

    Scalars are float32, or float64 for float64 parameters. With ``num_constraints=m`` those marked
    ``*m`` have shape ``(m,)``.

    Attributes:
        count: int32, updates made so far; skipped ones are not counted.
        epsilon: ``*m``, the bound used in the last update; -inf where there is none.
        multiplier: ``*m``, λ ≥ 0 of the last update.
        violation: ``*m``, value - epsilon as the rule saw it; positive means violated.
        cosine: ``*m``, cosine of the two gradients as the rule saw them; 0 where one is zero.
        notfinite_count: int32, updates answered with a zero direction because an input was not
            finite.
        infeasible: bool ``*m``, constraints whose demanded rate no direction satisfied.
        integral: ``*m``, what the integral term adds to the value in ψ; 0 without a gain.
        objective_grad_mean: running mean of the objective's gradient, ``None`` at decay 0.
        constraint_grad_mean: running mean of the constraint's gradient, ``None`` at decay 0.
        value_mean: ``*m``, running mean of the constraint's value, ``None`` at decay 0.
    """

    count: Int[Array, ""]  # type: ignore[assignment]  # hides tuple.count, as in optax
    epsilon: Float[Array, "*m"]
    multiplier: Float[Array, "*m"]
    violation: Float[Array, "*m"]
    cosine: Float[Array, "*m"]
    notfinite_count: Int[Array, ""]
    infeasible: Bool[Array, "*m"]
    integral: Float[Array, "*m"]
    objective_grad_mean: Any
    constraint_grad_mean: Any
    value_mean: Float[Array, "*m"] | None


def constraint_state(opt_state: Any) -> EpsilonConstraintState:
    """Finds the transform's state inside the state of whatever it was chained or wrapped into.

    Args:
        opt_state: any optimizer state: of a chain, a mask, a wrapper, a dictionary of them.

    Returns:
        The one ``EpsilonConstraintState`` in it.

    Raises:
        ValueError: if there is none, or more than one.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> from cu_jax.optim import constrained, constraint_state
        >>> state = constrained(optax.adam(1e-3), epsilon=0.5).init(jnp.zeros(3))
        >>> float(constraint_state(state).epsilon)
        0.5
    """

    def is_state(node: Any) -> bool:
        return isinstance(node, EpsilonConstraintState)

    found = [n for n in jax.tree.leaves(opt_state, is_leaf=is_state) if is_state(n)]
    if len(found) != 1:
        raise ValueError(
            f"opt_state must hold exactly one EpsilonConstraintState, found {len(found)}: pass the "
            "state, or the part of it, of an optimizer built with one epsilon_constraint."
        )
    return found[0]
