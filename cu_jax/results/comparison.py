"""comparison.json: which methods were compared with which seeds, and what a search for ε cost."""

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax.results.files import file_of, read_record, write_record
from cu_jax.results.schema import check, record

COMPARISON_FORMAT = 1
COMPARISON_NAME = "comparison.json"
SEARCHED = "composite_search"
"""Method of the solutions that a search tried; they are no part of a front."""

_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}

_PROBE = record(value=_NUMBER, forget_loss=_NUMBER, updates=_COUNT, seconds=_NUMBER)
_SEARCH = record(
    seed=_COUNT,
    method=_TEXT,
    control=_NUMBER,
    epsilon={"type": "number"},
    tolerance={"type": "number"},
    span={"type": "number"},
    probes={"type": "array", "items": _PROBE},
    reached={"type": "boolean"},
)
COMPARISON_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "comparison.json of cu_jax",
    **record(
        format={"type": "integer", "const": COMPARISON_FORMAT},
        name=_TEXT,
        config_hash=_TEXT,
        seeds={"type": "array", "items": _COUNT},
        methods={"type": "array", "items": _TEXT},
        updates_per_run=_COUNT,
        runs_per_method=_COUNT,
        searches={"type": "array", "items": _SEARCH},
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """One try of a search: a whole run of unlearning from the original model, or from a neighbor.

    Attributes:
        value: What was tried: a weight α of the composite loss, or an ε.
        forget_loss: f_f that it ended with; NaN if undefined.
        updates: Its updates.
        seconds: Its time.

    Example:
        >>> Probe(value=0.3, forget_loss=0.8, updates=700, seconds=40.0).updates
        700
    """

    value: float
    forget_loss: float
    updates: int
    seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """The search of one method for one requested ε.

    Attributes:
        seed: The run's seed.
        method: `controllable`, which is given ε; or `composite`, whose α is bisected.
        control: The requested control r; None where ε itself was requested.
        epsilon: The requested ε, in units of f_f.
        tolerance: It is reached within this share of `span`, above or below.
        span: ε_original − ε_min of the seed.
        probes: The tries, in their order.
        reached: Whether the last try is within the tolerance.

    Example:
        >>> tries = [Probe(value=v, forget_loss=f, updates=9, seconds=1.0)
        ...          for v, f in ((0.1, 0.9), (0.3, 0.81))]
        >>> search = Search(seed=0, method="composite", control=0.5, epsilon=0.8, tolerance=0.02,
        ...                 span=1.0, probes=tuple(tries), reached=True)
        >>> search.updates, search.seconds, [round(error, 3) for error in search.errors]
        (18, 2.0, [0.1, 0.01])
    """

    seed: int
    method: str
    control: float | None
    epsilon: float
    tolerance: float
    span: float
    probes: tuple[Probe, ...]
    reached: bool

    @property
    def updates(self) -> int:
        """Updates of all tries."""
        return sum(probe.updates for probe in self.probes)

    @property
    def seconds(self) -> float:
        """Time of all tries."""
        return sum((probe.seconds for probe in self.probes), 0.0)

    @property
    def errors(self) -> tuple[float, ...]:
        """(f_f − ε) / span after each try."""
        return tuple((probe.forget_loss - self.epsilon) / self.span for probe in self.probes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything in comparison.json; the numbers of the models are in each seed's results.json.

    Attributes:
        name: The configuration's name.
        config_hash: Hash of the configuration that every seed shares.
        seeds: Whose folders are `seed_0`, `seed_1`, …
        methods: The compared methods, by their names in results.json.
        updates_per_run: Updates that each run of a method was given.
        runs_per_method: Runs of each method that has a knob, a seed.
        searches: What it cost to reach a requested ε.

    Example:
        >>> comparison = Comparison(
        ...     name="demo", config_hash="c0", seeds=(0, 1), methods=("controllable", "composite"),
        ...     updates_per_run=700, runs_per_method=5,
        ... )
        >>> Comparison.from_json(comparison.to_json()) == comparison
        True
    """

    name: str
    config_hash: str
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    updates_per_run: int
    runs_per_method: int
    searches: tuple[Search, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, undefined numbers as null.

        Raises:
            ValueError: The record does not follow the schema; the sentence names the key.
        """
        values = {"format": COMPARISON_FORMAT} | dataclasses.asdict(self)
        # Through the text and back: tuples become lists, as in a file that was read.
        data: dict[str, Any] = json.loads(json.dumps(_defined(values), allow_nan=False))
        _validate(data)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Comparison":
        """The record of a decoded comparison.json; null in a required number becomes NaN.

        Raises:
            ValueError: The data do not follow the schema; the sentence names the key.
        """
        _validate(data)
        values = {key: value for key, value in data.items() if key != "format"}
        values |= {key: tuple(values[key]) for key in ("seeds", "methods")}
        return cls(**values | {"searches": tuple(_search(found) for found in data["searches"])})


def write_comparison_record(path: str | os.PathLike[str], comparison: Comparison) -> Path:
    """Writes comparison.json; a reader sees the old file or the new one, never half of one.

    Args:
        path: The file to write; its folder must exist.
        comparison: The record.

    Returns:
        The path.

    Raises:
        ValueError: The record does not follow the schema; the sentence names the key.

    Example:
        >>> import tempfile
        >>> comparison = Comparison(
        ...     name="demo", config_hash="c0", seeds=(0,), methods=("controllable",),
        ...     updates_per_run=700, runs_per_method=5,
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_comparison_record(f"{folder}/comparison.json", comparison)
        ...     read_comparison(path) == comparison
        True
    """
    return write_record(path, comparison)


def read_comparison(path: str | os.PathLike[str]) -> Comparison:
    """Reads comparison.json, or the one inside a folder.

    Args:
        path: The file, or a folder that holds ``comparison.json``.

    Returns:
        The record.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON or does not follow the schema; the sentence names the key.

    Example:
        >>> read_comparison("no/such/comparison.json")
        Traceback (most recent call last):
        FileNotFoundError: A comparison's record must be at no/such/comparison.json, and there is
        no such file: give the --workdir of a comparison.
    """
    path = file_of(path, COMPARISON_NAME, "A comparison's record", "a comparison")
    return read_record(path, Comparison.from_json, "compare again")


def _validate(data: Any) -> None:
    version = data.get("format", COMPARISON_FORMAT) if isinstance(data, Mapping) else 1
    # Asked first: a file of another version may differ in any other key.
    if version != COMPARISON_FORMAT or isinstance(version, bool):
        raise ValueError(
            f"Key 'format' must be {COMPARISON_FORMAT}, got {version!r}: read this file with the "
            "version of cu_jax that wrote it."
        )
    check(data, COMPARISON_SCHEMA)
    for index, search in enumerate(data["searches"]):
        if not search["span"] > 0:
            raise ValueError(
                f"Key 'searches[{index}].span' must be above 0, got {search['span']}: give "
                "epsilon_original - epsilon_min."
            )


def _defined(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _defined(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _search(data: Mapping[str, Any]) -> Search:
    control = data["control"]
    numbers = {key: float(data[key]) for key in ("epsilon", "tolerance", "span")}
    probes = tuple(
        Probe(
            updates=found["updates"],
            **{
                key: math.nan if found[key] is None else float(found[key])
                for key in ("value", "forget_loss", "seconds")
            },
        )
        for found in data["probes"]
    )
    control = None if control is None else float(control)
    return Search(**dict(data) | numbers | {"control": control, "probes": probes})
