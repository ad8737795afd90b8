"""Records as JSON files, written whole or not at all; that of a run is results.json."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from cu_jax import bounded
from cu_jax.atomic import replacing
from cu_jax.results.records import Results

Parsed = TypeVar("Parsed")


@runtime_checkable
class Record(Protocol):
    """What knows its own JSON form, and refuses to give one that its schema forbids."""

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""


def write_record(path: str | os.PathLike[str], record: Record) -> Path:
    """Writes a record; a reader sees the old file or the new one, never half of one.

    Args:
        path: the file to write; its folder must exist.
        record: what to write.

    Returns:
        The path.

    Raises:
        ValueError: the record does not follow its schema; the sentence names the key.

    Example:
        >>> import tempfile
        >>> from cu_jax.results import Boundaries, Results
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_record(f"{folder}/results.json", results).name
        'results.json'
    """
    path = Path(path)
    text = json.dumps(record.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def read_json(path: Path, again: str) -> Any:
    """Reads what a file of a record holds.

    Args:
        path: the file, which is there.
        again: what to do where it holds no JSON.

    Returns:
        Plain dicts, lists, numbers and strings, of any schema.

    Raises:
        ValueError: it is no JSON.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.json").write_text("[1, 2]")
        ...     read_json(Path(folder, "a.json"), "run it again")
        [1, 2]
    """
    try:
        return bounded.read_json(path)
    except ValueError as error:
        raise ValueError(
            f"{path} must hold JSON, got a decoding error ({error}): {again}."
        ) from error


def read_record(path: Path, parse: Callable[[Any], Parsed], again: str) -> Parsed:
    """Reads a record, and names the file in what is said of it.

    Args:
        path: the file, which is there.
        parse: makes the record of what the file holds.
        again: what to do where it holds no JSON.

    Returns:
        The record.

    Raises:
        ValueError: it is no JSON, or not as it was written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "results.json").write_text("{}")
        ...     read_record(Path(folder, "results.json"), Results.from_json, "run it again")
        Traceback (most recent call last):
        ValueError: ...results.json must be as it was written: Key 'schema_version' is missing: add
        it, as null where it is undefined.
    """
    data = read_json(path, again)
    try:
        return parse(data)
    except ValueError as error:
        raise ValueError(f"{path} must be as it was written: {error}") from error


def file_of(path: str | os.PathLike[str], name: str, what: str, of: str) -> Path:
    """The file of a record, given itself or its folder.

    Args:
        path: the file, or a folder that holds it.
        name: of the file in a folder.
        what: the record, as in "A run's results".
        of: whose ``--workdir`` is wanted, as in "a run that has finished".

    Returns:
        The file.

    Raises:
        FileNotFoundError: there is no such file.

    Example:
        >>> file_of("no/such/results.json", "results.json", "A run's results", "a run")
        Traceback (most recent call last):
        FileNotFoundError: A run's results must be at no/such/results.json, and there is no such
        file: give the --workdir of a run.
    """
    path = Path(path)
    if path.is_dir():
        path = path / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{what} must be at {path}, and there is no such file: give the --workdir of {of}."
        )
    return path


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
    return write_record(path, results)


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
    path = file_of(path, "results.json", "A run's results", "a run that has finished")
    return read_record(path, Results.from_json, "run the stage that writes it again")
