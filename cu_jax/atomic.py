"""Files that a reader, or a killed process, sees whole or not at all."""

import contextlib
import glob
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_discarded = False  # by whoever shares a folder with a process that writes


def discard_writes() -> None:
    """From now on what this process writes is thrown away: another one writes the same."""
    global _discarded
    _discarded = True


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` when it is whole and goes away if it is not.

    Args:
        path: The file to make or to replace; its folder must exist.

    Yields:
        Another name in the same folder, ``.NAME.PROCESS.tmp``: two processes never share one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(Path(folder, "a.txt")) as temporary:
        ...         _ = temporary.write_text("whole")
        ...     os.listdir(folder)
        ['a.txt']
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    if _discarded:  # another machine's process may have the same number
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / path.name
        return
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_abandoned(folder: Path, name: str | None = None) -> None:
    """Removes what killed processes left half written under the names of :func:`replacing`.

    Args:
        folder: Where to look.
        name: Of the file that they were to become; None: any, in subfolders too.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, ".a.txt.999999999.tmp").write_text("ha")
        ...     remove_abandoned(Path(folder))
        ...     os.listdir(folder)
        []
    """
    found = folder.rglob(".*.tmp") if name is None else folder.glob(f".{glob.escape(name)}.*.tmp")
    for path in found:
        process = path.name.split(".")[-2]
        if process.isdigit() and not _runs(int(process)):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()
