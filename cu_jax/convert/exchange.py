"""The folder of an import and the file of an export, alike for every kind of published weights."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cu_jax import bounded
from cu_jax.atomic import replacing
from cu_jax.convert.state_files import TORCH_ENDINGS, check_ending, import_torch
from cu_jax.convert.weights import load_weights, save_weights
from cu_jax.refusals import is_full

MODEL_FORMAT = 1
"""Version of ``solutions/<name>/model.json``."""
SOLUTION = Path("solutions", "original")
"""Where an import lies in its folder: what reads the original of a run reads it too."""
PARAMS, MODEL = "params.safetensors", "model.json"
"""The files of every solution."""
POSITIONS, UNUSED = "positions.safetensors", "unused.safetensors"
"""Beside them, in some imports: what the published file holds and our parameters do not."""


class Exchanged(NamedTuple):
    """What was imported or exported.

    Attributes:
        model: ``ViT-B/16``, or the widths and depths of a model that was not published.
        notes: sentences that the user should read.
    """

    model: str
    notes: tuple[str, ...]


def check_folder(folder: Path, force: bool) -> None:
    """Refuses to import into a folder with anything in it but an import that may be written over.

    Raises:
        FileExistsError: the folder is a file, or holds something.

    Example:
        >>> check_folder(Path("no/such/folder"), force=False)
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"DIR must be a folder, and {folder} is a file: give another.")
    found = {path for path in folder.rglob("*") if not path.name.endswith(".tmp")}
    if not found:
        return
    own = {folder / "solutions", folder / SOLUTION}
    own |= {folder / SOLUTION / name for name in (PARAMS, MODEL, POSITIONS, UNUSED)}
    if not found <= own:
        raise FileExistsError(
            f"DIR must be new, empty, or the folder of an import, and {folder} holds other files: "
            "give another."
        )
    if not force:
        raise FileExistsError(
            f"DIR must be new or empty, and {folder} holds an import: give another, or --force."
        )


def write_original(
    folder: Path,
    source: Path,
    settings: Mapping[str, Any],
    params: Any,
    beside: Mapping[str, Mapping[str, np.ndarray]],
) -> None:
    """Writes an import: ``solutions/original`` of a folder.

    Args:
        folder: what :func:`check_folder` let through.
        source: the published file, whose name is noted.
        settings: the ``model`` section of a config, for ``model.json``.
        params: our parameter tree.
        beside: arrays of further files, by the file's name, :data:`POSITIONS` or :data:`UNUSED`.

    Raises:
        ValueError: the folder cannot be written to.
        OSError: the disk is full.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_original(Path(folder), Path("mae.pth"), {"name": "mae"}, {}, {})
        ...     read_model(Path(folder), "original", "mae", "a masked autoencoder")
        {'name': 'mae'}
    """
    target = folder / SOLUTION
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Last written, first removed: where it is, the other files belong to it.
        for name in (MODEL, POSITIONS, UNUSED):
            (target / name).unlink(missing_ok=True)
        made = {"imported_from": source.name}
        save_weights(target / PARAMS, params, made)
        for name, arrays in beside.items():
            save_weights(target / name, {key: np.array(x) for key, x in arrays.items()}, made)
        with replacing(target / MODEL) as temporary:
            text = json.dumps({"format": MODEL_FORMAT, "model": dict(settings)}, indent=2)
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        if is_full(error):
            raise
        raise ValueError(
            f"DIR must be a folder that can be written to, and {folder} is not "
            f"({error.strerror or error}): give another."
        ) from error


def check_target(workdir: Path, target: Path, force: bool) -> None:
    """Refuses a file to export to that cannot be written, or must not be.

    Args:
        workdir: the folder of the run, or of an import.
        target: the file.
        force: whether to write over a file.

    Raises:
        FileNotFoundError: its folder does not exist.
        FileExistsError: the file is there already.
        ValueError: its ending is unknown or needs PyTorch, or it lies among the solutions.

    Example:
        >>> check_target(Path("runs"), Path("no/such/folder/mae.safetensors"), force=False)
        Traceback (most recent call last):
        FileNotFoundError: The folder of an exported file must exist, but no/such/folder does not:
        create it first.
    """
    check_ending(target)
    if target.suffix in TORCH_ENDINGS:
        import_torch(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"The folder of an exported file must exist, but {target.parent} does not: create it "
            "first."
        )
    if (workdir / "solutions").resolve() in target.resolve().parents:
        raise ValueError(f"An exported file must lie outside {workdir / 'solutions'}: move DST.")
    if target.is_dir() or (target.exists() and not force):
        raise FileExistsError(
            f"An exported file must be new, and {target} exists: give another DST"
            + ("." if target.is_dir() else ", or --force.")
        )


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Says in a sentence that a file could not be written.

    Raises:
        ValueError: in place of an OSError; that of a full disk stays.

    Example:
        >>> with writing(Path("out/mae.pth")):
        ...     raise PermissionError("denied")
        Traceback (most recent call last):
        ValueError: The folder of an exported file must be one to write to, and out is not (denied):
        give another DST.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise
        raise ValueError(
            f"The folder of an exported file must be one to write to, and {target.parent} is not "
            f"({error.strerror or error}): give another DST."
        ) from error


def read_model(workdir: Path, solution: str, kind: str, model: str) -> dict[str, Any]:
    """Reads how to build a solution's model.

    Args:
        workdir: the folder of the run, or of an import.
        solution: the name of its folder in ``solutions/``.
        kind: what it must be, ``mae``.
        model: the same in words, ``a masked autoencoder``.

    Returns:
        The ``model`` section of a config.

    Raises:
        FileNotFoundError: there is no such solution.
        ValueError: the solution is of another kind of model, or its file is damaged.

    Example:
        >>> read_model(Path("no/such/run"), "complete", "mae", "a masked autoencoder")
        Traceback (most recent call last):
        FileNotFoundError: A solution must have its folder in no/such/run/solutions, and there is no
        no/such/run/solutions/complete/model.json: give the folder of a run.
    """
    path = workdir / "solutions" / solution / MODEL
    if not path.is_file():
        names = sorted(one.parent.name for one in workdir.glob(f"solutions/*/{MODEL}"))
        raise FileNotFoundError(
            f"A solution must have its folder in {workdir / 'solutions'}, and there is no {path}: "
            + (f"there are {', '.join(names)}." if names else "give the folder of a run.")
        )
    try:
        data = bounded.read_json(path)
        version, settings = data["format"], dict(data["model"])
        found = settings["name"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} must say how to build the model, but it cannot be read ({error!r}): copy the "
            "solution again."
        ) from error
    if version != MODEL_FORMAT or found != kind:
        raise ValueError(
            f"{path} must describe {model} in format {MODEL_FORMAT}, got {found!r} in "
            f"format {version!r}: export it as the kind that it is, or give another solution."
        )
    return settings


def find_beside(
    workdir: Path,
    name: str,
    wanted: Mapping[str, np.ndarray],
    check: Callable[[Mapping[str, np.ndarray], str], None] = lambda arrays, source: None,
) -> dict[str, np.ndarray] | None:
    """Finds what the imported file held beside the parameters, bit for bit.

    Args:
        workdir: the folder of the import, or of a run that started from one: its config says where.
        name: :data:`POSITIONS` or :data:`UNUSED`.
        wanted: arrays with the shapes and dtypes that the file must have.
        check: refuses the arrays of another model; its second argument is the file.

    Returns:
        The arrays, or None if no such file is found.

    Example:
        >>> find_beside(Path("no/such/run"), "positions.safetensors", {}) is None
        True
    """
    for folder in (workdir / SOLUTION, *_imported(workdir)):
        with contextlib.suppress(ValueError, FileNotFoundError):
            found: dict[str, np.ndarray] = load_weights(folder / name, dict(wanted))
            check(found, str(folder / name))
            return found
    return None


def _imported(workdir: Path) -> list[Path]:
    """Where the import that a run started from may lie, if its config names one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        config = bounded.read_json(workdir / "config.json")["config"]
        named = Path(config["pretrain"]["weights"])
        return [named / SOLUTION, named, named.parent]
    return []
