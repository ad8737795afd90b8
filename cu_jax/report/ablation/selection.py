"""Which solutions of an ablation its setting changed, and the measures of each hole."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

from cu_jax.report.palette import ordered
from cu_jax.results import Ablation, Solution

_SYMBOLS = {
    "boundary.alpha": "α",
    "boundary.tau": "τ",
    "pareto.beta": "β",
    "pareto.delta": "δ",
    "data.proxy": "classes that stand in for all",
    "batch_size": "pictures of each set in a batch",
}


def symbol(setting: str) -> str:
    """What a setting is called in a figure.

    Example:
        >>> symbol("pareto.beta"), symbol("pareto.optimizer.learning_rate")
        ('β', 'learning rate')
    """
    return _SYMBOLS.get(setting) or setting.rpartition(".")[2].replace("_", " ")


def solution_names(ablation: Ablation) -> tuple[list[str], list[str]]:
    """The solutions of all runs: those that the setting changed, and those that it did not.

    Args:
        ablation: With a run for each value.

    Returns:
        Names of solutions, in the order of every table. One that has the same losses and measures
        in all runs was not changed; neither was any, as far as one run alone can tell.

    Example:
        >>> from cu_jax.results import RUNS
        >>> empty = Ablation(name="beta", setting="pareto.beta", kind=RUNS, config_hash="c0",
        ...                  values=("0.3",))
        >>> solution_names(empty)
        ([], [])
    """
    everywhere = [s for run in ablation.runs for s in run.results.solutions]
    first: dict[str, Solution] = {}
    for solution in everywhere:
        first.setdefault(solution.name, solution)
    changed: list[str] = []
    same: list[str] = []
    for solution in ordered(first.values()):
        found = [s for s in everywhere if s.name == solution.name]
        alike = len(found) == len(ablation.runs) and all(_alike(s, solution) for s in found)
        (same if alike else changed).append(solution.name)
    return changed, same


def solutions_named(ablation: Ablation, name: str) -> list[Solution | None]:
    """One solution in each run; None where a run has none of the name.

    Example:
        >>> from cu_jax.results import RUNS
        >>> solutions_named(Ablation(name="beta", setting="pareto.beta", kind=RUNS,
        ...                          config_hash="c0", values=("0.3",)), "complete")
        []
    """
    return [
        next((s for s in run.results.solutions if s.name == name), None) for run in ablation.runs
    ]


def of_hole(
    metrics: Mapping[str, float | None], holes: Sequence[str], hole: str
) -> dict[str, float | None]:
    """The measures of one hole, under plain names.

    Args:
        metrics: Of a solution; those of the first hole have plain names, those of others end with
            theirs.
        holes: Names of all holes, the main one first.
        hole: One of them.

    Returns:
        Measure to number.

    Example:
        >>> of_hole({"retain/psnr": 9.0, "retain/psnr_center4": 12.0}, ["center12", "center4"],
        ...         "center4")
        {'retain/psnr': 12.0}
    """
    ends = tuple(f"_{name}" for name in holes[1:])
    if hole == holes[0]:
        return {key: value for key, value in metrics.items() if not key.endswith(ends)}
    end = f"_{hole}"
    return {key.removesuffix(end): v for key, v in metrics.items() if key.endswith(end)}


def hole_label(name: str) -> str:
    """A hole's name for people.

    Example:
        >>> hole_label("center12"), hole_label("outpaint50")
        ('center 12 px', 'outpaint 50 %')
    """
    found = re.fullmatch(r"([a-z]+)([0-9_]+)", name)
    if not found:
        return name
    unit = "px" if found[1] == "center" else "%"
    return f"{found[1]} {found[2].replace('_', '.')} {unit}"


def _alike(one: Solution, other: Solution) -> bool:
    """Whether two solutions are the same but for the time they took; undefined numbers are."""
    fields = dataclasses.asdict(one), dataclasses.asdict(other)
    for values in fields:
        del values["seconds"]
    return repr(fields[0]) == repr(fields[1])
