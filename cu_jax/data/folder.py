"""Both sets from any folder of pictures: classes to forget, or a list of files to forget."""

import collections
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cu_jax.data.checked_files import check_files
from cu_jax.data.collection import BadPicture, Collection
from cu_jax.data.folder_files import File, find_files, listed_files
from cu_jax.data.manifest import (
    SPLITS,
    Manifest,
    Record,
    check_classes,
    check_known,
    class_names,
    split_classes,
)

_OTHER = "retain_folder/"


class _Part(NamedTuple):
    """The files of one set."""

    place: Path
    files: list[File]
    prefix: str = ""  # of the ids


class Files(Sequence[bytes]):
    """The bytes of picture files, read when they are asked for.

    Example:
        >>> len(Files([Path("no/such/file")]))
        1
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> Any:
        """The bytes of one file."""
        return self._paths[index].read_bytes()


def open_folder(config: Any, data_dir: Path) -> Collection:
    """Both sets from a folder of pictures, read where they are and never copied.

    Args:
        config: the ``data`` section: ``folder``; ``forget`` and ``retain`` (classes; no retain
            classes: all others) or ``forget_files`` (a text file that names a picture a line);
            ``retain_folder`` (another folder, whose pictures stand in for those to retain);
            ``validation_per_class``.
        data_dir: where the files' names and hashes are remembered.

    Returns:
        The pictures.

    Raises:
        FileNotFoundError: if a folder or the list is missing.
        ValueError: for classes or files that are not there, or too few pictures.

    Note:
        A request that lists files is measured on these files: they are the forget set's training
        and validation pictures both. A picture to forget that lies among those to retain too, byte
        for byte, is not retained.
    """
    parts = _parts(config)
    records, bad = {}, []
    for name, part in parts.items():
        names = [file.name for file in part.files]
        verdicts = check_files(part.place, names, data_dir / "folders")
        records[name] = [
            Record(part.prefix + file.name, file.label, index, verdicts[file.name].sha256)
            for index, file in enumerate(part.files)
            if verdicts[file.name].reason is None
        ]
        bad += [
            BadPicture(part.prefix + file, verdict.reason)
            for file, verdict in verdicts.items()
            if verdict.reason is not None
        ]
    records["retain"] = _without_copies(records["retain"], records["forget"])
    splits: dict[str, tuple[Record, ...]] = {}
    files = {}
    for name, part in parts.items():
        whole = name == "forget" and bool(config.forget_files)
        parted = _split(part, records[name], config.validation_per_class, whole)
        for split, chosen in zip(SPLITS, parted, strict=True):
            if not chosen:
                kind = "training" if split == "train" else split
                raise ValueError(
                    f"The {name} set must have at least one {kind} picture that can be used, and "
                    f"{part.place} has none ({len(bad)} cannot be used): add pictures."
                )
            splits[f"{name}/{split}"] = chosen
            paths = [part.place / part.files[record.index].name for record in chosen]
            files[f"{name}/{split}"] = Files(paths)
    labels = sorted({record.label for chosen in splits.values() for record in chosen})
    return Collection(Manifest(splits), tuple(labels), files, tuple(bad))


def _parts(config: Any) -> dict[str, _Part]:
    """Which files are in which set."""
    forget, retain = class_names(config.forget), class_names(config.retain)
    if bool(forget) == bool(config.forget_files):
        raise ValueError(
            "What to forget must be said by one of config.data.forget (classes) and "
            "config.data.forget_files (a list of pictures), got "
            f"{'both' if forget else 'neither'}: give one."
        )
    folder = Path(config.folder)
    files = find_files(folder)
    if config.forget_files:
        forgotten = listed_files(Path(config.forget_files), folder, files)
    else:
        if retain and not config.retain_folder:
            check_classes(retain, forget, _labels(files))
        forgotten = _of_classes("forget", forget, files)
    if config.retain_folder:
        place = Path(config.retain_folder)
        others = find_files(place)
        kept = _Part(place, _of_classes("retain", retain or _labels(others), others), _OTHER)
    else:
        taken = {file.name for file in forgotten}
        rest = [file for file in files if file.name not in taken]
        kept = _Part(folder, _of_classes("retain", retain, rest) if retain else rest)
    return {"retain": kept, "forget": _Part(folder, forgotten)}


def _of_classes(name: str, classes: Sequence[str], files: Sequence[File]) -> list[File]:
    check_known(name, classes, _labels(files))
    chosen = frozenset(classes)  # a million files are not each looked up among all classes
    return [file for file in files if file.label in chosen]


def _labels(files: Sequence[File]) -> tuple[str, ...]:
    return tuple(sorted({file.label for file in files}))


def _split(
    part: _Part, records: Sequence[Record], validation_per_class: int | None, whole: bool
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Training and validation pictures: all for both, as the folders say, or by hashes."""
    if whole:
        return tuple(sorted(records)), tuple(sorted(records))
    if any(file.split for file in part.files):
        train, validation = (
            tuple(sorted(r for r in records if part.files[r.index].split == split))
            for split in SPLITS
        )
        return train, validation
    by_class = collections.defaultdict(list)
    for record in records:
        by_class[record.label].append(record)
    return split_classes(by_class, validation_per_class)


def _without_copies(retain: list[Record], forget: list[Record]) -> list[Record]:
    """The retained pictures that are not, byte for byte, pictures to forget."""
    forgotten = {record.sha256 for record in forget}
    kept = [record for record in retain if record.sha256 not in forgotten]
    if len(kept) < len(retain):
        print(
            f"{len(retain) - len(kept)} of {len(retain)} pictures to retain are copies of pictures "
            "to forget, and are left out.",
            flush=True,
        )
    return kept
