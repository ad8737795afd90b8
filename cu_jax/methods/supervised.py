"""Ordinary training on both sets together: a model's pretraining, and the digits' classifier."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array

from cu_jax import train_state
from cu_jax.corruptions import Key
from cu_jax.methods.interface import Batch, Method, Scalars, to_model_range
from cu_jax.methods.optimizer import base_optimizer, learning_rate
from cu_jax.models import Model, Params
from cu_jax.train_state import TrainState

Loss = Callable[[Params, Batch, Key], Array]


def pretrain(config: Any, model: Model, teacher: Params = None) -> Method:
    """Trains the whole model with its own pretraining loss on retain and forget pictures."""
    del teacher

    def loss(params: Params, batch: Batch, key: Key) -> Array:
        return model.pretrain_loss(params, to_model_range(batch["image"], model), key)

    return supervised(config, loss)


def supervised(config: Any, loss: Loss) -> Method:
    """Minimizes ``loss(params, batch, key)`` over batches that join both sets.

    Args:
        config: ``optimizer`` and ``clip``.
        loss: the loss of a batch.

    Returns:
        A method whose ``init`` takes the knob ``steps``.
    """

    def transform(knobs: dict[str, Any]) -> optax.GradientTransformation:
        base = base_optimizer(config.optimizer, knobs["steps"])
        clip = optax.identity() if config.clip is None else optax.clip_by_global_norm(config.clip)
        return optax.chain(clip, base)

    def init(params: Params, **knobs: ArrayLike) -> TrainState:
        return train_state.create(params, transform(knobs), None, knobs)

    def step(
        state: TrainState, retain: Batch, forget: Batch, key: Key
    ) -> tuple[TrainState, Scalars]:
        both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), dict(retain), dict(forget))
        value, grad = jax.value_and_grad(loss)(state.params, both, key)
        updates, opt_state = transform(state.knobs).update(grad, state.opt_state, state.params)
        rate = learning_rate(config.optimizer, state.knobs["steps"])(state.step)
        state = state.updated(updates, opt_state)
        return state, {"loss": value, "learning_rate": rate}

    return Method(lambda params: (params, None), init, step)
