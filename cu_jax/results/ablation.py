"""ablation.json: a setting, the values it was given, and what each run or measurement found."""

import dataclasses
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax.results.files import file_of, read_record, write_record
from cu_jax.results.records import Results
from cu_jax.results.schema import check, record

ABLATION_FORMAT = 1
ABLATION_NAME = "ablation.json"
RUNS, ENTRIES, COSTS = "runs", "entries", "costs"
"""Kinds of ablations: a run for each value; one run that has all values; cost of an update."""

_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
ABLATION_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ablation.json of cu_jax",
    **record(
        format={"type": "integer", "const": ABLATION_FORMAT},
        name=_TEXT,
        setting=_TEXT,
        kind=_TEXT,
        config_hash=_TEXT,
        values={"type": "array", "items": _TEXT},
        runs={
            "type": "array",
            "items": record(value=_TEXT, folder=_TEXT, results={"type": "object"}),
        },
        costs={
            "type": "array",
            "items": record(
                value=_TEXT, method=_TEXT, seconds=_NUMBER, memory=_NUMBER, updates=_COUNT
            ),
        },
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AblationRun:
    """One run of an ablation.

    Attributes:
        value: The setting's value, as a text.
        folder: Of the run, relative to the ablation's.
        results: What its ``results.json`` says.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> AblationRun(value="0.3", folder="0.3", results=results).value
        '0.3'
    """

    value: str
    folder: str
    results: Results


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpdateCost:
    """What one update costs.

    Attributes:
        value: The setting's value, as a text.
        method: `controllable` (an update of the Pareto phase) or another method.
        seconds: Median time of an update, after compilation.
        memory: Bytes of the compiled update: arguments, results and all in between; NaN where the
            compiler does not say.
        updates: How many were timed.

    Example:
        >>> UpdateCost(value="32", method="composite", seconds=0.02, memory=1e7, updates=10).updates
        10
    """

    value: str
    method: str
    seconds: float
    memory: float
    updates: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ablation:
    """Everything in ablation.json.

    Attributes:
        name: Of the ablation and its figure.
        setting: What was varied: ``pareto.beta``.
        kind: `RUNS`, `ENTRIES` or `COSTS`.
        config_hash: Hash of the configuration that the runs share.
        values: As texts, in their order.
        runs: Those that are done; of `ENTRIES` one, whose value is all of them.
        costs: Those that are measured.

    Example:
        >>> ablation = Ablation(name="beta", setting="pareto.beta", kind=RUNS, config_hash="c0",
        ...                     values=("0.3", "1"))
        >>> Ablation.from_json(ablation.to_json()) == ablation
        True
    """

    name: str
    setting: str
    kind: str
    config_hash: str
    values: tuple[str, ...]
    runs: tuple[AblationRun, ...] = ()
    costs: tuple[UpdateCost, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; undefined numbers become null.

        Raises:
            ValueError: The record does not follow the schema; the sentence names the key.
        """
        runs = [
            {"value": run.value, "folder": run.folder, "results": run.results.to_json()}
            for run in self.runs
        ]
        costs = [
            {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in c.items()}
            for c in map(dataclasses.asdict, self.costs)
        ]
        data = {
            "format": ABLATION_FORMAT,
            "name": self.name,
            "setting": self.setting,
            "kind": self.kind,
            "config_hash": self.config_hash,
            "values": list(self.values),
            "runs": runs,
            "costs": costs,
        }
        check(data, ABLATION_SCHEMA)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Ablation":
        """The record of a decoded ablation.json; null in a number becomes NaN.

        Raises:
            ValueError: The data do not follow the schema; the sentence names the key.
        """
        version = data.get("format", ABLATION_FORMAT) if isinstance(data, Mapping) else 1
        # Asked first: a file of another version may differ in any other key.
        if version != ABLATION_FORMAT or isinstance(version, bool):
            raise ValueError(
                f"Key 'format' must be {ABLATION_FORMAT}, got {version!r}: read this file with the "
                "version of cu_jax that wrote it."
            )
        check(data, ABLATION_SCHEMA)
        if data["kind"] not in (RUNS, ENTRIES, COSTS):
            raise ValueError(
                f"Key 'kind' must be {RUNS}, {ENTRIES} or {COSTS}, got {data['kind']!r}: correct "
                "it."
            )
        runs = tuple(
            AblationRun(**one | {"results": Results.from_json(one["results"])})
            for one in data["runs"]
        )
        costs = tuple(
            UpdateCost(**one | {key: _number(one[key]) for key in ("seconds", "memory")})
            for one in data["costs"]
        )
        values = {key: value for key, value in data.items() if key != "format"}
        return cls(**values | {"values": tuple(data["values"]), "runs": runs, "costs": costs})


def write_ablation_record(path: str | os.PathLike[str], ablation: Ablation) -> Path:
    """Writes ablation.json; a reader sees the old file or the new one, never half of one.

    Args:
        path: The file to write; its folder must exist.
        ablation: The record.

    Returns:
        The path.

    Raises:
        ValueError: The record does not follow the schema; the sentence names the key.

    Example:
        >>> import tempfile
        >>> ablation = Ablation(name="beta", setting="pareto.beta", kind=RUNS, config_hash="c0",
        ...                     values=("0.3", "1"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     read_ablation(write_ablation_record(f"{folder}/ablation.json", ablation)).values
        ('0.3', '1')
    """
    return write_record(path, ablation)


def read_ablation(path: str | os.PathLike[str]) -> Ablation:
    """Reads ablation.json, or the one inside a folder.

    Args:
        path: The file, or a folder that holds ``ablation.json``.

    Returns:
        The record.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON or does not follow the schema; the sentence names the key.

    Example:
        >>> read_ablation("no/such/ablation.json")
        Traceback (most recent call last):
        FileNotFoundError: An ablation's record must be at no/such/ablation.json, and there is no
        such file: give the --workdir of an ablation.
    """
    path = file_of(path, ABLATION_NAME, "An ablation's record", "an ablation")
    return read_record(path, Ablation.from_json, "give the ablation's own command again")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
