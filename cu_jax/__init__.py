"""Controllable unlearning for image-to-image generative models, in JAX, Flax and Optax.

The ε-constraint transform needs JAX and Optax alone and is exported here; everything else lives in
its room: :mod:`cu_jax.models`, :mod:`cu_jax.data`, :mod:`cu_jax.methods`, :mod:`cu_jax.experiment`.
"""

from cu_jax.optim import (
    EpsilonConstraintState,
    constrained,
    constraint_multiplier,
    constraint_state,
    epsilon_constraint,
    skip_nonfinite,
    value_and_grads,
)

__version__ = "0.1.0"

__all__ = [
    "EpsilonConstraintState",
    "__version__",
    "constrained",
    "constraint_multiplier",
    "constraint_state",
    "epsilon_constraint",
    "skip_nonfinite",
    "value_and_grads",
]
