"""Composite loss f_r + α f_f: the earlier method, one fixed compromise a run."""

from typing import Any

from jaxtyping import Array

from cu_jax.corruptions import Key
from cu_jax.losses import weighted_mean
from cu_jax.methods.descent import descent
from cu_jax.methods.interface import Batch, Method, Scalars
from cu_jax.methods.objectives import unlearning_objectives
from cu_jax.methods.parts import encoder_alone
from cu_jax.models import Model, Params


def composite(config: Any, model: Model, frozen: Params) -> Method:
    """Minimizes ``f_r + α f_f`` with one backward pass of the weighted sum.

    As ``composite_proxy`` it is given pictures from elsewhere, ``config.data.proxy``, in place of
    those to retain: for when these are no longer at hand.

    Args:
        config: ``optimizer``, ``clip``, ``ema_decay`` and the losses' keys, as for
            ``controllable``.
        model: the model.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``alpha``. The encoder moves.

    References:
        Li et al., *Machine Unlearning for Image-to-Image Generative Models*, ICLR 2024,
        arXiv 2402.00351.
    """
    per_example = unlearning_objectives(config, model)

    def loss(
        params: Params, retain: Batch, forget: Batch, frozen: Params, key: Key, knobs: Any
    ) -> tuple[Array, Scalars]:
        f_r = weighted_mean(per_example.retain(params, retain, frozen, key))
        f_f = weighted_mean(per_example.forget(params, forget, frozen, key))
        value = f_r + knobs["alpha"] * f_f
        return value, {"retain_loss": f_r, "forget_loss": f_f, "composite_loss": value}

    return descent(config, encoder_alone(model), loss, frozen)
