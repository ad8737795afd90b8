"""The folder of a run: whose it is, and the solutions in it. Every file is written whole."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cu_jax import convert
from cu_jax.models import Params
from cu_jax.provenance import config_hash

MODEL_FORMAT = 1
"""Version of ``solutions/<name>/model.json``."""


def claim_workdir(workdir: Path, config: ConfigDict) -> None:
    """Makes the workdir, or checks that it belongs to an unfinished run of the same settings.

    Args:
        workdir: the folder.
        config: the settings; they and their hash are written to ``config.json``.

    Raises:
        ValueError: if it holds something else; nothing in it is touched then.
    """
    path = workdir / "config.json"
    if path.is_file():
        if json.loads(path.read_text())["hash"] != config_hash(config):
            raise ValueError(
                f"A workdir must hold runs of one set of settings, and {workdir} was made with "
                "others: give another --workdir."
            )
        if (workdir / "results.json").exists():
            raise ValueError(
                f"A run writes into a workdir once, and {workdir} already holds its results: give "
                "another --workdir."
            )
    elif workdir.exists() and any(workdir.iterdir()):
        raise ValueError(
            f"--workdir must be new, empty, or an unfinished run, and {workdir} holds other files: "
            "give another --workdir."
        )
    workdir.mkdir(parents=True, exist_ok=True)
    values = json.loads(config.to_json_best_effort())
    write_json(path, {"hash": config_hash(config), "config": values})


def save_solution(
    folder: Path, config: ConfigDict, params: Params, pictures: dict[str, np.ndarray]
) -> None:
    """Writes a solution for use: its parameters, how to build its model, its pictures.

    Args:
        folder: ``<workdir>/solutions/<name>``; made if missing.
        config: the settings, of which the ``model`` section is written.
        params: the whole model's parameters.
        pictures: arrays for the figures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    convert.save_weights(folder / "params.safetensors", params, {"model": config.model.name})
    model = json.loads(config.model.to_json_best_effort())
    write_json(folder / "model.json", {"format": MODEL_FORMAT, "model": model})
    temporary = folder / f".pictures.{os.getpid()}.tmp.npz"
    arrays: dict[str, Any] = dict(pictures)
    np.savez_compressed(temporary, **arrays)
    os.replace(temporary, folder / "pictures.npz")


def write_json(path: Path, value: Any) -> None:
    """Writes JSON to a temporary name, then renames it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(temporary, path)
