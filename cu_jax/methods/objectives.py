r"""The retain and forget losses of every unlearning method, from a model and a config.

Encoder space: the student's features against the teacher's, of the picture itself (retain) or of a
picture of pure noise (forget). Output space: the same with the models' outputs on the removed part;
the forget target is then what the model says of noise (``output_target``): an MAE the noise picture
itself, a MAGE no code above others.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax import corruptions, losses, preemption
from cu_jax.corruptions import Key
from cu_jax.logs import Progress
from cu_jax.methods.interface import Batch, to_model_range
from cu_jax.models import Model, Params

SPACES = ("encoder", "output")

_POOLED = 16  # Pictures of the pool that are made at once.


class Objectives(NamedTuple):
    """Both losses of each example: ``(encoder, batch, frozen, key) -> float32 [b]``.

    ``frozen`` is :func:`frozen_parts`. Each picture's corruption is the same for student and
    teacher, and the two sets draw from their own keys.
    """

    retain: Callable[[Params, Batch, Params, Key], Float[Array, " b"]]
    forget: Callable[[Params, Batch, Params, Key], Float[Array, " b"]]


def frozen_parts(config: Any, model: Model, teacher: Params) -> Params:
    """What the losses read besides what is trained; made once, for all methods and stages.

    Args:
        config: the losses' settings, as for :func:`unlearning_objectives`.
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


def unlearning_objectives(config: Any, model: Model) -> Objectives:
    """The two losses for a model.

    Args:
        config: with ``space`` (``encoder`` or ``output``), ``noise_mean`` and ``noise_std``: a
            number a channel, statistics of the forget training set on pixels in [0, 1].
        model: the model.

    Returns:
        The losses. A batch that has ``inputs``, the model's own (:mod:`cu_jax.inputs`), is taken as
        it is; the pictures of others are prepared, once for student and teacher both.

    Raises:
        ValueError: for an unknown space.
    """
    if config.space not in SPACES:
        raise ValueError(f"loss.space must be one of {SPACES}, got {config.space!r}.")

    def distance(student: Any, target: Any, frozen: Params, params: Params, corruption: Any) -> Any:
        """Of the student's features to the target, which is features too, or an output."""
        if config.space == "encoder":
            return losses.feature_distance(student, jax.lax.stop_gradient(target))
        out = model.decode(model.merge(params, frozen["rest"]), student, corruption)
        return output_distance(model, out, jax.lax.stop_gradient(target), corruption)

    def retain(encoder: Params, batch: Batch, frozen: Params, key: Key) -> Float[Array, " b"]:
        key_corrupt, key_prepare = jax.random.split(jax.random.fold_in(key, 0))
        corruption = model.corrupt(key_corrupt, _size(batch), "training")
        inputs = inputs_of(model, batch, frozen, key_prepare)
        target = model.encode(frozen["teacher"], inputs, corruption)
        if config.space == "output":
            teacher = model.merge(frozen["teacher"], frozen["rest"])
            target = model.decode(teacher, target, corruption)
        student = model.encode(encoder, inputs, corruption)
        return distance(student, target, frozen, encoder, corruption)

    def forget(encoder: Params, batch: Batch, frozen: Params, key: Key) -> Float[Array, " b"]:
        key, key_noise = jax.random.split(jax.random.fold_in(key, 1))
        key_corrupt, key_prepare = jax.random.split(key)
        corruption = model.corrupt(key_corrupt, _size(batch), "training")
        if "noise" in frozen:
            drawn = jax.random.randint(key_noise, (_size(batch),), 0, model.noise_pool)
            noise = jax.tree.map(lambda pool: pool[drawn], frozen["noise"])
        else:
            pictures = noise_pictures(config, model, key_noise, _size(batch))
            noise = model.prepare(frozen["rest"], pictures, key_prepare)
        inputs = inputs_of(model, batch, frozen, key_prepare)
        seen, through = model.forget_view(inputs, noise, corruption)
        if config.space == "output":
            teacher = model.merge(frozen["teacher"], frozen["rest"])
            target = model.output_target(teacher, seen, through)
        else:
            target = model.encode(frozen["teacher"], seen, through)
        student = model.encode(encoder, inputs, corruption)
        return distance(student, target, frozen, encoder, corruption)

    return Objectives(retain, forget)


def inputs_of(model: Model, batch: Batch, frozen: Params, key: Key) -> Any:
    """What the model reads of a batch: its ``inputs``, or what it makes of its pictures."""
    if "inputs" in batch:
        return batch["inputs"]
    return model.prepare(frozen["rest"], to_model_range(batch["image"], model), key)


def output_distance(
    model: Model, out: Sequence[Array], target: Sequence[Array], corruption: Any
) -> Float[Array, " b"]:
    """Mean squared distance of each example's outputs on the removed part, where alone they count.

    Args:
        model: the model.
        out: its outputs, arrays ``[b, …]``.
        target: likewise.
        corruption: that both were made under.

    Returns:
        float32 ``[b]``.
    """
    mask = model.output_mask(corruption)
    share = mask.mean(axis=tuple(range(1, mask.ndim)))  # of the array, which the mean is over
    masked = [[x * mask for x in maps] for maps in (out, target)]
    return losses.feature_distance(*masked) / share


def _size(batch: Batch) -> int:
    return batch["label"].shape[0]


def noise_pictures(config: Any, model: Model, key: Key, count: int) -> Float[Array, "b h w c"]:
    """Pictures of Gaussian noise in the model's range.

    Args:
        config: with ``noise_mean`` and ``noise_std``, as for :func:`unlearning_objectives`.
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
