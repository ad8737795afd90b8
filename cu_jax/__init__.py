"""Controllable unlearning for image-to-image generative models, in JAX, Flax and Optax.

The ε-constraint transform needs JAX and Optax alone and is exported here; everything else lives in
its room: :mod:`cu_jax.models`, :mod:`cu_jax.data`, :mod:`cu_jax.methods`, :mod:`cu_jax.experiment`.
`load_solution`, which reads a run's models, is here too; what it needs is imported on first use.
"""

from typing import TYPE_CHECKING, Any

from cu_jax.optim import (
    EpsilonConstraintState,
    constrained,
    constraint_multiplier,
    constraint_state,
    epsilon_constraint,
    joint_value_and_grads,
    skip_nonfinite,
    value_and_grads,
)

if TYPE_CHECKING:
    from cu_jax.solutions import load_solution
else:

    def __getattr__(name: str) -> Any:
        """Imports Flax and the models only for those who load a solution (PEP 562)."""
        if name == "load_solution":
            from cu_jax.solutions import load_solution

            return load_solution
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__version__ = "0.1.0"

__all__ = [
    "EpsilonConstraintState",
    "__version__",
    "constrained",
    "constraint_multiplier",
    "constraint_state",
    "epsilon_constraint",
    "joint_value_and_grads",
    "load_solution",
    "skip_nonfinite",
    "value_and_grads",
]
