"""What the losses read of the original model, and pictures of noise."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax import corruptions, preemption
from cu_jax.corruptions import Key
from cu_jax.logs import Progress
from cu_jax.models import Model, Params

_POOLED = 16  # Pictures of the pool that are made at once.


def frozen_parts(config: Any, model: Model, teacher: Params) -> Params:
    """What the losses read besides what is trained; made once, for all methods and stages.

    Args:
        config: the losses' settings, as for :func:`cu_jax.methods.unlearning_objectives`.
        model: the model.
        teacher: the whole original model's parameters, θ0.

    Returns:
        ``teacher``: its encoder; ``rest``: the rest, which both share; ``noise``: inputs of noise
        pictures, for a model whose preprocessing is dear (``model.noise_pool``) in encoder space.
    """
    encoder, rest = model.split(teacher)
    frozen = {"teacher": encoder, "rest": rest}
    if model.noise_pool and config.space == "encoder":
        frozen["noise"] = _noise_pool(config, model, rest)
    return frozen


def noise_pictures(config: Any, model: Model, key: Key, count: int) -> Float[Array, "b h w c"]:
    """Pictures of Gaussian noise in the model's range.

    Args:
        config: with ``noise_mean`` and ``noise_std``, as for
            :func:`cu_jax.methods.unlearning_objectives`.
        model: the model.
        key: PRNG key.
        count: number of pictures.

    Returns:
        float32 ``[count, h, w, c]``.
    """
    low, high = (jnp.asarray(bound) for bound in model.pixel_range)
    mean = low + jnp.asarray(config.noise_mean, jnp.float32) * (high - low)
    std = jnp.asarray(config.noise_std, jnp.float32) * (high - low)
    return corruptions.gaussian_pictures(key, (count, *model.image_shape), mean, std, low, high)


def _noise_pool(config: Any, model: Model, rest: Params) -> Any:
    """Inputs of as many noise pictures as the model asks for; the same ones for every seed."""

    @jax.jit
    def prepared(rest: Params, key: Key) -> Any:
        key_noise, key_prepare = jax.random.split(key)
        return model.prepare(rest, noise_pictures(config, model, key_noise, _POOLED), key_prepare)

    parts: list[Any] = []
    with Progress("Tokens of noise", model.noise_pool, unit="pictures") as progress:
        for number in range(-(-model.noise_pool // _POOLED)):
            part = prepared(rest, jax.random.fold_in(jax.random.key(0), number))
            parts.append(jax.block_until_ready(part))
            progress.update(min((number + 1) * _POOLED, model.noise_pool))
            preemption.check()
    return jax.tree.map(lambda *x: jnp.concatenate(x)[: model.noise_pool], *parts)
