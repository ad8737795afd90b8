"""Reads and writes results.json, whole or not at all."""

import json
import os
from pathlib import Path

from cu_jax.atomic import replacing
from cu_jax.results.records import Results


def write_results(path: str | os.PathLike[str], results: Results) -> Path:
    """Writes results.json; a reader sees the old file or the new one, never half of one.

    Args:
        path: The file to write; its folder must exist.
        results: The records; undefined numbers are written as null.

    Returns:
        The path.

    Raises:
        ValueError: The records do not follow the schema; the sentence names the key.

    Example:
        >>> import tempfile
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_results(
        ...         f"{folder}/results.json",
        ...         Results(name="demo", config_hash="c0", boundaries=bounds),
        ...     )
        ...     read_results(path).boundaries == bounds
        True
    """
    path = Path(path)
    text = json.dumps(results.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def read_results(path: str | os.PathLike[str]) -> Results:
    """Reads results.json, or the one inside a workdir.

    Args:
        path: The file, or a folder that holds ``results.json``.

    Returns:
        The records.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON or does not follow the schema; the sentence names the key.

    Example:
        >>> read_results("no/such/folder/results.json")
        Traceback (most recent call last):
        FileNotFoundError: A run's results must be at no/such/folder/results.json, and there is no
        such file: give the --workdir of a run that has finished.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "results.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"A run's results must be at {path}, and there is no such file: give the --workdir of "
            "a run that has finished."
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} must hold JSON, got a decoding error ({error}): run the stage that writes it "
            "again."
        ) from error
    return Results.from_json(data)
