"""Looks at picture files once: their hashes, and what is wrong with those that can't be used."""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cu_jax import bounded
from cu_jax.atomic import replacing
from cu_jax.data.decoding import PictureError, check
from cu_jax.data.parallel import in_order
from cu_jax.data.progress import Progress

_FORMAT = 1  # Of the memory; another one when `decoding.check` judges otherwise.


class Verdict(NamedTuple):
    """What is known of a file.

    Attributes:
        sha256: of its bytes; empty for a file that can't be read.
        reason: what is wrong with it, to follow its name; None for a picture that can be used.
    """

    sha256: str
    reason: str | None


def check_files(folder: Path, names: Sequence[str], memory: Path) -> dict[str, Verdict]:
    """Reads, hashes and decodes files, those that are unchanged since the last time excepted.

    Args:
        folder: where they are.
        names: paths below ``folder``.
        memory: folder for what is remembered: names, sizes, times, hashes and reasons, no picture.

    Returns:
        Name to verdict, for each of ``names``.

    Note:
        A file of the same size and time of change counts as unchanged, as it does for make and
        rsync. One that could not be read is tried again. What was found out before a check is
        broken off is remembered.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as text:
        ...     Image.new("RGB", (32, 32)).save(Path(text, "a.png"))
        ...     _ = Path(text, "b.jpg").write_text("no picture")
        ...     verdicts = check_files(Path(text), ["a.png", "b.jpg"], Path(text, "memory"))
        >>> verdicts["a.png"].reason is None, verdicts["b.jpg"].reason is None
        (True, False)
    """
    place = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    path = memory / f"{place}.json"
    known = _read(path)
    stats = {name: _stat(folder / name) for name in names}
    new = [name for name in names if name not in known or known[name][:2] != stats[name]]
    if new:
        progress = Progress(f"Checking {folder}", "pictures", len(new))
        verdicts = in_order(_look, [folder / name for name in new])
        try:
            for count, (name, verdict) in enumerate(zip(new, verdicts, strict=True), start=1):
                known[name] = [*stats[name], *verdict]
                progress.show(count)
            progress.end(len(new))
        finally:
            _write(path, known)
    return {name: Verdict(*known[name][2:]) for name in names}


def _look(path: Path) -> Verdict:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Verdict("", f"cannot be read ({error.strerror})")
    digest = hashlib.sha256(data).hexdigest()
    try:
        check(data)
    except PictureError as error:
        return Verdict(digest, str(error))
    return Verdict(digest, None)


def _stat(path: Path) -> list[int]:
    try:
        found = path.stat()
    except OSError:
        return [0, 0]
    return [found.st_size, found.st_mtime_ns]


def _write(path: Path, known: dict[str, list]) -> None:
    # What could not be read may be readable the next time, without a change of the file.
    lasting = {name: facts for name, facts in known.items() if facts[2]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps({"format": _FORMAT, "files": lasting}))
    except OSError as error:
        print(f"Note: {path} cannot be written ({error}), so this is repeated.", file=sys.stderr)


def _read(path: Path) -> dict[str, list]:
    """What is remembered, if it is whole."""
    try:
        data = bounded.read_json(path, bounded.MANIFEST)
        return dict(data["files"]) if data["format"] == _FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
