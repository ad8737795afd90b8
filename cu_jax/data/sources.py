"""Opens a data set by its name and holds its pictures by set and split."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int32, Integer, UInt8

from cu_jax.data.manifest import SETS, SPLITS, Manifest, Record, build_manifest
from cu_jax.data.mnist5k import open_mnist5k
from cu_jax.data.preparation import Pictures, default_data_dir

Batch = dict[str, np.ndarray]

DATASETS: dict[str, Callable[[Path], Pictures]] = {"mnist5k": open_mnist5k}
"""Name in ``config.data.name`` to what opens it, given the folder of prepared data."""

_CHUNK = 1024


@runtime_checkable
class Source(Protocol):
    """Random access to the pictures of one set and split, in the manifest's order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One picture: ``{"image": uint8 [h, w, c], "label": int32}``."""
        ...

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

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One picture."""
        return {"image": self.image[index], "label": self.label[index]}

    def gather(self, indices: Integer[np.ndarray, "b"]) -> Batch:
        """A batch."""
        return {"image": self.image[indices], "label": self.label[indices]}


@dataclasses.dataclass(frozen=True, eq=False)
class StoredSource:
    """Pictures read and decoded each time: for sets too large for memory.

    Attributes:
        pictures: the whole data set.
        index: int64 ``[n]``, where each picture of this source lies in it.
        label: int32 ``[n]``.
    """

    pictures: Pictures
    index: Integer[np.ndarray, "n"]
    label: Int32[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One picture."""
        return {
            "image": self.pictures[int(self.index[index])].image,
            "label": self.label[index],
        }

    def gather(self, indices: Integer[np.ndarray, "b"]) -> Batch:
        """A batch."""
        images = [self.pictures[int(self.index[i])].image for i in indices]
        return {"image": np.stack(images), "label": self.label[indices]}


@dataclasses.dataclass(frozen=True)
class Data:
    """Both sets of one data set.

    Attributes:
        manifest: which picture is in which set and split.
        class_names: names of the data set's classes; a label is an index into them.
        image_shape: ``(height, width, channels)``.
        sources: ``"retain/train"`` and so on to pictures.
    """

    manifest: Manifest
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    sources: Mapping[str, Source]

    def source(self, set_name: str, split: str) -> Source:
        """The pictures of one set and split.

        Args:
            set_name: ``retain`` or ``forget``.
            split: ``train`` or ``validation``.

        Returns:
            Random access to them, in the manifest's order.

        Raises:
            ValueError: for other names.
        """
        if set_name not in SETS or split not in SPLITS:
            raise ValueError(
                f"A source must be one of {', '.join(SETS)} and one of {', '.join(SPLITS)}, got "
                f"{set_name!r} and {split!r}: correct the name."
            )
        return self.sources[f"{set_name}/{split}"]

    def pixel_statistics(
        self, set_name: str, split: str
    ) -> tuple[Float64[np.ndarray, "c"], Float64[np.ndarray, "c"]]:
        """Mean and standard deviation of each channel over all pixels, in [0, 1] units.

        Args:
            set_name: ``retain`` or ``forget``.
            split: ``train`` or ``validation``.

        Returns:
            Mean and (population) standard deviation, float64 ``[channels]``.

        Note:
            Sums are of integers, so the result is the same in every order and on every machine.
        """
        source = self.source(set_name, split)
        channels = self.image_shape[-1]
        total, squares = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
        for start in range(0, len(source), _CHUNK):
            indices = np.arange(start, min(start + _CHUNK, len(source)))
            pixels = source.gather(indices)["image"].reshape(-1, channels).astype(np.int64)
            total += pixels.sum(0)
            squares += (pixels**2).sum(0)
        count = len(source) * self.image_shape[0] * self.image_shape[1]
        # Python's integers, since count * squares may exceed 64 bits in a large set.
        variance = [count * int(q) - int(s) ** 2 for s, q in zip(total, squares, strict=True)]
        return total / (count * 255.0), np.sqrt(np.array(variance, np.float64)) / (count * 255.0)


def open_data(config: Any) -> Data:
    """Opens, and on first use prepares, the data of a config's ``data`` section.

    Args:
        config: with the attributes ``name`` (of ``DATASETS``), ``retain`` and ``forget`` (class
            names), ``validation_per_class``, and, where they are there, ``data_dir`` (folder of
            prepared data; None: ``default_data_dir()``) and
            ``cache_in_memory`` (default True: keep decoded pictures).

    Returns:
        Both sets.

    Raises:
        ValueError: for an unknown data set, or classes that can't be used (``build_manifest``).
        FileNotFoundError: if the pictures' package or files are missing.

    Example:
        >>> import tempfile, types
        >>> config = types.SimpleNamespace(
        ...     name="mnist5k", retain=("0", "1"), forget=("7",), validation_per_class=100)
        >>> with tempfile.TemporaryDirectory() as config.data_dir:
        ...     data = open_data(config)
        >>> len(data.source("retain", "train")), len(data.source("forget", "validation"))
        (800, 100)
    """
    if config.name not in DATASETS:
        raise ValueError(
            f"The data set must be one of {', '.join(DATASETS)}, got {config.name!r}: change "
            "config.data.name."
        )
    data_dir = getattr(config, "data_dir", None)
    pictures = DATASETS[config.name](Path(data_dir) if data_dir else default_data_dir())
    cache = getattr(config, "cache_in_memory", True)
    records, labels, images = _read(pictures, cache)
    manifest = build_manifest(
        records,
        retain=_class_names(config.retain),
        forget=_class_names(config.forget),
        class_names=pictures.class_names,
        validation_per_class=config.validation_per_class,
    )
    sources: dict[str, Source] = {}
    for name, chosen in manifest.splits.items():
        index = np.array([record.index for record in chosen])
        if cache:
            sources[name] = MemorySource(_frozen(images[index]), _frozen(labels[index]))
        else:
            sources[name] = StoredSource(pictures, index, _frozen(labels[index]))
    return Data(manifest, pictures.class_names, pictures.image_shape, sources)


def _read(
    pictures: Pictures, cache: bool
) -> tuple[Sequence[Record], Int32[np.ndarray, "n"], UInt8[np.ndarray, "m h w c"]]:
    """Reads every picture once: its record, its label and, if asked for, its pixels."""
    records = []
    labels = np.empty(len(pictures), np.int32)
    images = np.empty((len(pictures) if cache else 0, *pictures.image_shape), np.uint8)
    for index in range(len(pictures)):
        name, label, image = pictures[index]
        digest = hashlib.sha256(image.tobytes()).hexdigest()
        records.append(Record(name, pictures.class_names[label], index, digest))
        labels[index] = label
        if cache:
            images[index] = image
    return records, labels, images


def _class_names(given: Any) -> Any:
    """Names as texts: --config.data.forget=3,4 on a command line gives numbers."""
    return given if isinstance(given, str) else tuple(str(name) for name in given)


def _frozen(array: np.ndarray) -> np.ndarray:
    # A reader that writes into a picture would change it for everyone.
    array.flags.writeable = False
    return array
