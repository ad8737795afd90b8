"""How a run was made: its settings flattened, its seed, versions and hashes."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax import bounded
from cu_jax.report.table import cell
from cu_jax.results import Results

Rows = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Making:
    """How a run was made, as names and texts.

    Attributes:
        identity: Seed, hashes, and what the solutions share that a reader may not expect.
        boundaries: The range of the control coefficient.
        stages: Seconds of each stage.
        environment: Versions, platform and devices.
        settings: Section to its settings; empty if they are not known.
        foreign: Whether the settings have another hash than the results.

    Example:
        >>> Making((), (), (), (), {}, False).settings
        {}
    """

    identity: Rows
    boundaries: Rows
    stages: Rows
    environment: Rows
    settings: Mapping[str, Rows]
    foreign: bool


def read_settings(path: Path) -> Mapping[str, Any] | None:
    """Reads config.json.

    Args:
        path: The file.

    Returns:
        Its `hash` and `config`; None if there is no such file.

    Raises:
        ValueError: It is no JSON object.

    Example:
        >>> read_settings(Path("no/such/config.json"))
    """
    if not path.is_file():
        return None
    try:
        data = bounded.read_json(path)
    except ValueError as error:
        raise ValueError(
            f"{path} must hold JSON, got a decoding error ({error}): remove it to make the page "
            "without settings."
        ) from error
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        raise ValueError(
            f"{path} must hold an object with the key 'config', and it holds none: remove it to "
            "make the page without settings."
        )
    return data


def making(results: Results, settings: Mapping[str, Any] | None) -> Making:
    """Gathers how the run was made.

    Args:
        results: A run's results.
        settings: What `read_settings` returned.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> making(results, {"hash": "c0", "config": {"seed": 3, "a": {"b": {"c": 1}}}}).settings
        {'general': (('seed', '3'),), 'a': (('b.c', '1'),)}
    """
    config = {} if settings is None else settings["config"]
    groups: dict[str, Rows] = {}
    general = {key: value for key, value in config.items() if not isinstance(value, dict)}
    if general:
        groups["general"] = flatten(general)
    for key, value in config.items():
        if isinstance(value, dict) and value:
            # A section of this very name joins its namesake.
            groups[key] = groups.get(key, ()) + flatten(value)
    b = results.boundaries
    return Making(
        identity=(
            ("seed", as_text(config.get("seed"))),
            ("hash of the settings", results.config_hash),
            ("hash of the manifest", as_text(results.manifest_hash)),
            *_model_rows(config.get("model", {})),
        ),
        boundaries=(
            ("ε min (complete)", cell(b.epsilon_min, ".4f")),
            ("ε max (utility)", cell(b.epsilon_max, ".4f")),
            ("ε original", cell(b.epsilon_original, ".4f")),
        ),
        stages=tuple((name, cell(seconds, ".1f")) for name, seconds in results.stages.items()),
        environment=flatten(results.environment),
        settings=groups,
        foreign=settings is not None and settings.get("hash") != results.config_hash,
    )


def _model_rows(model: Mapping[str, Any]) -> Rows:
    """What scores depend on, of models where it may be one thing or another."""
    rows: list[tuple[str, str]] = []
    if "tie_head" in model:  # Whether unlearning the encoder changes the decoder too.
        tied = "shared with the encoder's token embeddings, and changed with them"
        rows.append(("output layer", tied if model["tie_head"] else "the original's, frozen"))
    if {"sampler", "steps", "eta", "schedule", "forget_noise"} <= model.keys():
        noise = f", eta {model['eta']:g}" if model["sampler"] == "ddim" else ""
        of = model["schedule"]["length"]
        rows.append(("sampling", f"{model['sampler']}, {model['steps']} of {of} steps{noise}"))
        target = {"picture": "a picture of noise", "hole": "the picture with noise in its hole"}
        rows.append(("the teacher sees of forget pictures", target[model["forget_noise"]]))
    return tuple(rows)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Rows:
    """Nested values as dotted keys and texts.

    Args:
        values: JSON values.
        prefix: What comes before each key.

    Example:
        >>> flatten({"steps": 200, "optimizer": {"name": "adamw", "clip": None}})
        (('steps', '200'), ('optimizer.name', 'adamw'), ('optimizer.clip', '–'))
    """
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found += flatten(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", as_text(value)))
    return tuple(found)


def as_text(value: Any) -> str:
    """A JSON value for people; undefined is a dash.

    Example:
        >>> as_text(None), as_text(0.0015), as_text(True), as_text([0.5, 1])
        ('–', '0.0015', 'true', '0.5, 1')
    """
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value) or "–"
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool | Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
