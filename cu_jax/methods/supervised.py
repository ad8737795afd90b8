"""Ordinary training on both sets together: a model's pretraining, and the digits' classifier."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array

from cu_jax import optim, train_state
from cu_jax.corruptions import Key
from cu_jax.methods.interface import Batch, Method, Scalars, to_model_range
from cu_jax.methods.optimizer import base_optimizer, learning_rate
from cu_jax.methods.parts import all_but
from cu_jax.models import Params, Pretrained
from cu_jax.train_state import TrainState

Loss = Callable[[Params, Batch, Key], Array]


def pretrain(config: Any, model: Pretrained, frozen: Params = None) -> Method:
    """Trains a model, but for its fixed parts, with its own loss on retain and forget pictures."""
    del frozen
    return supervised(config, _own_loss(model), model.fixed)


def retrain(config: Any, model: Pretrained, frozen: Params = None) -> Method:
    """The same on retain pictures alone, half of each batch: the oracle of unlearning."""
    del frozen
    return supervised(config, _own_loss(model), model.fixed, _retained)


def _own_loss(model: Pretrained) -> Loss:
    def loss(params: Params, batch: Batch, key: Key) -> Array:
        return model.pretrain_loss(params, to_model_range(batch["image"], model), key)

    return loss


def _both(retain: Batch, forget: Batch) -> Batch:
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), dict(retain), dict(forget))


def _retained(retain: Batch, forget: Batch) -> Batch:
    del forget
    return retain


def supervised(
    config: Any,
    loss: Loss,
    fixed: Sequence[str] = (),
    choose: Callable[[Batch, Batch], Batch] = _both,
) -> Method:
    """Minimizes ``loss(params, batch, key)`` over batches that join both sets.

    A step whose loss or gradient is not finite is skipped.

    Args:
        config: ``optimizer``, ``clip`` and ``ema_decay``.
        loss: the loss of a batch.
        fixed: names of the parts of ``params`` that are not trained.
        choose: makes the batch of the two sets'.

    Returns:
        A method whose ``init`` takes the knob ``steps``.
    """

    def transform(knobs: dict[str, Any]) -> optax.GradientTransformationExtraArgs:
        base = base_optimizer(config.optimizer, knobs["steps"])
        clip = optax.identity() if config.clip is None else optax.clip_by_global_norm(config.clip)
        return optim.skip_nonfinite(optax.chain(clip, base))

    parts = all_but(fixed)

    def init(params: Params, **knobs: ArrayLike) -> TrainState:
        trained, kept = parts.split(params)
        return train_state.create(trained, transform(knobs), kept, knobs, config.ema_decay)

    def step(
        state: TrainState, retain: Batch, forget: Batch, key: Key
    ) -> tuple[TrainState, Scalars]:
        batch = choose(retain, forget)
        value, grad = jax.value_and_grad(lambda part: loss(part | state.frozen, batch, key))(
            state.params
        )
        updates, opt_state = transform(state.knobs).update(
            grad, state.opt_state, state.params, value=value
        )
        scalars = {
            "loss": value,
            "learning_rate": learning_rate(config.optimizer, state.knobs["steps"])(state.step),
            "notfinite_count": opt_state.notfinite_count,
        }
        return state.updated(updates, opt_state), scalars

    return Method(parts.split, init, step, parts.merge)
