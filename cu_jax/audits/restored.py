"""The pictures that audits look at, and what a solution paints into their hole."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int32, UInt8

from cu_jax.data import Data
from cu_jax.holes import NamedHole
from cu_jax.metrics.pictures import MSE_FLOOR
from cu_jax.models import Model, Params
from cu_jax.validation import restoration


class Sample(NamedTuple):
    """Pictures of one set and split.

    Attributes:
        image: the pictures.
        label: their classes.
        number: their places in the set and split, which choose their keys.
    """

    image: UInt8[np.ndarray, "n h w c"]
    label: Int32[np.ndarray, " n"]
    number: Int[np.ndarray, " n"]

    def some(self, count: int) -> "Sample":
        """At most ``count`` of them, spread evenly."""
        chosen = spread_evenly(len(self.number), count)
        return Sample(self.image[chosen], self.label[chosen], self.number[chosen])


def sample(data: Data, set_name: str, split: str, most: int) -> Sample:
    """Reads at most ``most`` pictures of a set and split, spread evenly over its order.

    They are sorted by class or nearly so: the first ones would be of one class.
    """
    source = data.source(set_name, split)
    number = spread_evenly(len(source), most)
    batch = source.gather(number)
    return Sample(batch["image"], batch["label"], number)


def spread_evenly(length: int, most: int) -> Int[np.ndarray, " n"]:
    """Indices below ``length``, at most ``most``, in order and evenly apart.

    Example:
        >>> spread_evenly(10, 4).tolist(), spread_evenly(2, 4).tolist()
        ([0, 2, 5, 7], [0, 1])
    """
    count = min(length, most)
    return np.arange(count) * length // max(count, 1)


class Restorer:
    """What a solution restores in the hole, with one compiled program for all solutions.

    Args:
        model: the model.
        hole: what is removed.
        batch_size: pictures at once; the last batch is filled up with black ones.
        seed: of the keys that pictures are restored with, as in a run's own evaluation.
    """

    def __init__(self, model: Model, hole: NamedHole, batch_size: int, seed: int) -> None:
        self._batch_size, self._key = batch_size, jax.random.key(seed)
        self._removed = np.flatnonzero(hole.mask[..., 0] > 0.5)
        restored_of = restoration(model, hole.mask)

        def program(params: Params, images: Array, numbers: Array) -> Array:
            keys = jax.vmap(partial(jax.random.fold_in, self._key))(numbers)
            restored = restored_of(params, images, keys)
            return restored.reshape(len(images), -1, restored.shape[-1])[:, self._removed]

        self._program = jax.jit(program)

    def __call__(
        self, params: Params, given: Sample, done: Callable[[int], None] = lambda count: None
    ) -> Float[np.ndarray, "n p c"]:
        """The removed pixels of each picture as restored, in [0, 1]; ``done`` hears of batches."""
        parts = []
        for start in range(0, len(given.number), self._batch_size):
            images = given.image[start : start + self._batch_size]
            gap = self._batch_size - len(images)
            black = np.zeros((gap, *images.shape[1:]), np.uint8)
            numbers = np.pad(given.number[start : start + self._batch_size], (0, gap))
            found = self._program(
                params, jnp.asarray(np.concatenate([images, black])), jnp.asarray(numbers)
            )
            parts.append(np.asarray(found)[: len(images)])
            done(len(images))
        return np.concatenate(parts)

    def errors(self, restored: np.ndarray, given: Sample) -> Float[np.ndarray, " n"]:
        """Mean squared error of each picture's removed pixels, float64."""
        images = given.image.reshape(len(given.number), -1, given.image.shape[-1])
        originals = images[:, self._removed] / 255
        return np.mean(np.square(restored - originals), axis=(1, 2))


def mean_psnr(errors: Float[np.ndarray, " n"]) -> float:
    """Mean over pictures of their PSNR in dB, as :func:`cu_jax.metrics.psnr` has it.

    Args:
        errors: mean squared error of each picture, pixels in [0, 1].

    Returns:
        dB.

    Example:
        >>> mean_psnr(np.array([0.1, 0.001]))
        20.0
    """
    return float(np.mean(-10 * np.log10(np.maximum(errors, MSE_FLOOR))))
