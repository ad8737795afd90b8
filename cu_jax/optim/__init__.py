"""Constrained optimization for Optax: minimize one loss subject to a bound on another.

:func:`constrained` is what most people want; :func:`epsilon_constraint` is the transform in it.
"""

from cu_jax.optim.dual_ascent import DualAscentState, dual_ascent
from cu_jax.optim.gradients import joint_value_and_grads, value_and_grads
from cu_jax.optim.multiplier import boundary_psi, constraint_multiplier, pareto_psi
from cu_jax.optim.multipliers import constraint_multipliers
from cu_jax.optim.state import EpsilonConstraintState, constraint_state
from cu_jax.optim.transform import epsilon_constraint
from cu_jax.optim.wrappers import SkipNonfiniteState, constrained, skip_nonfinite

__all__ = [
    "DualAscentState",
    "EpsilonConstraintState",
    "SkipNonfiniteState",
    "boundary_psi",
    "constrained",
    "constraint_multiplier",
    "constraint_multipliers",
    "constraint_state",
    "dual_ascent",
    "epsilon_constraint",
    "joint_value_and_grads",
    "pareto_psi",
    "skip_nonfinite",
    "value_and_grads",
]
