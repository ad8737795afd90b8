"""Tar archives: where each member lies, from the headers alone, and nothing is unpacked."""

import io
import os
import tarfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from cu_jax.data.progress import Progress

_BLOCK = 512


class Region(NamedTuple):
    """Where a member's bytes are in the file.

    Attributes:
        offset: of the first byte.
        size: in bytes.
    """

    offset: int
    size: int


def members(path: Path, inside: Region | None = None) -> Iterator[tuple[str, Region]]:
    """The files in an archive, in its order; only headers are read.

    Args:
        path: the archive.
        inside: the region of an archive within the archive; None: the whole file.

    Yields:
        Name and region of each file. Folders and hidden files are left out.

    Raises:
        ValueError: if the file is no tar archive, is cut short, or has a member that is a link, a
            device or not below the archive's own folder.
    """
    with path.open("rb") as file:
        start, size = inside or (0, os.fstat(file.fileno()).st_size)
        yield from _members(path, _Window(file, start, size), start, size)


def find_members(path: Path, wanted: Collection[str], what: str) -> Mapping[str, Region]:
    """Looks members up by their names, and shows progress, for there may be 1.8 million of them.

    Args:
        path: the archive.
        wanted: names.
        what: of what the members are, for a sentence on one that is not there.

    Returns:
        Name to region of all that are wanted.

    Raises:
        ValueError: as ``members``, and if one that is wanted is not there.
    """
    found: dict[str, Region] = {}
    total = path.stat().st_size
    progress = Progress(f"Looking through {path.name}", "MB", total // 10**6)
    for name, region in members(path):
        if name in wanted:
            found[name] = region
        progress.show(region.offset // 10**6)
        if len(found) == len(wanted):
            break
    missing = sorted(set(wanted) - found.keys())
    if missing:
        raise ValueError(
            f"{path} must have all {what}, and {missing[0]} is not in it"
            f"{f' (nor are {len(missing) - 1:,} more)' if missing[1:] else ''}: get it anew."
        )
    progress.end(total // 10**6)
    return found


class _Window(io.RawIOBase):
    """A part of a file, as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(self._size - self._at, 0)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data


def _members(path: Path, window: _Window, start: int, size: int) -> Iterator[tuple[str, Region]]:
    try:
        with tarfile.open(fileobj=window, mode="r:") as archive:
            while (member := archive.next()) is not None:
                # TarFile keeps every member, which of 1.8 million takes a gigabyte.
                archive.members.clear()  # type: ignore[attr-defined]
                name = _checked_name(path, member)
                if name is not None and member.isfile():
                    yield name, Region(start + member.offset_data, member.size)
            end = archive.offset
    except tarfile.ReadError as error:
        what = "is cut short" if "unexpected end" in str(error) else "is not one"
        raise ValueError(
            f"{path} must be a whole tar archive and {what} ({error}): get it anew."
        ) from None
    # An archive ends with blocks of zeros, or just ends; a broken header ends the loop as well.
    window.seek(end)
    if window.read(_BLOCK).strip(b"\0") or end > size:
        raise ValueError(
            f"{path} must be a whole tar archive and is damaged at byte {start + end:,}: get it "
            "anew."
        )


def _checked_name(path: Path, member: tarfile.TarInfo) -> str | None:
    """The name without ``./``; None for a hidden file."""
    name = PurePosixPath(member.name.replace("\\", "/"))
    told = None
    if name.is_absolute() or ".." in name.parts:
        told = "lies outside the archive's own folder"
    elif not (member.isfile() or member.isdir()):
        told = "is a link" if member.issym() or member.islnk() else "is no plain file"
    if told:
        raise ValueError(
            f"An archive must hold plain files in folders of its own, and {path} has the member "
            f"{member.name!r}, which {told}: get it anew from the place that publishes it."
        )
    return None if name.name.startswith(".") else str(name)
