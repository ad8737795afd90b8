"""Named splits that ``python -m cu_jax.data.prepare`` has prepared, opened."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from cu_jax import bounded
from cu_jax.data.collection import BadPicture, Collection
from cu_jax.data.manifest import Manifest
from cu_jax.data.published.builders import (
    BAD_PICTURES_FILE,
    MANIFEST_FILE,
    CuImagenet,
    CuPlaces365,
    NamedSplitBuilder,
)
from cu_jax.data.published.splits import NamedSplit
from cu_jax.data.records import Records

BUILDERS: dict[str, type[NamedSplitBuilder]] = {
    builder.name: builder for builder in (CuImagenet, CuPlaces365)
}
"""Name in ``config.data.name`` to the builder."""

_LARGE = 20e6  # Bytes of a manifest that takes about two seconds.


class RecordImages(Sequence[bytes]):
    """The encoded pictures of a TFDS split, read when asked for; threads may share it.

    Args:
        source: a TFDS data source that leaves the feature ``image`` undecoded.
        index: where each picture lies in it; None: all, in its order.
    """

    def __init__(self, source: Sequence[Any], index: Sequence[int] | None = None) -> None:
        self._source = source
        self._index = range(len(source)) if index is None else index

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return RecordImages(self._source, self._index[index])
        return self._source[self._index[index]]["image"]


def prepared_folder(dataset: str, split_name: str, data_dir: Path) -> Path:
    """Where a prepared split is, or would be.

    Args:
        dataset: a key of ``BUILDERS``.
        split_name: as ``cu_jax.data.published.splits.split_name`` has it.
        data_dir: folder of all prepared data sets.

    Returns:
        Its folder.
    """
    return data_dir / dataset / split_name / str(BUILDERS[dataset].VERSION)


def prepare_command(dataset: str, split: NamedSplit, data_dir: Path | None) -> str:
    """What to type to prepare a split.

    Args:
        dataset: a key of ``BUILDERS``.
        split: which.
        data_dir: folder of all prepared data sets; None: the default one.

    Returns:
        A command line, with DIR for the folder of the originals.

    Example:
        >>> prepare_command("cu_imagenet", NamedSplit("imagenet", "paper", 3), None)
        'python -m cu_jax.data.prepare imagenet --from DIR --split paper --seed 3'
    """
    parts = [f"python -m cu_jax.data.prepare {BUILDERS[dataset].family} --from DIR"]
    parts.append(f"--split {split.split}")
    options = {
        "seed": split.seed or None,
        "classes": split.classes_per_set,
        "train": split.train_per_class,
        "validation": split.validation_per_class,
        "data-dir": data_dir,
    }
    parts += [f"--{name} {value}" for name, value in options.items() if value is not None]
    return " ".join(parts)


def open_prepared(dataset: str, split_name: str, data_dir: Path) -> Collection:
    """Opens a prepared split.

    Args:
        dataset: a key of ``BUILDERS``.
        split_name: as ``cu_jax.data.published.splits.split_name`` has it.
        data_dir: folder of all prepared data sets.

    Returns:
        Its pictures, encoded.

    Raises:
        FileNotFoundError: if it is not prepared, or one of its lists is gone.
        ValueError: if its manifest is not the one that was written.
    """
    folder = prepared_folder(dataset, split_name, data_dir)
    if not folder.is_dir():
        split = NamedSplit.from_name(BUILDERS[dataset].family, split_name)
        raise FileNotFoundError(
            f"{dataset} must be prepared before it is read, and {folder} is not there: run "
            f"{prepare_command(dataset, split, data_dir)}."
        )
    manifest = Manifest.from_json(_read(folder / MANIFEST_FILE))
    bad = bounded.parse_json(_read(folder / BAD_PICTURES_FILE), BAD_PICTURES_FILE)
    builder = tfds.builder_from_directory(folder)
    return Collection(
        manifest,
        tuple(builder.info.features["label"].names),
        {key: RecordImages(Records(builder, key.replace("/", "_"))) for key in manifest.splits},
        tuple(BadPicture(**one) for one in bad),
    )


def _read(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(
            f"A prepared data set must have its {path.name}, and {path} is missing: remove that "
            "folder and prepare it anew."
        )
    size = path.stat().st_size
    if size > _LARGE:
        print(f"Reading {path} ({size / 1e6:.0f} MB) ...", file=sys.stderr, flush=True)
    return bounded.read_text(path, bounded.MANIFEST)
