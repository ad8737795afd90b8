"""metrics.jsonl after a run was killed: what must go before the next one appends to it."""

import json
import os
from pathlib import Path

from cu_jax.atomic import replacing


def drop_torn_line(path: Path) -> None:
    r"""Cuts off a last line that a killed process left half written.

    Args:
        path: A file of lines.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "metrics.jsonl")
        ...     _ = path.write_text('{"step": 0}\n{"st')
        ...     drop_torn_line(path)
        ...     path.read_text()
        '{"step": 0}\n'
    """
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 4096)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                file.truncate(start + newline + 1)
                return
            end = start
        file.truncate(0)


def drop_lines(path: Path, stage: str, step: int) -> None:
    """Takes a stage's lines from a step on out of the file; readers see the old file or the new.

    Args:
        path: The file of lines ``{"stage": …, "step": …}``.
        stage: Name of the stage.
        step: First step whose lines go; lines that are no such records go as well.
    """
    with replacing(path) as temporary:
        with path.open(encoding="utf-8", errors="replace") as old:
            with temporary.open("w", encoding="utf-8") as new:
                new.writelines(line for line in old if _stays(line, stage, step))


def _stays(line: str, stage: str, step: int) -> bool:
    try:
        values = json.loads(line)
        return bool(values["stage"] != stage or values["step"] < step)
    except (ValueError, KeyError, TypeError):
        return False
