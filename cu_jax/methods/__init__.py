"""The unlearning methods, and the one table of them."""

from cu_jax.methods.composite import composite
from cu_jax.methods.controllable import controllable
from cu_jax.methods.frozen import frozen_parts
from cu_jax.methods.gradients import both_gradients
from cu_jax.methods.interface import Batch, Method, MethodFactory, Scalars, to_model_range
from cu_jax.methods.max_loss import max_loss
from cu_jax.methods.noisy_label import noisy_label
from cu_jax.methods.objectives import Objectives, unlearning_objectives
from cu_jax.methods.primal_dual import primal_dual
from cu_jax.methods.random_encoder import random_encoder
from cu_jax.methods.retain_label import retain_label
from cu_jax.methods.supervised import pretrain, retrain, supervised

METHODS: dict[str, MethodFactory] = {
    "controllable": controllable,
    "composite": composite,
    "composite_proxy": composite,
    "max_loss": max_loss,
    "noisy_label": noisy_label,
    "retain_label": retain_label,
    "random_encoder": random_encoder,
    "primal_dual": primal_dual,
    "retrain": retrain,
    "pretrain": pretrain,
}
"""Name → factory ``(config, model, frozen) -> Method``. ``composite_proxy`` differs from
``composite`` in the pictures that it is given; ``original`` needs no method."""

BY_ALPHA = (
    *("composite", "composite_proxy", "max_loss", "noisy_label", "retain_label"),
    "random_encoder",
)
"""Methods whose compromise is a weight α."""

BASELINES = (*BY_ALPHA, "primal_dual", "retrain")
"""What ours is compared with, beside the original."""

__all__ = [
    "BASELINES",
    "BY_ALPHA",
    "METHODS",
    "Batch",
    "Method",
    "MethodFactory",
    "Objectives",
    "Scalars",
    "both_gradients",
    "frozen_parts",
    "pretrain",
    "retrain",
    "supervised",
    "to_model_range",
    "unlearning_objectives",
]
