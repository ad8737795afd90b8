"""The picture files below a folder, each with the class and the split that its path tells."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cu_jax.pictures import ENDINGS

_SPLITS = {"train": "train", "val": "validation", "validation": "validation"}


class File(NamedTuple):
    """A picture file.

    Attributes:
        name: its path below the folder, with forward slashes.
        label: its class: the folder it is in, ``train/`` or ``val/`` left out.
        split: ``train`` or ``validation`` where the folder has these two, else empty.

    Example:
        >>> File("train/cat/01.jpg", "cat", "train").label
        'cat'
    """

    name: str
    label: str
    split: str


def find_files(folder: Path) -> list[File]:
    """All pictures below a folder, sorted by name; links to folders are followed.

    Args:
        folder: of folders that are called as the classes are, at any depth; or of ``train`` and
            ``val`` (or ``validation``) with such folders in each.

    Returns:
        At least one file. Hidden files and folders are not looked at.

    Raises:
        FileNotFoundError: if there is no such folder, or no picture in it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as text:
        ...     for name in ("cat/1.jpg", "dog/2.JPEG", "dog/notes.txt"):
        ...         path = Path(text, name)
        ...         path.parent.mkdir(exist_ok=True)
        ...         path.touch()
        ...     [(file.name, file.label) for file in find_files(Path(text))]
        [('cat/1.jpg', 'cat'), ('dog/2.JPEG', 'dog')]
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"A folder of pictures must exist, and there is no folder {folder}: correct its name."
        )
    names = sorted(_walk(folder))
    if not names:
        raise FileNotFoundError(
            f"A folder of pictures must hold files named .jpg, .png and so on, and {folder} has "
            "none: name the folder above the classes' folders."
        )
    tops = {name.partition("/")[0] for name in names}
    named = {_SPLITS.get(top) for top in tops - {"test"}} == {"train", "validation"}
    files = []
    for name in names:
        top, _, rest = name.partition("/")
        if not named:
            files.append(File(name, _parent(name), ""))
        elif top in _SPLITS:
            files.append(File(name, _parent(rest), _SPLITS[top]))
    return files


def listed_files(listing: Path, folder: Path, files: Sequence[File]) -> list[File]:
    """The files that a text file names, one a line; empty lines and ``# remarks`` are skipped.

    Args:
        listing: the text file.
        folder: where the files are; a line may be a path below it, or begin with it.
        files: those in the folder.

    Returns:
        The files, sorted by name, each once.

    Raises:
        FileNotFoundError: if the text file is missing.
        ValueError: for lines that name no picture below the folder, or no line at all.
    """
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileNotFoundError(
            f"config.data.forget_files must name a text file with one picture a line, and "
            f"{listing} cannot be read ({error}): correct its name."
        ) from None
    wanted = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    known = {file.name: file for file in files}
    found, unknown = {}, []
    for line in wanted:
        name = os.path.normpath(line)
        if os.path.isabs(name):
            name = os.path.relpath(name, folder.absolute())
        name = Path(name).as_posix()
        if name in known:
            found[name] = known[name]
        else:
            unknown.append(line)
    if unknown or not found:
        what = f"{len(unknown)} are not, {unknown[0]!r} first" if unknown else "it has no line"
        raise ValueError(
            f"The lines of {listing} must be pictures below {folder}, and {what}: correct them."
        )
    return [found[name] for name in sorted(found)]


def _walk(folder: Path) -> list[str]:
    names = []
    seen = set()
    for root, folders, found in os.walk(folder, followlinks=True):
        place = os.path.realpath(root)
        if place in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(root).relative_to(folder)
        names += [
            (below / name).as_posix()
            for name in found
            if os.path.splitext(name)[1].lower() in ENDINGS and not name.startswith(".")
        ]
    return names


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "."
