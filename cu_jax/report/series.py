"""Reads metrics.jsonl into one array for each number of each stage."""

import json
import os
from pathlib import Path

import numpy as np

Series = dict[str, dict[str, np.ndarray]]


def read_series(path: str | os.PathLike[str]) -> Series:
    r"""Reads metrics.jsonl.

    Args:
        path: The file.

    Returns:
        Stage to (key to float64 ``[steps]``), stages in the order they first appear. Key `step`
        rises; what a step lacks or has as null is NaN. Where a stage has a step twice (a resumed
        run) the later line holds; a line that is no JSON (a killed run) is left out. Empty if
        there is no such file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "metrics.jsonl")
        ...     _ = path.write_text('{"stage": "utility", "step": 3, "cosine": null}\n{"sta')
        ...     read_series(path)
        {'utility': {'step': array([3.]), 'cosine': array([nan])}}
    """
    path = Path(path)
    if not path.is_file():
        return {}
    stages: dict[str, dict[int, dict[str, float]]] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                record = json.loads(line)
                stage, step = record.pop("stage"), int(record.pop("step"))
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
                continue
            if not isinstance(stage, str):
                continue
            stages.setdefault(stage, {})[step] = {
                key: float("nan") if value is None else value
                for key, value in record.items()
                if value is None or isinstance(value, int | float)
            }
    return {stage: _columns(steps) for stage, steps in stages.items()}


def smoothed(values: np.ndarray, window: float) -> np.ndarray:
    """A running mean without bias at the start; NaN counts for nothing.

    m_t = Σ_s d^{t−s} v_s / Σ_s d^{t−s} over the finite v_s, s ≤ t, with d = 1 − 1/window.

    Args:
        values: float ``[n]``.
        window: Length of the mean's memory in elements, at least 1; 1 changes nothing.

    Returns:
        float64 ``[n]``, NaN up to the first finite value.

    Example:
        >>> smoothed(np.array([0.0, 3.0]), 2.0)
        array([0., 2.])
    """
    decay = 1 - 1 / max(window, 1.0)
    total = weight = 0.0
    result = np.full(len(values), np.nan)
    for index, value in enumerate(values):
        finite = bool(np.isfinite(value))
        total = decay * total + (float(value) if finite else 0.0)
        weight = decay * weight + finite
        if weight > 0:
            result[index] = total / weight
    return result


def _columns(steps: dict[int, dict[str, float]]) -> dict[str, np.ndarray]:
    order = sorted(steps)
    keys = dict.fromkeys(key for step in order for key in steps[step])
    columns = {"step": np.array(order, float)}
    for key in keys:
        columns[key] = np.array([steps[step].get(key, np.nan) for step in order], float)
    return columns
