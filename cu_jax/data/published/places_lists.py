"""The lists that Places365-Standard is published with: which file is of which class."""

import array
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from cu_jax.data.progress import watched
from cu_jax.data.published.archives import members

FILE_LIST = "filelist_places365-standard.tar"

_CATEGORIES = "categories_places365.txt"
_TRAINING = "places365_train_standard.txt"
_VALIDATION = "places365_val.txt"


@dataclasses.dataclass(frozen=True)
class PlacesLists:
    """Numbers of pictures by class.

    Attributes:
        training: of ``train/a/airfield/00000001.jpg`` and so on.
        validation: of ``val/Places365_val_00000001.jpg`` and so on.
    """

    training: Mapping[str, Sequence[int]]
    validation: Mapping[str, Sequence[int]]


def read_lists(folder: Path) -> PlacesLists | None:
    """Reads the lists from ``filelist_places365-standard.tar``, or from its files beside it.

    Args:
        folder: of the data set's files.

    Returns:
        The lists, or None if neither is there.

    Raises:
        ValueError: for an archive that is damaged or a line that is none of theirs.
    """
    texts = _texts(folder)
    if texts is None:
        return None
    # /a/airfield 0
    classes = {
        number: name.split(b"/", 2)[-1].decode()
        for name, number in map(_two, io.BytesIO(texts(_CATEGORIES)))
    }
    training: dict[str, array.array[int]] = {name: array.array("I") for name in classes.values()}
    validation: dict[str, array.array[int]] = {name: array.array("I") for name in classes.values()}
    line = b""
    try:
        # /a/airfield/00000001.jpg 0
        lines = io.BytesIO(texts(_TRAINING))
        for line in watched(lines, f"Reading {_TRAINING}", "lines"):
            name, number = _two(line)
            training[classes[number]].append(int(name[-12:-4]))
        # Places365_val_00000001.jpg 165
        for line in io.BytesIO(texts(_VALIDATION)):
            name, number = _two(line)
            validation[classes[number]].append(int(name[-12:-4]))
    except (KeyError, ValueError) as error:
        if line == b"":
            raise
        raise ValueError(
            f"The lists of Places365 in {folder} must have lines such as '/a/airfield/00000001.jpg "
            f"0', got {line[:60]!r}: get {FILE_LIST} anew."
        ) from error
    return PlacesLists(training, validation)


def _texts(folder: Path) -> Callable[[str], bytes] | None:
    """How to read a list by its name."""
    archive = folder / FILE_LIST
    if archive.is_file():
        regions = {PurePosixPath(name).name: region for name, region in members(archive)}

        def from_archive(name: str) -> bytes:
            if name not in regions:
                raise ValueError(
                    f"{archive} must have the list {name}, which is not in it: get it anew."
                )
            with archive.open("rb") as file:
                file.seek(regions[name].offset)
                return file.read(regions[name].size)

        return from_archive
    for place in (folder, folder / FILE_LIST.removesuffix(".tar")):
        if all((place / name).is_file() for name in (_CATEGORIES, _TRAINING, _VALIDATION)):
            return lambda name: (place / name).read_bytes()
    return None


def _two(line: bytes) -> tuple[bytes, int]:
    name, number = line.split()
    return name, int(number)
