"""Gradient descent on one loss of both sets: what every method but ours amounts to."""

from collections.abc import Callable
from typing import Any

import jax
import optax
from jax.typing import ArrayLike
from jaxtyping import Array

from cu_jax import optim, train_state
from cu_jax.corruptions import Key
from cu_jax.methods.interface import Batch, Method, Scalars
from cu_jax.methods.optimizer import base_optimizer, learning_rate
from cu_jax.methods.parts import Parts
from cu_jax.models import Params
from cu_jax.train_state import TrainState

Loss = Callable[[Params, Batch, Batch, Params, Key, dict[str, Array]], tuple[Array, Scalars]]
"""``(trained, retain, forget, frozen, key, knobs) -> (loss, what to log)``."""


def descent(config: Any, parts: Parts, loss: Loss, frozen: Params) -> Method:
    """Minimizes a loss with one backward pass a step, skipping what is not finite.

    Args:
        config: ``optimizer``, ``clip`` and ``ema_decay``.
        parts: what moves.
        loss: of a batch of each set.
        frozen: what the loss reads of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knob ``steps`` and those that ``loss`` reads.
    """

    def transform(knobs: dict[str, Any]) -> optax.GradientTransformationExtraArgs:
        base = base_optimizer(config.optimizer, knobs["steps"])
        if config.clip is not None:
            base = optax.chain(optax.clip_by_global_norm(config.clip), base)
        return optim.skip_nonfinite(base)

    def init(params: Params, **knobs: ArrayLike) -> TrainState:
        trained, _ = parts.split(params)
        return train_state.create(trained, transform(knobs), frozen, knobs, config.ema_decay)

    def step(
        state: TrainState, retain: Batch, forget: Batch, key: Key
    ) -> tuple[TrainState, Scalars]:
        (value, logged), grad = jax.value_and_grad(loss, has_aux=True)(
            state.params, retain, forget, state.frozen, key, state.knobs
        )
        updates, opt_state = transform(state.knobs).update(
            grad, state.opt_state, state.params, value=value
        )
        scalars = logged | {
            "learning_rate": learning_rate(config.optimizer, state.knobs["steps"])(state.step),
            "notfinite_count": opt_state.notfinite_count,
        }
        return state.updated(updates, opt_state), scalars

    return Method(parts.split, init, step, parts.merge)
