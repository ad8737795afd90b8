"""What an unlearning method is: an initial state and a step."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.corruptions import Key
from cu_jax.models import Model, Params, Pretrained
from cu_jax.train_state import TrainState

Batch = Mapping[str, Any]
"""``image``: uint8 ``[b, h, w, c]``, or ``inputs``, what the model makes of them; ``label``: int32
``[b]``; ``weight`` for evaluation."""

Scalars = dict[str, Array]


class Method(NamedTuple):
    """A way to train a model.

    Attributes:
        trainable: ``params -> (trained, frozen)``: which part of the model moves.
        init: ``(params, **knobs) -> TrainState`` at step 0, from a whole model's parameters.
        step: ``(state, retain, forget, key) -> (state, scalars)``, pure; meant for one ``jax.jit``.
        merge: the inverse of ``trainable``.
    """

    trainable: Callable[[Params], tuple[Params, Params]]
    init: Callable[..., TrainState]
    step: Callable[[TrainState, Batch, Batch, Key], tuple[TrainState, Scalars]]
    merge: Callable[[Params, Params], Params]


class MethodFactory(Protocol):
    """``METHODS[name]``: a config section, the model and its frozen parts to a method."""

    def __call__(self, config: Any, model: Model, frozen: Params) -> Method:
        """Builds the method; compiles nothing."""


def to_model_range(images: Array, model: Pretrained) -> Float[Array, "b h w c"]:
    """uint8 pictures as float32 in the model's pixel range."""
    low, high = (jnp.asarray(bound) for bound in model.pixel_range)
    return low + images.astype(jnp.float32) * ((high - low) / 255)
