"""The folder of a run: whose it is, and the solutions in it. Every file is written whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cu_jax import bounded, convert
from cu_jax.atomic import replacing
from cu_jax.fingerprints import StageRecord, flat
from cu_jax.models import Params
from cu_jax.provenance import config_hash
from cu_jax.results import Solution

MODEL_FORMAT = convert.MODEL_FORMAT
"""Version of ``solutions/<name>/model.json``."""
NUMBERS_FORMAT = 1
"""Version of ``solutions/<name>/solution.json``."""


def save_config(workdir: Path, config: ConfigDict) -> None:
    """Writes ``config.json``, by which a folder is known to be a run's: settings and their hash."""
    values = json.loads(config.to_json_best_effort())
    write_json(workdir / "config.json", {"hash": config_hash(config), "config": values})


def read_config(workdir: Path) -> ConfigDict:
    """The settings of a run, the inverse of :func:`save_config`.

    Args:
        workdir: the run's folder.

    Returns:
        The settings, with tuples where JSON has lists.

    Raises:
        FileNotFoundError: there is no ``config.json``.
        ValueError: it is not as a run writes it.
    """
    path = workdir / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"A run's settings must be at {path}, and there is no such file: give the --workdir "
            "that a run was given."
        )
    try:
        config = bounded.read_json(path)["config"]
        if not isinstance(config, dict):
            raise TypeError("they are no object")
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f"{path} must hold the settings as a run writes them, and does not ({error}): give the "
            "run's own command again, and it is written anew."
        ) from error
    return ConfigDict(with_tuples(config))


def with_tuples(value: Any) -> Any:
    """A JSON value with a tuple for every list.

    Example:
        >>> with_tuples({"mean": [0.5, 0.4], "sizes": [[1, 2]]})
        {'mean': (0.5, 0.4), 'sizes': ((1, 2),)}
    """
    if isinstance(value, dict):
        return {key: with_tuples(one) for key, one in value.items()}
    return tuple(with_tuples(one) for one in value) if isinstance(value, list) else value


def save_record(workdir: Path, name: str, record: StageRecord) -> None:
    """Writes ``stages/<name>.json``."""
    (workdir / "stages").mkdir(exist_ok=True)
    write_json(workdir / "stages" / f"{name}.json", record._asdict())


def save_solution(
    folder: Path,
    config: ConfigDict,
    params: Params,
    pictures: dict[str, np.ndarray],
    embeddings: dict[str, np.ndarray] | None = None,
) -> None:
    """Writes a solution for use: its parameters, how to build its model, its pictures.

    Args:
        folder: ``<workdir>/solutions/<name>``; made if missing.
        config: the settings, of which the ``model`` section is written.
        params: the whole model's parameters.
        pictures: arrays for the figures.
        embeddings: features of pictures, as :class:`cu_jax.validation.Measured` has them; none: no
            file of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    convert.save_weights(folder / "params.safetensors", params, {"model": config.model.name})
    model = json.loads(config.model.to_json_best_effort())
    write_json(folder / "model.json", {"format": MODEL_FORMAT, "model": model})
    _save_arrays(folder / "pictures.npz", pictures)
    if embeddings:
        _save_arrays(folder / "embeddings.npz", embeddings)
    else:
        (folder / "embeddings.npz").unlink(missing_ok=True)


def _save_arrays(path: Path, arrays: dict[str, Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def save_numbers(folder: Path, config: ConfigDict, solution: Solution) -> None:
    """Writes a solution's numbers, last: where they are, the rest of the folder is whole.

    Args:
        folder: ``<workdir>/solutions/<name>``.
        config: the settings; those of the evaluation are written beside the numbers.
        solution: the numbers.
    """
    written = {"format": NUMBERS_FORMAT, "evaluation": _evaluation(config)}
    write_json(folder / "solution.json", written | {"solution": solution.to_json()})


def read_numbers(folder: Path, config: ConfigDict) -> Solution | None:
    """The numbers of a solution, if it was evaluated with the same settings.

    Args:
        folder: ``<workdir>/solutions/<name>``.
        config: the settings now.

    Returns:
        The solution, or None if there is none, or it must be evaluated anew.
    """
    data = read_json(folder / "solution.json")
    if data is None or data["format"] != NUMBERS_FORMAT:
        return None
    if data["evaluation"] != _evaluation(config):
        return None
    return Solution.from_json(data["solution"])


def _evaluation(config: ConfigDict) -> dict[str, Any]:
    """The settings that a solution's numbers depend on, beside those of its stage."""
    sections = ("evaluation.", "classifier.")
    return {name: value for name, value in flat(config).items() if name.startswith(sections)}


def write_json(path: Path, value: Any) -> None:
    """Writes JSON to a temporary name, then renames it."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")


def read_json(path: Path, most: int = bounded.RECORD) -> dict[str, Any] | None:
    """A JSON record, or None if there is none; a power cut can leave an empty file."""
    try:
        return dict(bounded.read_json(path, most))
    except (OSError, ValueError, TypeError):
        return None
