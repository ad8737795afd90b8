"""What the rest of the house knows of a model: this interface, and no model by name."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float

from cu_jax.corruptions import Key

Params = Any
"""A tree of arrays."""


@runtime_checkable
class Model(Protocol):
    """An image-to-image model h = D ∘ E, as pure functions of explicit parameters.

    Pictures are float32 ``[batch, height, width, channels]`` in ``pixel_range``. A *corruption* is
    what ``corrupt`` returns: opaque to every caller, and the same one goes to teacher and student.
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""

    @property
    def patch_size(self) -> int:
        """Side in pixels of the squares that random holes consist of; it divides both sides."""

    @property
    def pixel_range(self) -> tuple[np.ndarray, np.ndarray]:
        """The values of black and white for each channel: two float32 ``[channels]``."""

    def init(self, key: Key) -> Params:
        """Fresh parameters."""

    def split(self, params: Params) -> tuple[Params, Params]:
        """``params`` as ``(encoder, rest)``: what unlearning trains, and what it freezes."""

    def merge(self, encoder: Params, rest: Params) -> Params:
        """The inverse of ``split``."""

    def prepare(self, images: Float[Array, "b h w c"], key: Key) -> Any:
        """Frozen preprocessing, once a step for teacher and student both: tokens, noising."""

    def corrupt(self, key: Key, batch_size: int, kind: str = "training") -> Any:
        """A corruption for ``batch_size`` pictures."""

    def encode(self, encoder: Params, inputs: Any, corruption: Any) -> tuple[Array, ...]:
        """Feature maps of what the corruption leaves visible."""

    def decode(self, rest: Params, features: Sequence[Array], corruption: Any) -> tuple[Array, ...]:
        """The model's output, as arrays with the batch first, from the encoder's feature maps."""

    def output_target(self, images: Float[Array, "b h w c"]) -> tuple[Array, ...]:
        """What ``decode`` should give for these pictures (the forget target in output space)."""

    def output_mask(self, corruption: Any) -> Array:
        """1 where ``decode``'s output counts (the removed part), broadcastable to it."""

    def pretrain_loss(
        self, params: Params, images: Float[Array, "b h w c"], key: Key
    ) -> Float[Array, ""]:
        """The loss the model was trained with, over a batch."""

    def restore(
        self, params: Params, images: Float[Array, "b h w c"], mask: np.ndarray, key: Key
    ) -> Float[Array, "b h w c"]:
        """Pictures with the removed pixels filled in and the visible ones pasted back.

        ``mask`` is a concrete float32 ``[height, width, 1]``, 1 = removed.
        """
