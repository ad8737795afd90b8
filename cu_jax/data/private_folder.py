"""A folder that one process works in, and that the next one removes if it was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def private_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder that goes away at the end; those of killed processes go away first.

    Args:
        parent: where to make it.
        prefix: its name begins with this; a folder with the same prefix that no living process
            holds is removed.

    Yields:
        The folder.

    Note:
        A process holds the lock of a file beside its folder, and the system gives up the lock of a
        process that ends in whatever way. Where a file system has no locks nothing is removed.

    Example:
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     with private_folder(Path(parent), ".incomplete-") as folder:
        ...         folder.is_dir(), len(os.listdir(parent))
        ...     os.listdir(parent)
        (True, 2)
        []
    """
    remove_abandoned(parent, prefix)
    lock, held = _locked(parent, prefix)
    folder = lock.with_suffix("")
    try:
        folder.mkdir()
        yield folder
    finally:
        # The lock last: while it is there, its folder is found.
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(held)


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Removes what killed processes left of their private folders.

    Args:
        parent: where those are; nothing happens where this process may not write.
        prefix: of their names.

    Example:
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     Path(parent, ".incomplete-a").mkdir()
        ...     Path(parent, ".incomplete-a.lock").touch()
        ...     remove_abandoned(Path(parent), ".incomplete-")
        ...     os.listdir(parent)
        []
    """
    for lock in parent.glob(f"{prefix}*.lock"):
        try:
            held = os.open(lock, os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
        except OSError:
            continue
        finally:
            os.close(held)


def _locked(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        held, name = tempfile.mkstemp(".lock", prefix, parent)
        with contextlib.suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        # Between making and locking it, another process may have taken it for abandoned.
        if os.path.exists(name):
            return Path(name), held
        os.close(held)
