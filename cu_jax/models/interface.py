"""What the rest of the house knows of a model: this interface, and no model by name."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float

from cu_jax.corruptions import Key, Keys

Params = Any
"""A tree of arrays."""


@runtime_checkable
class Pretrained(Protocol):
    """What is trained on pictures with a loss of its own: a model, or the tokenizer inside one.

    Pictures are float32 ``[batch, height, width, channels]`` in ``pixel_range``.
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""

    @property
    def pixel_range(self) -> tuple[np.ndarray, np.ndarray]:
        """The values of black and white for each channel: two float32 ``[channels]``."""

    @property
    def fixed(self) -> tuple[str, ...]:
        """Names of the parts of its parameters that pretraining leaves as they are."""

    def init(self, key: Key) -> Params:
        """Fresh parameters, a dict of parts."""

    def pretrain_loss(
        self, params: Params, images: Float[Array, "b h w c"], key: Key
    ) -> Float[Array, ""]:
        """The loss it is trained with, over a batch."""


@runtime_checkable
class Model(Pretrained, Protocol):
    """An image-to-image model h = D ∘ E, as pure functions of explicit parameters.

    A *corruption* is what ``corrupt`` returns: opaque to every caller, and the same one goes to
    teacher and student. *Inputs* are what ``prepare`` makes of pictures, a tree of arrays with the
    batch first.
    """

    @property
    def patch_size(self) -> int:
        """Side in pixels of the squares that random holes consist of; it divides both sides."""

    @property
    def tokenizer(self) -> Pretrained | None:
        """The part ``tokenizer`` of its parameters, trained first and on its own, if it has one."""

    @property
    def noise_pool(self) -> int:
        """How many pictures of noise are prepared once and drawn from; 0: new ones every step."""

    @property
    def one_pass(self) -> bool:
        """Whether a step's two sets go through the encoder together, each with its own gradient.

        Matrix products are the better for it; gradients of convolutions' kernels are not.
        """

    def labeled_loss(
        self,
        params: Params,
        images: Float[Array, "b h w c"],
        labels: Float[Array, "b h w c"],
        key: Key,
    ) -> Float[Array, ""]:
        """``pretrain_loss`` with what it is to paint in the holes taken from other pictures."""

    def split(self, params: Params) -> tuple[Params, Params]:
        """``params`` as ``(encoder, rest)``: what unlearning trains, and what it freezes."""

    def merge(self, encoder: Params, rest: Params) -> Params:
        """The inverse of ``split``."""

    def prepare(self, rest: Params, images: Float[Array, "b h w c"], key: Key) -> Any:
        """Frozen preprocessing, once a step for teacher and student both: tokens, noising."""

    def corrupt(self, key: Key, batch_size: int, kind: str = "training") -> Any:
        """A corruption for ``batch_size`` pictures."""

    def forget_view(self, inputs: Any, noise: Any, corruption: Any) -> tuple[Any, Any]:
        """What the teacher sees in place of forget pictures, as ``(inputs, corruption)``.

        ``inputs`` are the forget pictures', ``noise`` those of pictures of noise. Most models
        return ``(noise, corruption)``: the noise pictures under the student's own corruption.
        """

    def encode(self, encoder: Params, inputs: Any, corruption: Any) -> tuple[Array, ...]:
        """Feature maps of what the corruption leaves visible."""

    def decode(
        self, params: Params, features: Sequence[Array], corruption: Any
    ) -> tuple[Array, ...]:
        """The model's output, as arrays with the batch first, from the encoder's feature maps.

        It takes the whole parameters, since an output layer may share some with the encoder.
        """

    def output_target(self, params: Params, inputs: Any, corruption: Any) -> tuple[Array, ...]:
        """The forget target in output space, for ``forget_view`` and the teacher's parameters."""

    def output_mask(self, corruption: Any) -> Array:
        """1 where ``decode``'s output counts (the removed part), broadcastable to it."""

    def restore(
        self, params: Params, images: Float[Array, "b h w c"], mask: np.ndarray, keys: Keys
    ) -> Float[Array, "b h w c"]:
        """Pictures with the removed pixels filled in and the visible ones pasted back.

        A model may give the hole a soft edge, which reaches into what is visible. ``mask`` is a
        concrete float32 ``[height, width, 1]``, 1 = removed. ``keys`` is one key a picture: what is
        made of a picture depends on its own key alone, not on the others.
        """
