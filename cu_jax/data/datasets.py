"""Opens a data set by its name: the pictures of both sets, and the manifest that lists them."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cu_jax.data.collection import BadPicture, Collection
from cu_jax.data.folder import open_folder
from cu_jax.data.manifest import SETS, SPLITS, Manifest, Record, build_manifest, class_names
from cu_jax.data.mnist5k import open_mnist5k
from cu_jax.data.preparation import default_data_dir
from cu_jax.data.published.prepared import open_prepared
from cu_jax.data.published.splits import split_name
from cu_jax.data.published.tfds_sets import open_tfds
from cu_jax.data.sources import EncodedSource, MemorySource, Source


@dataclasses.dataclass(frozen=True)
class Data:
    """Both sets of one data set.

    Attributes:
        manifest: which picture is in which set and split.
        class_names: names of the data set's classes; a label is an index into them.
        image_shape: ``(height, width, channels)``.
        sources: ``"retain/train"`` and so on to pictures.
        bad: pictures that were left out, with the reason.
    """

    manifest: Manifest
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    sources: Mapping[str, Source]
    bad: tuple[BadPicture, ...] = ()

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


def open_data(config: Any, image_shape: tuple[int, int, int]) -> Data:
    """Opens the data of a config's ``data`` section; the digits are prepared on first use.

    Args:
        config: the section, as :func:`cu_jax.config.default_config` has it.
        image_shape: ``(height, width, channels)`` of the model's pictures, to which picture files
            are cut. Pictures that have a fixed size keep it.

    Returns:
        Both sets.

    Raises:
        ValueError: for an unknown data set, or classes or pictures that can't be used.
        FileNotFoundError: if the pictures' package or files are missing.

    Example:
        >>> import tempfile
        >>> from cu_jax.config import default_config
        >>> config = default_config().data
        >>> config.update(
        ...     name="mnist5k", retain=("0", "1"), forget=("7",), validation_per_class=100)
        >>> with tempfile.TemporaryDirectory() as config.data_dir:
        ...     data = open_data(config, (28, 28, 1))
        >>> len(data.source("retain", "train")), len(data.source("forget", "validation"))
        (800, 100)
    """
    name = "folder" if config.folder else config.name
    if name not in DATASETS:
        raise ValueError(
            f"The data set must be one of {', '.join(DATASETS)}, got {name!r}: change "
            "config.data.name."
        )
    data_dir = Path(config.data_dir) if config.data_dir else default_data_dir()
    opened = DATASETS[name](config, data_dir)
    return opened if isinstance(opened, Data) else _encoded(opened, image_shape)


def _encoded(collection: Collection, image_shape: tuple[int, int, int]) -> Data:
    height, width, channels = image_shape
    if height != width or channels not in (1, 3):
        raise ValueError(
            "Picture files must be cut to squares of 1 or 3 channels, got a model for "
            f"{image_shape}: change config.model."
        )
    number = {name: index for index, name in enumerate(collection.class_names)}
    sources = {
        key: EncodedSource(
            collection.files[key],
            records,
            np.array([number[record.label] for record in records], np.int32),
            size=height,
            channels=channels,
        )
        for key, records in collection.manifest.splits.items()
    }
    return Data(collection.manifest, collection.class_names, image_shape, sources, collection.bad)


def _digits(config: Any, data_dir: Path) -> Data:
    """The digits, all decoded: 4 MB."""
    opened = open_mnist5k(data_dir)
    pictures = [opened[index] for index in range(len(opened))]
    names = tuple(str(digit) for digit in range(10))
    images = np.stack([picture.image for picture in pictures])
    labels = np.array([picture.label for picture in pictures], np.int32)
    manifest = build_manifest(
        [
            Record(p.id, names[p.label], index, hashlib.sha256(p.image.tobytes()).hexdigest())
            for index, p in enumerate(pictures)
        ],
        retain=class_names(config.retain),
        forget=class_names(config.forget),
        class_names=names,
        validation_per_class=config.validation_per_class,
    )
    sources = {}
    for name, chosen in manifest.splits.items():
        index = [record.index for record in chosen]
        sources[name] = MemorySource(_frozen(images[index]), _frozen(labels[index]))
    return Data(manifest, names, (28, 28, 1), sources)


def _frozen(array: np.ndarray) -> np.ndarray:
    # A reader that writes into a picture would change it for everyone.
    array.flags.writeable = False
    return array


def _prepared(config: Any, data_dir: Path) -> Collection:
    return open_prepared(config.name, _split(config), data_dir)


def _tfds(config: Any, data_dir: Path) -> Collection:
    return open_tfds(config.name, _split(config), data_dir)


def _split(config: Any) -> str:
    return split_name(
        config.split,
        config.split_seed,
        config.classes_per_set,
        config.train_per_class,
        config.validation_per_class,
    )


DATASETS: dict[str, Callable[[Any, Path], Data | Collection]] = {
    "mnist5k": _digits,
    "folder": open_folder,
    "cu_imagenet": _prepared,
    "cu_places365": _prepared,
    "imagenet2012": _tfds,
    "places365_small": _tfds,
}
"""Name in ``config.data.name`` to what opens it, given the section and the folder for data."""
