"""Pictures as a data set publishes them: regions of archives, or files in folders."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cu_jax.data.published.archives import find_members


class Original(NamedTuple):
    """Where the bytes of one picture are.

    Attributes:
        id: stable name, the same in every form that the data set comes in.
        label: name of its class.
        file: the picture's file, or the archive that it is in.
        member: its name in the archive; empty for a file.
        offset: of its first byte in ``file``.
        size: in bytes; -1: to the file's end.

    Example:
        >>> Original("val/a.jpg", "beach", Path("val_256.tar"), "val_256/a.jpg").name
        'val_256.tar:val_256/a.jpg'
    """

    id: str
    label: str
    file: Path
    member: str = ""
    offset: int = 0
    size: int = -1

    @property
    def name(self) -> str:
        """What its user knows it by."""
        return f"{self.file}:{self.member}" if self.member else str(self.file)


class Reader:
    """Reads originals; archives stay open. Threads may share it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.tar").write_bytes(b"0123456789")
        ...     Reader().read(Original("a", "beach", Path(folder, "a.tar"), "a", 3, 2))
        b'34'
    """

    def __init__(self) -> None:
        self._open: dict[Path, int] = {}
        self._lock = threading.Lock()

    def read(self, original: Original) -> bytes:
        """The picture's bytes.

        Args:
            original: where they are.

        Returns:
            The bytes, as they are stored.

        Raises:
            ValueError: if the archive ends before they do.
        """
        if original.size < 0:
            return original.file.read_bytes()
        with self._lock:
            if original.file not in self._open:
                self._open[original.file] = os.open(original.file, os.O_RDONLY)
            file = self._open[original.file]
        data = b"".join(_pieces(file, original.offset, original.size))
        if len(data) < original.size:
            raise ValueError(
                f"An archive must be whole, and {original.file} ends within {original.member}: "
                "get it anew."
            )
        return data

    def close(self) -> None:
        """Closes the archives; another read opens its own again."""
        with self._lock:
            while self._open:
                os.close(self._open.popitem()[1])


def _pieces(file: int, offset: int, size: int) -> Iterator[bytes]:
    # One call reads at most 2 GB.
    while size > 0 and (piece := os.pread(file, size, offset)):
        yield piece
        offset, size = offset + len(piece), size - len(piece)


def check_folder(folder: Path) -> None:
    """Refuses what is no folder.

    Args:
        folder: of a data set's files.

    Raises:
        FileNotFoundError: if it isn't one.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"The data set's files must be in a folder, and {folder} is none: correct --from."
        )


def locate(found: Mapping[str, Sequence[Original]], what: str) -> dict[str, list[Original]]:
    """Looks up where pictures lie that were chosen from a list of names.

    Args:
        found: pictures by set and split.
        what: of what an archive's members are, for a sentence on one that is missing.

    Returns:
        The same pictures, with offset and size of those in archives.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a member is missing, or its archive damaged.
    """
    wanted: dict[Path, set[str]] = {}
    for picture in (one for pictures in found.values() for one in pictures):
        if picture.member and picture.size < 0:
            wanted.setdefault(picture.file, set()).add(picture.member)
        elif not picture.member and not picture.file.is_file():
            raise FileNotFoundError(
                f"Class {picture.label} must have the picture {picture.file}, which is missing: "
                "complete the data."
            )
    regions = {archive: find_members(archive, names, what) for archive, names in wanted.items()}

    def located(picture: Original) -> Original:
        if not picture.member or picture.size >= 0:
            return picture
        offset, size = regions[picture.file][picture.member]
        return picture._replace(offset=offset, size=size)

    return {key: [located(one) for one in pictures] for key, pictures in found.items()}
