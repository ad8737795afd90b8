"""Stand-ins for the retain pictures of training, where these are not or only partly at hand."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cu_jax.data.checked_files import check_files
from cu_jax.data.datasets import Data
from cu_jax.data.folder import Files
from cu_jax.data.folder_files import find_files
from cu_jax.data.manifest import Record, check_known, class_names
from cu_jax.data.preparation import default_data_dir
from cu_jax.data.sources import EncodedSource, InputSource, MemorySource, Source


def with_proxy(data: Data, config: Any) -> Data:
    """The same data with other training pictures in place of those to retain.

    Args:
        data: both sets.
        config: the ``data`` section: ``proxy_folder``, a folder of any pictures but those to
            forget, or else ``proxy``, some of the classes to retain.

    Returns:
        The data; its validation pictures, and with them every measure, are the real ones.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if neither is given, or no picture is left.
    """
    if config.proxy_folder:
        source: Source = _from_folder(data, config)
    else:
        source = _of_classes(data, class_names(config.proxy))
    return dataclasses.replace(data, sources={**data.sources, "retain/train": source})


def _of_classes(data: Data, classes: Sequence[str]) -> Source:
    if not classes:
        raise ValueError(
            "The method composite_proxy must be told what stands in for the pictures to retain, "
            "and is not: give config.data.proxy (some classes) or config.data.proxy_folder."
        )
    source = data.source("retain", "train")
    there = [data.class_names[label] for label in np.unique(source.label)]
    check_known("proxy", classes, there)
    wanted = [data.class_names.index(name) for name in classes]
    return _subset(source, np.flatnonzero(np.isin(source.label, wanted)))


def _subset(source: Source, chosen: np.ndarray) -> Source:
    label = source.label[chosen]
    if isinstance(source, MemorySource):
        return MemorySource(source.image[chosen], label)
    if isinstance(source, InputSource):
        return InputSource(source.inputs[chosen], label)
    if isinstance(source, EncodedSource):
        records = [source.records[index] for index in chosen]
        return dataclasses.replace(
            source, files=_Chosen(source.files, chosen), records=records, label=label
        )
    raise TypeError(f"Pictures of a {type(source).__name__} cannot be chosen from.")


class _Chosen(Sequence[bytes]):
    """Some of the files, read when they are asked for."""

    def __init__(self, files: Sequence[bytes], chosen: np.ndarray) -> None:
        self._files, self._chosen = files, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, index: Any) -> Any:
        return self._files[int(self._chosen[index])]


def _from_folder(data: Data, config: Any) -> EncodedSource:
    place = Path(config.proxy_folder)
    data_dir = Path(config.data_dir) if config.data_dir else default_data_dir()
    names = [file.name for file in find_files(place)]
    verdicts = check_files(place, names, data_dir / "folders")
    forgotten = {record.sha256 for record in data.manifest.records("forget", "train")}
    usable = [
        name
        for name in names
        if verdicts[name].reason is None and verdicts[name].sha256 not in forgotten
    ]
    if not usable:
        raise ValueError(
            f"config.data.proxy_folder must hold a picture that can be used and is not to forget, "
            f"and {place} has none: give another."
        )
    return EncodedSource(
        Files([place / name for name in usable]),
        [Record(f"proxy/{n}", "", i, verdicts[n].sha256) for i, n in enumerate(usable)],
        np.zeros(len(usable), np.int32),
        size=data.image_shape[0],
        channels=data.image_shape[2],
    )
