"""Primal-dual: the same constrained problem by dual ascent, the textbook way."""

from typing import Any

import optax
from jax.typing import ArrayLike

from cu_jax import optim, train_state
from cu_jax.corruptions import Key
from cu_jax.methods.gradients import both_gradients
from cu_jax.methods.interface import Batch, Method, Scalars
from cu_jax.methods.objectives import unlearning_objectives
from cu_jax.methods.optimizer import base_optimizer, learning_rate
from cu_jax.methods.parts import encoder_alone
from cu_jax.models import Model, Params
from cu_jax.train_state import TrainState


def primal_dual(config: Any, model: Model, frozen: Params) -> Method:
    """Minimizes the retain loss subject to the forget loss being at most ε, by dual ascent.

    See :func:`cu_jax.optim.dual_ascent`.

    Args:
        config: ``dual_rate``, ``clip``, ``microbatches``, ``ema_decay``, ``optimizer`` and the
            losses' keys.
        model: the model.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``epsilon``. The encoder moves.
    """
    gradients = both_gradients(unlearning_objectives(config, model), config.microbatches)
    parts = encoder_alone(model)

    def transform(knobs: dict[str, Any]) -> optax.GradientTransformationExtraArgs:
        clip = optax.identity() if config.clip is None else optax.clip_by_global_norm(config.clip)
        ascent = optim.dual_ascent(knobs["epsilon"], config.dual_rate)
        base = base_optimizer(config.optimizer, knobs["steps"])
        return optim.skip_nonfinite(optax.chain(ascent, clip, base))

    transform({"steps": 1.0, "epsilon": 1.0})  # Refuses a rate now, not after other stages.

    def init(params: Params, **knobs: ArrayLike) -> TrainState:
        trained, _ = parts.split(params)
        return train_state.create(trained, transform(knobs), frozen, knobs, config.ema_decay)

    def step(
        state: TrainState, retain: Batch, forget: Batch, key: Key
    ) -> tuple[TrainState, Scalars]:
        values, grads = gradients(state.params, retain, forget, state.frozen, key)
        updates, opt_state = transform(state.knobs).update(
            grads[0],
            state.opt_state,
            state.params,
            value=values[0],
            constraint_grad=grads[1],
            constraint_value=values[1],
        )
        rule = opt_state.inner_state[0]
        scalars = {
            "retain_loss": values[0],
            "forget_loss": values[1],
            "multiplier": rule.multiplier,
            "violation": rule.violation,
            "learning_rate": learning_rate(config.optimizer, state.knobs["steps"])(state.step),
            "notfinite_count": opt_state.notfinite_count,
        }
        return state.updated(updates, opt_state), scalars

    return Method(parts.split, init, step, parts.merge)
