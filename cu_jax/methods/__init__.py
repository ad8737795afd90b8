"""The unlearning methods, and the one table of them."""

from cu_jax.methods.composite import composite
from cu_jax.methods.controllable import controllable
from cu_jax.methods.interface import Batch, Method, MethodFactory, Scalars, to_model_range
from cu_jax.methods.objectives import Objectives, frozen_parts, unlearning_objectives
from cu_jax.methods.supervised import pretrain, supervised

METHODS: dict[str, MethodFactory] = {
    "controllable": controllable,
    "composite": composite,
    "pretrain": pretrain,
}
"""Name → factory ``(config, model, frozen) -> Method``."""

__all__ = [
    "METHODS",
    "Batch",
    "Method",
    "MethodFactory",
    "Objectives",
    "Scalars",
    "frozen_parts",
    "pretrain",
    "supervised",
    "to_model_range",
    "unlearning_objectives",
]
