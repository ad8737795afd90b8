"""Whose folder a workdir is, and one run at a time in it."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ml_collections import ConfigDict

from cu_jax import bounded
from cu_jax.atomic import remove_abandoned
from cu_jax.fingerprints import StageRecord, check_records, read_records
from cu_jax.processes import is_first, together

_LOCK = ".lock"


@contextlib.contextmanager
def claimed(workdir: Path, config: ConfigDict) -> Iterator[dict[str, StageRecord]]:
    """Makes the workdir, or takes up what is in it, and keeps other runs out until the end.

    Args:
        workdir: the folder: new, empty, or of a run whose stages had the same settings.
        config: the settings.

    Yields:
        Name to record of every stage that was begun in it.

    Raises:
        ValueError: if it holds something else, stages of other settings, links to folders
            elsewhere, or another run at work; nothing in it is touched then.

    Note:
        Of several processes of one run the first holds the lock, and all read the records.
    """
    with contextlib.ExitStack() as lock:

        def claim() -> None:
            if is_first():
                lock.enter_context(_locked(workdir, _is_ours))

        def taken() -> dict[str, StageRecord]:
            _check_links(workdir)
            records = read_records(workdir)
            check_records(workdir, config, records)
            if is_first():
                remove_abandoned(workdir)
            return records

        together(claim)
        yield together(taken)


@contextlib.contextmanager
def claimed_group(workdir: Path, record: str) -> Iterator[None]:
    """The same for the folder of several runs: of a comparison or an ablation.

    Args:
        workdir: the folder: new, empty, or known by its record.
        record: the name of the file that is written first of all, ``comparison.json``.

    Yields:
        Nothing.

    Raises:
        ValueError: if it holds something else, or another command is at work in it.
    """

    def is_ours(folder: Path) -> bool:
        names = os.listdir(folder) if folder.exists() else []
        left = [name for name in names if name != _LOCK and not name.endswith(".tmp")]
        return not left or record in left

    with _locked(workdir, is_ours):
        remove_abandoned(workdir)
        yield


def _check_links(workdir: Path) -> None:
    """Refuses folders through which a run would write elsewhere: others may have made them."""
    for path in (*workdir.glob("*"), *workdir.glob("stages/*"), *workdir.glob("solutions/*")):
        if path.is_symlink() and path.is_dir():
            raise ValueError(
                f"All folders of a workdir must lie in it, and {path} is a link to "
                f"{path.resolve()}: put the folder itself in the link's place."
            )


@contextlib.contextmanager
def _locked(workdir: Path, is_ours: Callable[[Path], bool]) -> Iterator[None]:
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"--workdir must be a folder, and {workdir} is a file: give another.")
    if not is_ours(workdir):
        raise ValueError(
            f"--workdir must be new, empty, or the folder of a run, and {workdir} holds other "
            "files: give another --workdir."
        )
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock = (workdir / _LOCK).open("a+")
    except OSError as error:
        raise ValueError(
            f"--workdir must be a folder that can be written to, and {workdir} is not "
            f"({error.strerror}): give another --workdir, or make it writable."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ValueError(
                f"A workdir can have one run at a time, and process {lock.read().strip()} is at "
                f"work in {workdir}: wait for it, or give another --workdir."
            ) from None
        except OSError as error:  # some network file systems have no locks
            print(f"{workdir} cannot be locked ({error.strerror}): start no second run in it.")
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _is_ours(workdir: Path) -> bool:
    """Whether a folder is missing, empty or a run's; a run killed at once left a lock in it."""
    if not workdir.exists():
        return True
    if not [name for name in os.listdir(workdir) if name != _LOCK and not name.endswith(".tmp")]:
        return True
    try:
        return set(bounded.read_json(workdir / "config.json")) == {"hash", "config"}
    except (OSError, ValueError, TypeError):
        return False
