"""The numbers of an ablation: a compact table for the terminal, and all of them as CSV."""

import csv
import io
import math
from collections.abc import Mapping
from typing import Any

from cu_jax.report.ablation.selection import hole_label, of_hole, solution_names
from cu_jax.report.palette import looks, ordered
from cu_jax.report.table import cell, table_rows
from cu_jax.results import COSTS, ENTRIES, Ablation, Boundaries, Solution

MEBI = 2**20
_HOLES = "evaluation.holes"
_LOSSES = (
    *("control", "epsilon", "forget_loss", "retain_loss", "violation", "feasible", "multiplier"),
    *("cosine", "stationarity", "retain_grad_norm", "forget_grad_norm"),
    *("steps", "steps_from_original", "seconds"),
)
_BOUNDS = ("epsilon_min", "epsilon_max", "epsilon_original")
_MEASURES = (
    *(("psnr", "dB", ".1f"), ("class_consistency", "class", ".1%"), ("ssim", "SSIM", ".3f")),
    *(("fid", "FID", ".1f"),),
)


def table_cells(ablation: Ablation) -> list[list[str]]:
    """The table for the terminal.

    Args:
        ablation: The record.

    Returns:
        The header and the rows. Solutions that are the same for all values stand first, once, with
        `all` for a value. Columns that would be empty throughout are left out.

    Example:
        >>> table_cells(Ablation(name="beta", setting="pareto.beta", kind="runs", config_hash="c0",
        ...                      values=("0.3",)))
        [['beta']]
    """
    head = ablation.setting.rpartition(".")[2].replace("_", " ")
    if ablation.kind == COSTS:
        return _cost_cells(ablation, head)
    if ablation.kind == ENTRIES and ablation.setting == _HOLES:
        return _hole_cells(ablation)
    if ablation.kind == ENTRIES:
        return table_rows(ablation.runs[0].results) if ablation.runs else [[head]]
    parts: list[tuple[str, list[list[str]]]] = []
    _, same = solution_names(ablation)
    for index, run in enumerate(ablation.runs):
        header, *rows = table_rows(run.results)
        names = [s.name for s in ordered(run.results.solutions)]
        named = list(zip(names, rows, strict=True))
        if index == 0:
            parts.append(("all", [header, *(row for name, row in named if name in same)]))
        parts.append((run.value, [header, *(row for name, row in named if name not in same)]))
    # Two runs can have different columns, where one has no request or no classifier.
    columns = list(dict.fromkeys(title for _, (header, *_) in parts for title in header))
    cells = [[head, *columns]]
    for value, (header, *rows) in parts:
        for row in rows:
            known = dict(zip(header, row, strict=True))
            cells.append([value, *(known.get(title, "–") for title in columns)])
    return cells if parts else [[head]]


def csv_text(ablation: Ablation) -> str:
    r"""Every number in full.

    Args:
        ablation: The record.

    Returns:
        CSV (RFC 4180 but for newlines alone): a row for each value and solution, or for each value
        and method of a measurement of costs, or for each hole and solution. An undefined number is
        an empty cell. `control_error` is (f_f − ε) / (ε_original − ε_min).

    Example:
        >>> csv_text(Ablation(name="beta", setting="pareto.beta", kind="runs", config_hash="c0",
        ...                   values=("0.3",)))
        'value\n'
    """
    rows: list[dict[str, Any]] = []
    for cost in ablation.costs:
        rows.append({"value": cost.value, "method": cost.method, "seconds": cost.seconds,
                     "memory": cost.memory, "updates": cost.updates})  # fmt: skip
    for run in ablation.runs:
        bounds = run.results.boundaries
        for solution in ordered(run.results.solutions):
            if ablation.kind == ENTRIES and ablation.setting == _HOLES:
                for hole in ablation.values:
                    found = of_hole(solution.metrics, ablation.values, hole)
                    rows.append(_row(hole, solution, bounds, found))
            else:
                control = "" if solution.control is None else f"{solution.control:.15g}"
                value = control if ablation.kind == ENTRIES else run.value
                rows.append(_row(value, solution, bounds, solution.metrics))
    out = io.StringIO()
    columns = list(dict.fromkeys(["value", *(key for row in rows for key in row)]))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_full(row.get(column)) for column in columns])
    return out.getvalue()


def _row(
    value: str, solution: Solution, bounds: Boundaries, metrics: Mapping[str, float | None]
) -> dict[str, Any]:
    row = {"value": value, "solution": solution.name, "method": solution.method}
    error = None
    if solution.epsilon is not None:
        error = (solution.forget_loss - solution.epsilon) / bounds.span
    numbers = {name: getattr(solution, name) for name in _LOSSES} | {"control_error": error}
    return row | numbers | {name: getattr(bounds, name) for name in _BOUNDS} | dict(metrics)


def _full(value: Any) -> Any:
    """A text as it is; a number as the shortest text that reads back as the same one."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else value


def _cost_cells(ablation: Ablation, head: str) -> list[list[str]]:
    rows = [
        [head, "ours (ms)", "composite (ms)", "ratio", "ours (MiB)", "composite (MiB)", "ratio"]
    ]
    for value in ablation.values:
        found = {cost.method: cost for cost in ablation.costs if cost.value == value}
        if {"controllable", "composite"} <= set(found):
            ours, theirs = found["controllable"], found["composite"]
            rows.append([
                value,
                cell(1e3 * ours.seconds, ".1f"),
                cell(1e3 * theirs.seconds, ".1f"),
                cell(ours.seconds / theirs.seconds, ".2f"),
                cell(ours.memory / MEBI, ".1f"),
                cell(theirs.memory / MEBI, ".1f"),
                cell(ours.memory / theirs.memory, ".2f"),
            ])  # fmt: skip
    return rows


def _hole_cells(ablation: Ablation) -> list[list[str]]:
    kinds = ("retain", "forget")
    header = ["hole", "solution", *(f"{k} {title}" for k in kinds for _, title, _ in _MEASURES)]
    rows = []
    for run in ablation.runs:
        labels = looks(run.results.solutions)
        for hole in ablation.values:
            for s in ordered(run.results.solutions):
                found = of_hole(s.metrics, ablation.values, hole)
                numbers = [
                    cell(_measure(found, f"{kind}/{start}"), form)
                    for kind in kinds
                    for start, _, form in _MEASURES
                ]
                rows.append([hole_label(hole), labels[s.name].label, *numbers])
    used = [i for i in range(len(header)) if any(row[i] != "–" for row in rows)]
    return [[row[i] for i in used] for row in [header, *rows]]


def _measure(metrics: Mapping[str, float | None], start: str) -> float | None:
    """The first measure whose name begins like this, as those do that name their network."""
    return next((v for key, v in metrics.items() if key == start or key.startswith(f"{start}_")),
                None)  # fmt: skip
