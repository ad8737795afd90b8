"""Random access to the pictures of one set and split: in memory, or decoded when asked for."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32, Integer, UInt8

from cu_jax.data.crops import center_crop, random_crop
from cu_jax.data.decoding import PictureError, decode
from cu_jax.data.manifest import Record
from cu_jax.data.parallel import in_order

Batch = dict[str, np.ndarray]


@runtime_checkable
class Source(Protocol):
    """The pictures of one set and split, in the manifest's order, all of one shape."""

    @property
    def label(self) -> Int32[np.ndarray, "n"]:
        """Index of each picture's class among the data set's."""

    def __len__(self) -> int: ...

    def gather(self, indices: Integer[np.ndarray, "b"]) -> Batch:
        """A batch: ``{"image": uint8 [b, h, w, c], "label": int32 [b]}``."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class MemorySource:
    """Decoded pictures in memory: a batch is one indexing operation.

    Attributes:
        image: uint8 ``[n, height, width, channels]``.
        label: int32 ``[n]``, index into the data set's classes.

    Example:
        >>> source = MemorySource(np.zeros((3, 2, 2, 1), np.uint8), np.arange(3, dtype=np.int32))
        >>> source.gather(np.array([2, 0]))["label"].tolist()
        [2, 0]
    """

    image: UInt8[np.ndarray, "n h w c"]
    label: Int32[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.label)

    def gather(self, indices: Integer[np.ndarray, "b"]) -> Batch:
        """A batch."""
        return {"image": self.image[indices], "label": self.label[indices]}


@dataclasses.dataclass(frozen=True, eq=False)
class InputSource:
    """What a model makes of the pictures, kept in their place.

    Attributes:
        inputs: the model's inputs, any dtype ``[n, …]``.
        label: int32 ``[n]``, index into the data set's classes.

    Example:
        >>> source = InputSource(np.zeros((3, 49), np.int32), np.arange(3, dtype=np.int32))
        >>> source.gather(np.array([2, 0]))["inputs"].shape
        (2, 49)
    """

    inputs: np.ndarray
    label: Int32[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.label)

    def gather(self, indices: Integer[np.ndarray, "b"]) -> Batch:
        """A batch: ``{"inputs": [b, …], "label": int32 [b]}``."""
        return {"inputs": self.inputs[indices], "label": self.label[indices]}


@dataclasses.dataclass(frozen=True, eq=False)
class EncodedSource:
    """Picture files, read and decoded each time: for pictures too large or too many for memory.

    Attributes:
        files: the encoded pictures.
        records: of the same pictures.
        label: int32 ``[n]``, index into the data set's classes.
        size: pixels along a side of the square that is cut out.
        channels: 1 for gray, 3 for RGB.
    """

    files: Sequence[bytes]
    records: Sequence[Record]
    label: Int32[np.ndarray, "n"]
    size: int
    channels: int

    def __len__(self) -> int:
        return len(self.label)

    def gather(self, indices: Integer[np.ndarray, "b"]) -> Batch:
        """A batch of whole pictures: the shorter side made ``size``, the middle square cut out."""
        return self._batch(indices, [partial(center_crop, size=self.size)] * len(indices))

    def random_crops(
        self, indices: Integer[np.ndarray, "b"], epochs: Integer[np.ndarray, "b"], seed: int
    ) -> Batch:
        """A batch of random crops, mirrored or not.

        Args:
            indices: int ``[b]``, which pictures.
            epochs: int ``[b]``, the pass over the set in which each is seen.
            seed: of all crops.

        Returns:
            The batch. A crop is a function of the seed, the picture's id and the pass alone,
            whatever else is in the batch and whichever process makes it.
        """
        pairs = zip(indices.tolist(), epochs.tolist(), strict=True)
        rngs = [_rng(self.records[index].id, epoch, seed) for index, epoch in pairs]
        return self._batch(indices, [partial(random_crop, size=self.size, rng=r) for r in rngs])

    def whole(self) -> Iterator[UInt8[np.ndarray, "height width c"]]:
        """Every picture once, in order, at its own size and uncut; a few are decoded ahead."""
        yield from in_order(self._whole, range(len(self)))

    def _whole(self, index: int) -> np.ndarray:
        return self._read(index, decode)

    def _batch(
        self, indices: Integer[np.ndarray, "b"], cuts: Sequence[Callable[..., np.ndarray]]
    ) -> Batch:
        pairs = zip(indices.tolist(), cuts, strict=True)
        images = [self._read(index, cut) for index, cut in pairs]
        return {"image": np.stack(images), "label": self.label[indices]}

    def _read(self, index: int, decoded: Callable[..., np.ndarray]) -> np.ndarray:
        try:
            return decoded(self.files[index], channels=self.channels)
        except (PictureError, OSError) as error:  # it was whole when the data set was opened
            told = f"cannot be read ({error})" if isinstance(error, OSError) else error
            raise ValueError(
                f"A picture must stay as it is while it is used, and {self.records[index].id} "
                f"{told}: put it back, or start again without it."
            ) from error


def _rng(picture: str, epoch: int, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{epoch}/{picture}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
