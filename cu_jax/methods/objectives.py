r"""The retain and forget losses of every unlearning method, from a model and a config.

Encoder space: the student's features against the teacher's, of the picture itself (retain) or of a
picture of pure noise (forget). Output space: the same with the models' outputs on the removed part;
the forget target is then the noise picture itself.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax import corruptions, losses
from cu_jax.corruptions import Key
from cu_jax.methods.interface import Batch, to_model_range
from cu_jax.models import Model, Params

SPACES = ("encoder", "output")


class Objectives(NamedTuple):
    """Both losses of each example: ``(encoder, batch, frozen, key) -> float32 [b]``.

    ``frozen`` is :func:`frozen_parts`. Each picture's corruption is the same for student and
    teacher, and the two sets draw from their own keys.
    """

    retain: Callable[[Params, Batch, Params, Key], Float[Array, " b"]]
    forget: Callable[[Params, Batch, Params, Key], Float[Array, " b"]]


def frozen_parts(model: Model, teacher: Params) -> Params:
    """What the losses read of the teacher: its encoder, and the rest, which both share."""
    encoder, rest = model.split(teacher)
    return {"teacher": encoder, "rest": rest}


def unlearning_objectives(config: Any, model: Model) -> Objectives:
    """The two losses for a model.

    Args:
        config: with ``space`` (``encoder`` or ``output``), ``noise_mean`` and ``noise_std``: a
            number a channel, statistics of the forget training set on pixels in [0, 1].
        model: the model.

    Returns:
        The losses.

    Raises:
        ValueError: for an unknown space.
    """
    if config.space not in SPACES:
        raise ValueError(f"loss.space must be one of {SPACES}, got {config.space!r}.")
    low, high = (jnp.asarray(bound) for bound in model.pixel_range)
    mean = low + jnp.asarray(config.noise_mean, jnp.float32) * (high - low)
    std = jnp.asarray(config.noise_std, jnp.float32) * (high - low)

    def distance(
        encoder: Params, frozen: Params, images: Array, seen: Array, key: Key, noise: bool
    ) -> Float[Array, " b"]:
        """Student on ``images`` against teacher on ``seen``, one corruption for both."""
        key_corrupt, key_prepare = jax.random.split(key)
        corruption = model.corrupt(key_corrupt, images.shape[0], "training")
        student = model.encode(encoder, model.prepare(images, key_prepare), corruption)
        if config.space == "output" and noise:
            target = model.output_target(seen)
        else:
            inputs = model.prepare(seen, key_prepare)
            target = model.encode(frozen["teacher"], inputs, corruption)
        if config.space == "encoder":
            return losses.feature_distance(student, jax.lax.stop_gradient(target))
        mask = model.output_mask(corruption)
        # Outputs count on the removed part alone; the mean is over its share of the array.
        share = mask.mean(axis=tuple(range(1, mask.ndim)))
        student = model.decode(frozen["rest"], student, corruption)
        target = target if noise else model.decode(frozen["rest"], target, corruption)
        masked = [[x * mask for x in maps] for maps in (student, jax.lax.stop_gradient(target))]
        return losses.feature_distance(*masked) / share

    def retain(encoder: Params, batch: Batch, frozen: Params, key: Key) -> Float[Array, " b"]:
        images = to_model_range(batch["image"], model)
        return distance(encoder, frozen, images, images, jax.random.fold_in(key, 0), noise=False)

    def forget(encoder: Params, batch: Batch, frozen: Params, key: Key) -> Float[Array, " b"]:
        key, key_noise = jax.random.split(jax.random.fold_in(key, 1))
        images = to_model_range(batch["image"], model)
        seen = corruptions.gaussian_pictures(key_noise, images.shape, mean, std, low, high)
        return distance(encoder, frozen, images, seen, key, noise=True)

    return Objectives(retain, forget)
