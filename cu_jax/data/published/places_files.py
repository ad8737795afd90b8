"""Places365-Standard (256 pixels) as published, or unpacked: which picture lies where."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from cu_jax.data.progress import watched
from cu_jax.data.published.choosing import choose
from cu_jax.data.published.originals import Original, check_folder, locate
from cu_jax.data.published.places_lists import FILE_LIST, PlacesLists, read_lists
from cu_jax.data.published.splits import NamedSplit

TRAIN_ARCHIVE = "train_256_places365standard.tar"
VALIDATION_ARCHIVE = "val_256.tar"
TRAIN_FOLDERS = ("train_256", "data_256", "data_256_standard", "train")
VALIDATION_FOLDERS = ("val_256", "val")

_TRAINING = re.compile(r"\d{8}\.jpg")
# Sorted into class folders, a name may have got the class in front.
_VALIDATION = re.compile(r".*?(Places365_val_\d{8}\.jpg)")

_Lister = Callable[[str], Sequence[Original]]


def find_places(folder: Path, split: NamedSplit) -> dict[str, list[Original]]:
    """Finds the pictures of a split in Places365's archives or in class folders.

    Args:
        folder: with ``train_256_places365standard.tar`` or a folder such as
            ``train_256/a/abbey/*.jpg``, with ``val_256.tar`` or ``val_256/``, and with
            ``filelist_places365-standard.tar`` or its text files, which only class folders of both
            can do without.
        split: which pictures.

    Returns:
        ``"retain/train"`` and so on to pictures, sorted by id: ``train/a/airfield/00000001.jpg`` or
        ``val/Places365_val_00000001.jpg``.

    Raises:
        FileNotFoundError: if an archive, folder, class or picture is missing.
        ValueError: if an archive or a list is damaged or a class has too few pictures.
    """
    check_folder(folder)
    lists = read_lists(folder)
    found = choose(
        split,
        _training(folder, lists),
        _validation(folder, lists),
        lambda names: watched(names, "Listing pictures", "classes"),
    )
    return locate(found, f"pictures that {FILE_LIST} names")


def training_id(label: str, name: str) -> str:
    """The id of a training picture.

    Args:
        label: its class.
        name: of its file.

    Returns:
        The id.

    Example:
        >>> training_id("field/wild", "00000001.jpg")
        'train/f/field/wild/00000001.jpg'
    """
    return f"train/{label[0]}/{label}/{name}"


def _training(folder: Path, lists: PlacesLists | None) -> _Lister:
    archive = folder / TRAIN_ARCHIVE
    packed = archive.is_file()
    source = archive if packed else _first_folder(folder, TRAIN_FOLDERS)
    if source is None:
        raise _neither(folder, TRAIN_ARCHIVE, TRAIN_FOLDERS)
    if packed and lists is None:
        raise _no_lists(folder, TRAIN_ARCHIVE)

    def of_class(label: str) -> list[Original]:
        inside = f"{label[0]}/{label}"
        if lists is not None:
            names = [f"{number:08d}.jpg" for number in lists.training.get(label, ())]
        else:
            names = [name for name in _listed(source, inside) if _TRAINING.fullmatch(name)]
        if packed:
            return [
                Original(training_id(label, name), label, source, f"data_256/{inside}/{name}")
                for name in names
            ]
        return [Original(training_id(label, name), label, source / inside / name) for name in names]

    return of_class


def _validation(folder: Path, lists: PlacesLists | None) -> _Lister:
    archive = folder / VALIDATION_ARCHIVE
    packed = archive.is_file()
    source = archive if packed else _first_folder(folder, VALIDATION_FOLDERS)

    def of_class(label: str) -> list[Original]:
        # Not looked at before, since the paper's split takes training pictures alone.
        if source is None:
            raise _neither(folder, VALIDATION_ARCHIVE, VALIDATION_FOLDERS)
        if not packed and (source / label[0]).is_dir():
            inside = f"{label[0]}/{label}"
            found = [(_VALIDATION.fullmatch(name), name) for name in _listed(source, inside)]
            return [
                Original(f"val/{match[1]}", label, source / inside / name)
                for match, name in found
                if match
            ]
        if lists is None:
            raise _no_lists(folder, VALIDATION_ARCHIVE if packed else f"{source}, unsorted,")
        names = [f"Places365_val_{number:08d}.jpg" for number in lists.validation.get(label, ())]
        if packed:
            return [Original(f"val/{name}", label, source, f"val_256/{name}") for name in names]
        return [Original(f"val/{name}", label, source / name) for name in names]

    return of_class


def _listed(unpacked: Path, inside: str) -> list[str]:
    try:
        return os.listdir(unpacked / inside)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"Class {inside[2:]} must have the folder {inside} in {unpacked}, and has none: "
            "complete the data."
        ) from None


def _first_folder(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _neither(folder: Path, archive: str, folders: Sequence[str]) -> FileNotFoundError:
    return FileNotFoundError(
        f"{folder} must have {archive} or a folder {' or '.join(folders)}, and has none: python "
        "-m cu_jax.data.prepare places365 --help says what goes where."
    )


def _no_lists(folder: Path, what: str) -> FileNotFoundError:
    return FileNotFoundError(
        f"{what} must come with the list of its pictures, and {folder} has neither {FILE_LIST} nor "
        "its text files: put them there."
    )
