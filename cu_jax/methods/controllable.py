"""Controllable unlearning: the two-phase ε-constrained update (ours, the paper's method)."""

from typing import Any

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from cu_jax import optim, train_state
from cu_jax.corruptions import Key
from cu_jax.methods.gradients import both_gradients
from cu_jax.methods.interface import Batch, Method, Scalars
from cu_jax.methods.objectives import unlearning_objectives
from cu_jax.methods.optimizer import base_optimizer, learning_rate
from cu_jax.models import Model, Params
from cu_jax.optim.inner_products import tree_gram
from cu_jax.train_state import TrainState

PHASES = ("boundary", "pareto")


def controllable(config: Any, model: Model, frozen: Params) -> Method:
    """Minimizes the retain loss subject to the forget loss being at most ε.

    Args:
        config: ``phase`` (``boundary`` or ``pareto``), ``swap`` (the retain loss becomes the
            constraint), ``alpha, beta, tau, delta, gradient_decay, value_decay, clip``,
            ``microbatches``, ``ema_decay``, ``optimizer``, and the losses' keys
            (:func:`cu_jax.methods.objectives.unlearning_objectives`).
        model: the model.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and, in the Pareto phase, ``epsilon``.

    Raises:
        ValueError: for an unknown phase, or a coefficient outside its range.
    """
    if config.phase not in PHASES:
        raise ValueError(f"phase must be one of {PHASES}, got {config.phase!r}.")
    gradients = both_gradients(unlearning_objectives(config, model), config.microbatches)
    names = ("forget", "retain") if config.swap else ("retain", "forget")

    def transform(knobs: dict[str, Any]) -> optax.GradientTransformationExtraArgs:
        return optim.constrained(
            base_optimizer(config.optimizer, knobs["steps"]),
            knobs["epsilon"] if config.phase == "pareto" else None,
            clip=config.clip,
            alpha=config.alpha,
            beta=config.beta,
            tau=config.tau,
            delta=config.delta,
            gradient_decay=config.gradient_decay,
            value_decay=config.value_decay,
        )

    transform({"steps": 1.0, "epsilon": 1.0})  # Refuses coefficients now, not after other stages.

    def init(params: Params, **knobs: ArrayLike) -> TrainState:
        encoder, _ = model.split(params)
        return train_state.create(encoder, transform(knobs), frozen, knobs, config.ema_decay)

    def step(
        state: TrainState, retain: Batch, forget: Batch, key: Key
    ) -> tuple[TrainState, Scalars]:
        values, grads = gradients(state.params, retain, forget, state.frozen, key)
        if config.swap:
            values, grads = values[::-1], grads[::-1]
        updates, opt_state = transform(state.knobs).update(
            grads[0],
            state.opt_state,
            state.params,
            value=values[0],
            constraint_grad=grads[1],
            constraint_value=values[1],
        )
        rule = optim.constraint_state(opt_state)
        # The products that the rule took as well (without running means): XLA computes them once.
        squared = jnp.diagonal(tree_gram(grads))
        scalars = {
            f"{names[0]}_loss": values[0],
            f"{names[1]}_loss": values[1],
            f"{names[0]}_grad_norm": jnp.sqrt(squared[0]),
            f"{names[1]}_grad_norm": jnp.sqrt(squared[1]),
            "multiplier": rule.multiplier,
            "violation": rule.violation,
            "epsilon": rule.epsilon,
            "cosine": rule.cosine,
            "learning_rate": learning_rate(config.optimizer, state.knobs["steps"])(state.step),
        }
        state = state.updated(updates, opt_state)
        scalars["notfinite_count"] = opt_state.notfinite_count
        return state, {name: jnp.asarray(value) for name, value in scalars.items()}

    return Method(model.split, init, step, model.merge)
