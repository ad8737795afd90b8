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

from cu_jax import losses
from cu_jax.corruptions import Key
from cu_jax.methods.frozen import noise_pictures
from cu_jax.methods.interface import Batch, to_model_range
from cu_jax.models import Model, Params

SPACES = ("encoder", "output")


class View(NamedTuple):
    """What a network sees of a batch.

    Attributes:
        inputs: the model's, of the pictures.
        corruption: of these.
    """

    inputs: Any
    corruption: Any


Example = tuple[View, Any]
"""What the student sees of a batch, and its target."""


class Objectives(NamedTuple):
    """Both losses of each example.

    Each picture's corruption is the same for student and teacher, and the two sets draw from their
    own keys. ``frozen`` is what :func:`cu_jax.methods.frozen_parts` returns.

    Attributes:
        retain: the retain loss, ``(encoder, batch, frozen, key) -> float32 [b]``.
        forget: the forget loss, likewise.
        examples: ``(retain, forget, frozen, key)`` to both sets' examples, all that is computed
            without the student: a pair, or with ``one_pass`` one example whose arrays have a
            leading axis of the two sets.
        loss: ``(encoder, example of one set, frozen, key) -> float32 [b]``: the same for both.
        one_pass: whether both sets are to go through the encoder together (``model.one_pass``).
    """

    retain: Callable[[Params, Batch, Params, Key], Float[Array, " b"]]
    forget: Callable[[Params, Batch, Params, Key], Float[Array, " b"]]
    examples: Callable[[Batch, Batch, Params, Key], Any]
    loss: Callable[[Params, Example, Params, Key], Float[Array, " b"]]
    one_pass: bool


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

    def retain_view(batch: Batch, frozen: Params, key: Key) -> View:
        """The retain pictures, for student and teacher both."""
        key_corrupt, key_prepare = jax.random.split(jax.random.fold_in(key, 0))
        corruption = model.corrupt(key_corrupt, _size(batch), "training")
        return View(inputs_of(model, batch, frozen, key_prepare), corruption)

    def forget_views(batch: Batch, frozen: Params, key: Key) -> tuple[View, View]:
        """The forget pictures, for the student, and what the teacher sees in their place."""
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
        return View(inputs, corruption), View(*model.forget_view(inputs, noise, corruption))

    def retain_target(view: View, frozen: Params) -> Any:
        target = model.encode(frozen["teacher"], *view)
        if config.space == "encoder":
            return target
        return model.decode(model.merge(frozen["teacher"], frozen["rest"]), target, view.corruption)

    def forget_target(view: View, frozen: Params) -> Any:
        if config.space == "encoder":
            return model.encode(frozen["teacher"], *view)
        return model.output_target(model.merge(frozen["teacher"], frozen["rest"]), *view)

    def retain_example(batch: Batch, frozen: Params, key: Key) -> Example:
        view = retain_view(batch, frozen, key)
        return view, retain_target(view, frozen)

    def forget_example(batch: Batch, frozen: Params, key: Key) -> Example:
        view, other = forget_views(batch, frozen, key)
        return view, forget_target(other, frozen)

    def loss(encoder: Params, example: Example, frozen: Params, key: Key) -> Float[Array, " b"]:
        del key  # all that is random is in the example
        view, target = example[0], jax.lax.stop_gradient(example[1])
        features = model.encode(encoder, *view)
        if config.space == "encoder":
            return losses.feature_distance(features, target)
        out = model.decode(model.merge(encoder, frozen["rest"]), features, view.corruption)
        return output_distance(model, out, target, view.corruption)

    def retain(encoder: Params, batch: Batch, frozen: Params, key: Key) -> Float[Array, " b"]:
        return loss(encoder, retain_example(batch, frozen, key), frozen, key)

    def forget(encoder: Params, batch: Batch, frozen: Params, key: Key) -> Float[Array, " b"]:
        return loss(encoder, forget_example(batch, frozen, key), frozen, key)

    def examples(retain: Batch, forget: Batch, frozen: Params, key: Key) -> Any:
        if not model.one_pass:
            return retain_example(retain, frozen, key), forget_example(forget, frozen, key)
        kept, (seen, other) = retain_view(retain, frozen, key), forget_views(forget, frozen, key)
        if config.space == "encoder":
            encode = jax.vmap(lambda view: model.encode(frozen["teacher"], *view))
            targets = encode(_stacked(kept, other))
        else:
            targets = _stacked(retain_target(kept, frozen), forget_target(other, frozen))
        return _stacked(kept, seen), targets

    return Objectives(retain, forget, examples, loss, model.one_pass)


def _stacked(first: Any, second: Any) -> Any:
    """Two trees as one, whose arrays have a new leading axis."""
    return jax.tree.map(lambda *pair: jnp.stack(pair), first, second)


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
