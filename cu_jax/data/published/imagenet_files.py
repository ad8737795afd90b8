"""ImageNet-1K as it is published, or unpacked into class folders: which picture lies where."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from cu_jax.data.progress import watched
from cu_jax.data.published.archives import Region, members
from cu_jax.data.published.choosing import choose
from cu_jax.data.published.class_lists import imagenet_validation
from cu_jax.data.published.originals import Original, check_folder, locate
from cu_jax.data.published.splits import NamedSplit

TRAIN_ARCHIVE = "ILSVRC2012_img_train.tar"
VALIDATION_ARCHIVE = "ILSVRC2012_img_val.tar"

_PICTURE = re.compile(r"n\d{8}_\d+\.JPEG")


def find_imagenet(folder: Path, split: NamedSplit) -> dict[str, list[Original]]:
    """Finds the pictures of a split in ImageNet's two archives or in class folders.

    Args:
        folder: with ``ILSVRC2012_img_train.tar`` or ``train/WNID/*.JPEG``, and with
            ``ILSVRC2012_img_val.tar``, ``val/WNID/*.JPEG`` or ``val/*.JPEG``.
        split: which pictures.

    Returns:
        ``"retain/train"`` and so on to pictures, sorted by id, which is
        ``train/n01440764/n01440764_18.JPEG`` or ``val/ILSVRC2012_val_00000293.JPEG``.

    Raises:
        FileNotFoundError: if an archive, folder, class or picture is missing.
        ValueError: if an archive is damaged or a class has too few pictures.
    """
    check_folder(folder)
    training, validation = _training(folder), _validation(folder)
    found = choose(
        split, training, validation, lambda names: watched(names, "Listing pictures", "classes")
    )
    return locate(found, "50,000 validation pictures")


def training_id(name: str) -> str:
    """The id of a training picture.

    Args:
        name: of its file, which begins with its class.

    Returns:
        The id.

    Example:
        >>> training_id("n01440764_18.JPEG")
        'train/n01440764/n01440764_18.JPEG'
    """
    return f"train/{name.partition('_')[0]}/{name}"


def _training(folder: Path) -> Callable[[str], Sequence[Original]]:
    archive, unpacked = folder / TRAIN_ARCHIVE, folder / "train"
    if not archive.is_file():
        if not unpacked.is_dir():
            raise _neither(folder, TRAIN_ARCHIVE, "train")
        return lambda label: _class_folder(unpacked, label)
    classes = {
        PurePosixPath(name).stem: region
        for name, region in watched(members(archive), f"Reading {archive.name}", "classes")
    }
    return lambda label: _class_archive(archive, label, classes.get(label))


def _class_folder(unpacked: Path, label: str) -> list[Original]:
    try:
        names = os.listdir(unpacked / label)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"Class {label} must have a folder in {unpacked}, and has none: complete the data."
        ) from None
    return [
        Original(training_id(name), label, unpacked / label / name)
        for name in names
        if _PICTURE.fullmatch(name)
    ]


def _class_archive(archive: Path, label: str, region: Region | None) -> list[Original]:
    if region is None:
        raise FileNotFoundError(
            f"Class {label} must have the archive {label}.tar in {archive}, and has none: get "
            "that file anew."
        )
    return [
        Original(training_id(name), label, archive, f"{label}.tar/{name}", *place)
        for name, place in members(archive, region)
        if _PICTURE.fullmatch(name)
    ]


def _validation(folder: Path) -> Callable[[str], Sequence[Original]]:
    archive, unpacked = folder / VALIDATION_ARCHIVE, folder / "val"
    packed = archive.is_file()
    if not packed and not unpacked.is_dir():
        raise _neither(folder, VALIDATION_ARCHIVE, "val")

    def of_class(label: str) -> list[Original]:
        sorted_folder = unpacked / label
        place = sorted_folder if not packed and sorted_folder.is_dir() else unpacked
        names = [f"ILSVRC2012_val_{number:08d}.JPEG" for number in imagenet_validation()[label]]
        return [
            Original(f"val/{name}", label, archive, name)
            if packed
            else Original(f"val/{name}", label, place / name)
            for name in names
        ]

    return of_class


def _neither(folder: Path, archive: str, unpacked: str) -> FileNotFoundError:
    return FileNotFoundError(
        f"{folder} must have {archive} or the folder {unpacked}, and has neither: python -m "
        "cu_jax.data.prepare imagenet --help says what goes where."
    )
