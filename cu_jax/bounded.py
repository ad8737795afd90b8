"""Files that others may have made: nothing larger, or deeper, is read than a run ever writes."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORD = 64 * 2**20
"""Bytes of a record: settings, results, how to build a model."""
MANIFEST = 2**30
"""Bytes of a list of pictures: two million of them take a third of that."""
ARRAYS = 4 * 2**30
"""Bytes of the arrays of a compressed file, unpacked."""


def read_text(path: Path, most: int = RECORD, encoding: str = "utf-8") -> str:
    """Reads a text file, unless it is too large to be what it should be.

    Args:
        path: the file.
        most: bytes that it may have.
        encoding: of the text.

    Returns:
        The text.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger, and was not read; or no text.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "config.json")
        ...     _ = path.write_text("{}" + " " * 98)
        ...     read_text(path, most=99)
        Traceback (most recent call last):
        ValueError: ...config.json must have at most 99 bytes, and has more: take an unchanged copy.
    """
    with path.open("rb") as file:  # Not by its size, which a pipe or a growing file has not.
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{path} must have at most {most:,} bytes, and has more: {_ADVICE}.")
    return data.decode(encoding)


def parse_json(text: str, source: str, made: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """What a JSON text holds.

    Args:
        text: the text.
        source: where it is from, for the sentence.
        made: what stands in a dict's place, the innermost first; None: dicts stay.

    Returns:
        Plain dicts, lists, numbers and strings.

    Raises:
        ValueError: it is no JSON, or brackets stand in brackets without end.

    Example:
        >>> parse_json("[" * 100_000, "config.json")
        Traceback (most recent call last):
        ValueError: config.json must be JSON with few brackets in brackets, and has too many: take
        an unchanged copy.
    """
    try:
        return json.loads(text, object_hook=made)
    except RecursionError:
        raise ValueError(
            f"{source} must be JSON with few brackets in brackets, and has too many: {_ADVICE}."
        ) from None


def read_json(path: Path, most: int = RECORD) -> Any:
    """What a JSON file holds; :func:`read_text` and :func:`parse_json` in one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.json").write_text("[1, 2]")
        ...     read_json(Path(folder, "a.json"))
        [1, 2]
    """
    return parse_json(read_text(path, most), str(path))


def check_unpacked(path: Path, most: int | None = None) -> None:
    """Refuses a zip file, as .npz files are, that would become too large when it is unpacked.

    Args:
        path: the file.
        most: bytes that its members may have together; None: :data:`ARRAYS`.

    Raises:
        OSError: it cannot be read.
        zipfile.BadZipFile: it is no zip file.
        ValueError: they have more.

    Example:
        >>> import tempfile, numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez_compressed(f"{folder}/a.npz", zeros=np.zeros(10_000))
        ...     check_unpacked(Path(folder, "a.npz"), most=50_000)
        Traceback (most recent call last):
        ValueError: ...a.npz must hold arrays of at most 50,000 bytes, and has 80,128: take an
        unchanged copy.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    most = ARRAYS if most is None else most
    if size > most:
        raise ValueError(
            f"{path} must hold arrays of at most {most:,} bytes, and has {size:,}: {_ADVICE}."
        )


_ADVICE = "take an unchanged copy"
