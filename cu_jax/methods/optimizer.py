"""The base optimizer and its learning-rate schedule, from a config."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

OPTIMIZERS = ("adamw", "adam", "sgd")


def learning_rate(config: Any, steps: ArrayLike) -> Callable[[ArrayLike], Float[Array, ""]]:
    """Linear warm-up, then a cosine to zero at ``steps`` (or a constant).

    Args:
        config: with ``learning_rate``, ``warmup_steps``, ``schedule`` (``cosine`` or ``constant``).
        steps: length of the stage; a traced number is fine, so that stages of different lengths
            share one compiled program.

    Returns:
        Step to learning rate, float32.

    Raises:
        ValueError: for an unknown schedule.

    Example:
        >>> from ml_collections import ConfigDict
        >>> config = ConfigDict(dict(learning_rate=1.0, warmup_steps=2, schedule="cosine"))
        >>> [round(float(learning_rate(config, 4)(step)), 2) for step in range(4)]
        [0.5, 1.0, 1.0, 0.5]
    """
    if config.schedule not in ("cosine", "constant"):
        raise ValueError(
            f"optimizer.schedule must be 'cosine' or 'constant', got {config.schedule!r}."
        )
    warmup = config.warmup_steps

    def schedule(step: ArrayLike) -> Float[Array, ""]:
        step = jnp.asarray(step, jnp.float32)
        rising = jnp.minimum(1.0, (step + 1) / max(warmup, 1))
        if config.schedule == "constant":
            return config.learning_rate * rising
        done = jnp.clip((step - warmup) / jnp.maximum(steps - warmup, 1), 0, 1)
        return config.learning_rate * rising * 0.5 * (1 + jnp.cos(jnp.pi * done))

    return schedule


def base_optimizer(config: Any, steps: ArrayLike) -> optax.GradientTransformation:
    """The optimizer that turns a direction into updates.

    Args:
        config: ``name``, ``b1``, ``b2``, ``weight_decay``, and what :func:`learning_rate` reads.
        steps: length of the stage.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: for an unknown optimizer.
    """
    rate = learning_rate(config, steps)
    if config.name == "adamw":
        return optax.adamw(rate, config.b1, config.b2, weight_decay=config.weight_decay)
    if config.name == "adam":
        return optax.adam(rate, config.b1, config.b2)
    if config.name == "sgd":
        return optax.sgd(rate)
    raise ValueError(f"optimizer.name must be one of {OPTIMIZERS}, got {config.name!r}.")
