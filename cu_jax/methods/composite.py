"""Composite loss f_r + α f_f: the earlier method, one fixed compromise a run."""

from typing import Any

import jax
import optax
from jax.typing import ArrayLike

from cu_jax import optim, train_state
from cu_jax.corruptions import Key
from cu_jax.losses import weighted_mean
from cu_jax.methods.interface import Batch, Method, Scalars
from cu_jax.methods.objectives import unlearning_objectives
from cu_jax.methods.optimizer import base_optimizer, learning_rate
from cu_jax.models import Model, Params
from cu_jax.train_state import TrainState


def composite(config: Any, model: Model, frozen: Params) -> Method:
    """Minimizes ``f_r + α f_f`` with one backward pass of the weighted sum.

    Args:
        config: ``optimizer``, ``clip``, ``ema_decay`` and the losses' keys, as for
            ``controllable``.
        model: the model.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``alpha``.

    References:
        Li et al., *Machine Unlearning for Image-to-Image Generative Models*, ICLR 2024,
        arXiv 2402.00351.
    """
    per_example = unlearning_objectives(config, model)

    def loss(
        params: Params, retain: Batch, forget: Batch, state: TrainState, key: Key
    ) -> tuple[Any, tuple[Any, Any]]:
        f_r = weighted_mean(per_example.retain(params, retain, state.frozen, key))
        f_f = weighted_mean(per_example.forget(params, forget, state.frozen, key))
        return f_r + state.knobs["alpha"] * f_f, (f_r, f_f)

    def transform(knobs: dict[str, Any]) -> optax.GradientTransformation:
        base = base_optimizer(config.optimizer, knobs["steps"])
        if config.clip is not None:
            base = optax.chain(optax.clip_by_global_norm(config.clip), base)
        return optim.skip_nonfinite(base)

    def init(params: Params, **knobs: ArrayLike) -> TrainState:
        encoder, _ = model.split(params)
        return train_state.create(encoder, transform(knobs), frozen, knobs, config.ema_decay)

    def step(
        state: TrainState, retain: Batch, forget: Batch, key: Key
    ) -> tuple[TrainState, Scalars]:
        (value, (f_r, f_f)), grad = jax.value_and_grad(loss, has_aux=True)(
            state.params, retain, forget, state, key
        )
        updates, opt_state = transform(state.knobs).update(grad, state.opt_state, state.params)
        scalars = {
            "retain_loss": f_r,
            "forget_loss": f_f,
            "composite_loss": value,
            "learning_rate": learning_rate(config.optimizer, state.knobs["steps"])(state.step),
            "notfinite_count": opt_state.notfinite_count,
        }
        state = state.updated(updates, opt_state)
        return state, scalars

    return Method(model.split, init, step)
