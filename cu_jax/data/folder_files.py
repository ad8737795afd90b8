"""The picture files below a folder, each with the class and the split that its path tells."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cu_jax import bounded
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
        At least one file. Hidden files and folders are not looked at, nor, where there are
        ``train`` and ``val``, what lies beside them.

    Raises:
        FileNotFoundError: if there is no such folder, or no picture in it.
        ValueError: if a folder in it can't be read, or a picture's name is no UTF-8.

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
    tops = {name.partition("/")[0] for name in names if "/" in name}
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
        folder: where the files are; a line may be a path below it, or lead to it from the working
            folder or the root.
        files: those in the folder.

    Returns:
        The files, sorted by name, each once.

    Raises:
        FileNotFoundError: if the text file is missing.
        ValueError: for lines that name no picture below the folder, or no line at all.
    """
    try:
        text = bounded.read_text(listing, bounded.MANIFEST, "utf-8-sig")
        # Windows puts a mark of the encoding in front.
        lines = [line.strip() for line in text.splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise FileNotFoundError(
            f"config.data.forget_files must name a text file with one picture a line, and "
            f"{listing} cannot be read ({error}): correct its name."
        ) from None
    known = {file.name: file for file in files}
    found, unknown = {}, []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        names = (os.path.normpath(line), os.path.relpath(line, folder))
        name = next((name for name in names if name in known), None)
        if name is None:
            unknown.append(line)
        else:
            found[name] = known[name]
    if unknown or not found:
        what = f"{len(unknown)} are not, {unknown[0]!r} first" if unknown else "it has no line"
        raise ValueError(
            f"The lines of {listing} must be pictures below {folder}, and {what}: correct them."
        )
    return [found[name] for name in sorted(found)]


def _walk(folder: Path) -> list[str]:
    names = []
    real = {}  # Of folders, below those that a link may lead back to.
    for root, folders, found in os.walk(folder, onerror=_refuse, followlinks=True):
        place = Path(root)
        real[place] = os.path.realpath(root)
        above = itertools.takewhile(real.__contains__, place.parents)
        if real[place] in {real[one] for one in above}:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = place.relative_to(folder)
        names += [
            (below / name).as_posix()
            for name in found
            if os.path.splitext(name)[1].lower() in ENDINGS and not name.startswith(".")
        ]
    odd = next((name for name in names if not _is_text(name)), None)
    if odd is not None:
        raise ValueError(
            f"Names of pictures must be UTF-8, and {odd!r} in {folder} is not: rename it."
        )
    return names


def _refuse(error: OSError) -> None:
    """A folder that is passed over in silence may be one to forget."""
    raise ValueError(
        f"All folders of pictures must be readable, and {error.filename} is not "
        f"({error.strerror}): change its permissions, or move it elsewhere."
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "."
