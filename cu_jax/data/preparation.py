"""Preparing a TFDS data set on first use, and reading its pictures without TensorFlow."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from jaxtyping import UInt8
from PIL import Image

from cu_jax.data.private_folder import private_folder, remove_abandoned
from cu_jax.data.progress import watched
from cu_jax.data.records import Records

_UNFINISHED = ".incomplete-{}-"  # Begins the names of private folders.


class Picture(NamedTuple):
    """One picture.

    Attributes:
        id: stable name of the picture, the same on every machine.
        label: index of its class in the data set's ``class_names``.
        image: uint8 ``[height, width, channels]``.

    Example:
        >>> Picture("mnist5k-00042", 0, np.zeros((28, 28, 1), np.uint8)).id
        'mnist5k-00042'
    """

    id: str
    label: int
    image: UInt8[np.ndarray, "h w c"]


class TfdsPictures:
    """The pictures of one split of a prepared TFDS builder with features image, label, id.

    Pillow decodes the pictures: TFDS prefers OpenCV where that is installed, and two decoders need
    not agree to the last bit on every format.

    Args:
        builder: a builder whose data is prepared as ``array_record``.
        split: name of the split.
    """

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str) -> None:
        features = builder.info.features
        self.name: str = builder.name
        self.class_names = tuple(features["label"].names)
        height, width, channels = features["image"].shape
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self._source = Records(builder, split)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Picture:
        record = self._source[index]
        with Image.open(io.BytesIO(record["image"])) as picture:
            image = np.asarray(picture, np.uint8).reshape(self.image_shape)
        return Picture(record["id"].decode(), int(record["label"]), image)


def default_data_dir() -> Path:
    """The folder for prepared data: ``$CU_JAX_DATA``, or ``cu_jax/data`` in the user's cache.

    Returns:
        An absolute path; the cache is ``$XDG_CACHE_HOME``, or else ``~/.cache``.

    Example:
        >>> default_data_dir().is_absolute()
        True
    """
    given = os.environ.get("CU_JAX_DATA")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given or Path(cache, "cu_jax", "data")).expanduser().absolute()


def make_data_dir(data_dir: Path) -> None:
    """Makes the folder of all prepared data sets, if it isn't there.

    Args:
        data_dir: the folder.

    Raises:
        ValueError: if it can't be made.

    Example:
        >>> make_data_dir(Path("/dev/null"))
        Traceback (most recent call last):
        ValueError: The folder for data must be one that can be made, and /dev/null ...
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"The folder for data must be one that can be made, and {data_dir} is not "
            f"({error.strerror}): give another, as --data-dir, config.data.data_dir or CU_JAX_DATA."
        ) from error


def prepare(
    builder_type: type[tfds.core.DatasetBuilder],
    data_dir: Path,
    config: tfds.core.BuilderConfig | None = None,
) -> tfds.core.DatasetBuilder:
    """The builder with its data in ``data_dir``, prepared as ``array_record`` if it isn't there.

    Args:
        builder_type: a TFDS builder that passes its examples through its attribute ``watch``.
        data_dir: folder of all prepared data sets, made if needed.
        config: one of the builder's configurations.

    Returns:
        The builder, ready to read.

    Note:
        Everything is written into a private folder that is moved into place whole, so a preparation
        that breaks off leaves nothing that looks finished, and of two processes at once one wins.
        What a builder writes beside its records, in ``_post_download_and_prepare_hook``, moves with
        them. TFDS's own temporary folder is named by the global ``random``, which two processes
        with the same seed share.
    """
    make_data_dir(data_dir)
    with _quiet():
        ready = builder_type(data_dir=os.fspath(data_dir), config=config)
        final = Path(ready.data_dir)
        if final.exists():
            remove_unfinished(ready.name, data_dir)
            return ready
        with private_folder(data_dir, _UNFINISHED.format(ready.name)) as private:
            builder = builder_type(data_dir=os.fspath(private), config=config)
            builder.watch = lambda items: watched(items, f"Preparing {builder.name}", "pictures")
            builder.download_and_prepare(file_format="array_record")
            final.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.rename(builder.data_dir, final)
            except OSError:
                # Another process was faster; the same builder wrote the same records.
                if not final.exists():
                    raise
        return builder_type(data_dir=os.fspath(data_dir), config=config)


def remove_unfinished(dataset: str, data_dir: Path) -> None:
    """Removes what killed preparations left, which the next one to write does by itself.

    A preparation that was killed after its data was in place leaves an empty private folder.

    Args:
        dataset: a builder's name.
        data_dir: folder of all prepared data sets.

    Example:
        >>> remove_unfinished("cu_imagenet", Path("no/such/folder"))
    """
    remove_abandoned(data_dir, _UNFINISHED.format(dataset))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides what TFDS prints, logs and draws, all of which ``watched`` says in one line."""
    logger = logging.get_absl_logger()
    level = logger.level  # which may be another one than absl's verbosity
    logger.setLevel("ERROR")
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        tfds.enable_progress_bar()
        logger.setLevel(level)
