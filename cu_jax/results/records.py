"""The records of results.json as frozen dataclasses; to and from plain JSON values."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cu_jax.results.schema import SCHEMA_VERSION, validate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Boundaries:
    """The range of the control coefficient, in units of the forget loss f_f.

    NaN stands for a boundary that has not been computed.

    Attributes:
        epsilon_min: f_f of `complete`: what the boundary phase reached (control 0).
        epsilon_max: f_f of `utility`: the forgetting that costs no utility (control 1).
        epsilon_original: f_f of the pretrained model: from here on the constraint is inactive.

    Note:
        The first two are what a stated number of steps reached, not true bounds.

    Example:
        >>> Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68).span
        1.04
    """

    epsilon_min: float
    epsilon_max: float
    epsilon_original: float

    @property
    def span(self) -> float:
        """ε_original − ε_min, the unit in which errors of control are stated."""
        return self.epsilon_original - self.epsilon_min

    def at(self, control: float) -> float:
        """The ε that a control coefficient r asks for: ε_min + r (ε_max − ε_min)."""
        return self.epsilon_min + control * (self.epsilon_max - self.epsilon_min)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Solution:
    """One model that a run ended with, and all that is reported about it.

    None means: does not apply (a baseline has no request) or undefined; so does NaN in a loss.

    Attributes:
        name: `original`, `complete`, `utility`, `control_0.25`, `composite_0.3`, …; a folder name.
        method: `original`, `controllable`, `composite` or another method's name.
        control: Requested control r, ε(r) = ε_min + r (ε_max − ε_min).
        epsilon: Requested ε, in units of f_f.
        retain_loss: Achieved f_r on the whole retain training set (the objective).
        forget_loss: Achieved f_f on the whole forget training set (the constraint).
        violation: forget_loss − epsilon; positive = violated.
        feasible: violation ≤ 0.02 (ε_original − ε_min).
        multiplier: λ̂ of the full-set gradients.
        cosine: Cosine of the angle between both full-set gradients, in [−1, 1].
        stationarity: ‖g_r + λ̂ g_f‖ / ‖g_r‖ in [0, 1]; 0 is Pareto stationary.
        retain_grad_norm: ‖g_r‖.
        forget_grad_norm: ‖g_f‖.
        steps: Updates of its own stage.
        steps_from_original: Updates of the whole chain of stages behind it.
        seconds: Time of its own stage.
        nonfinite_steps: Steps of its own stage that were skipped, because a loss or a gradient was
            not finite; of `original`, those of the stages that made it here.
        checkpoint: Folder of its parameters, relative to the workdir.
        metrics: `retain/psnr`, `forget/class_consistency`, … to numbers.

    Example:
        >>> Solution(name="original", method="original", retain_loss=0.0, forget_loss=1.68).epsilon
    """

    name: str
    method: str
    retain_loss: float
    forget_loss: float
    control: float | None = None
    epsilon: float | None = None
    violation: float | None = None
    feasible: bool | None = None
    multiplier: float | None = None
    cosine: float | None = None
    stationarity: float | None = None
    retain_grad_norm: float | None = None
    forget_grad_norm: float | None = None
    steps: int = 0
    steps_from_original: int = 0
    seconds: float = 0.0
    nonfinite_steps: int = 0
    checkpoint: str | None = None
    metrics: Mapping[str, float | None] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, undefined numbers as null; not checked against the schema."""
        return dict(_plain(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Solution":
        """The inverse of :meth:`to_json`."""
        return _solution(record)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Results:
    """Everything in results.json.

    Attributes:
        name: The run's name: its configuration's.
        config_hash: Hash of the configuration that was run.
        manifest_hash: Hash of the list of pictures in each split; None where there is none.
        environment: Versions, platform and devices.
        stages: Stage name to seconds, in the order they ran.
        boundaries: The range of the control coefficient.
        solutions: In the order they were made.

    Example:
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=float("nan"))
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> results.to_json()["boundaries"]["epsilon_original"] is None
        True
        >>> Results.from_json(results.to_json()).boundaries.epsilon_max
        1.12
    """

    name: str
    config_hash: str
    boundaries: Boundaries
    manifest_hash: str | None = None
    environment: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    stages: Mapping[str, float] = dataclasses.field(default_factory=dict)
    solutions: tuple[Solution, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def __getitem__(self, name: str) -> Solution:
        """The solution of this name.

        Raises:
            KeyError: There is none; the message lists those there are.
        """
        for solution in self.solutions:
            if solution.name == name:
                return solution
        names = ", ".join(s.name for s in self.solutions) or "none"
        raise KeyError(f"No solution is named {name!r}; these are there: {names}.")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: NaN and infinities become null, NumPy scalars become Python's.

        Returns:
            A new dictionary whose keys stand in the schema's order.

        Raises:
            ValueError: The records do not follow the schema; the sentence names the key.
        """
        data = _plain(dataclasses.asdict(self))
        order = ["schema_version", *(f.name for f in dataclasses.fields(self))]
        order = list(dict.fromkeys(order))
        data = {key: data[key] for key in order}
        validate(data)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Results":
        """The records of a decoded results.json; null in a required number becomes NaN.

        Args:
            data: What ``json.load`` returned.

        Returns:
            The records.

        Raises:
            ValueError: The data do not follow the schema; the sentence names the key.
        """
        validate(data)
        bounds = {key: _number(value) for key, value in data["boundaries"].items()}
        solutions = tuple(_solution(record) for record in data["solutions"])
        stages = {key: _number(value) for key, value in data["stages"].items()}
        return cls(
            **(
                dict(data)
                | {"boundaries": Boundaries(**bounds), "solutions": solutions, "stages": stages}
            )
        )


def _plain(value: Any) -> Any:
    """JSON values only; anything undefined is None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _solution(record: Mapping[str, Any]) -> Solution:
    values = dict(record)
    for field in dataclasses.fields(Solution):
        if field.type is float:
            values[field.name] = _number(record[field.name])
        elif field.type == float | None:
            values[field.name] = _number_or_none(record[field.name])
    values["metrics"] = {key: _number_or_none(value) for key, value in record["metrics"].items()}
    return Solution(**values)


def _number(value: float | int | None) -> float:
    return math.nan if value is None else float(value)


def _number_or_none(value: float | int | None) -> float | None:
    return None if value is None else float(value)
