"""What max loss and noisy label share: the model's own loss, and all of the model moving."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array

from cu_jax.corruptions import Key
from cu_jax.methods.descent import descent
from cu_jax.methods.interface import Batch, Method, Scalars, to_model_range
from cu_jax.methods.parts import all_but
from cu_jax.models import Model, Params

ForgetLoss = Callable[[Params, Array, Key], Array]


def own_loss_descent(
    config: Any, model: Model, frozen: Params, forget_loss: ForgetLoss, sign: float
) -> Method:
    """Minimizes the model's own loss on retain pictures plus ``sign · α`` times another.

    Args:
        config: ``optimizer``, ``clip`` and ``ema_decay``.
        model: the model.
        frozen: what the losses read of the original model (``frozen_parts``).
        forget_loss: ``(params, pictures to forget in the model's range, key)`` to a number.
        sign: 1 or -1.

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``alpha``.
    """
    parts = all_but(model.fixed)

    def loss(
        params: Params, retain: Batch, forget: Batch, frozen: Params, key: Key, knobs: Any
    ) -> tuple[Array, Scalars]:
        _, kept = parts.split(model.merge(frozen["teacher"], frozen["rest"]))
        whole = parts.merge(params, kept)
        key_retain, key_forget = jax.random.split(key)
        retained = model.pretrain_loss(whole, to_model_range(retain["image"], model), key_retain)
        forgotten = forget_loss(whole, to_model_range(forget["image"], model), key_forget)
        logged = {"retain_own_loss": retained, "forget_own_loss": forgotten}
        return retained + sign * knobs["alpha"] * forgotten, logged

    return descent(config, parts, loss, frozen)
