"""The folder of a comparison: its record, every seed's results, and what is missing of both."""

import dataclasses
import math
import os
from collections.abc import Mapping
from pathlib import Path

from cu_jax.report.palette import looks, ordered
from cu_jax.results import (
    AUDITS_NAME,
    RETRAIN,
    SEARCHED,
    Audits,
    Comparison,
    Results,
    Solution,
    read_audits,
    read_comparison,
    read_results,
)

BOUNDARIES = "boundaries"


@dataclasses.dataclass(frozen=True)
class Runs:
    """A comparison as far as it has come.

    Attributes:
        comparison: Its record.
        results: Seed to results, of the seeds that have any.
        missing: One sentence a gap; empty where everything is there.
        audits: Seed to the audits of its solutions, of the seeds that have any.

    Example:
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0,), methods=("composite",),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> gather(record, {}).missing
        ('Seed 0 has no results yet.',)
    """

    comparison: Comparison
    results: Mapping[int, Results]
    missing: tuple[str, ...]
    audits: Mapping[int, Audits] = dataclasses.field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that have a solution, in the order of every table and figure."""
        return tuple(dict.fromkeys(method_of(s) for s in self.solutions))

    @property
    def solutions(self) -> tuple[Solution, ...]:
        """One solution of each name, in the order of every table and figure.

        Names are what solutions are matched by across seeds; methods stand as in the record.
        """
        found = {s.name: s for results in self.results.values() for s in results.solutions}
        places = {method: i for i, method in enumerate(self.comparison.methods)}
        in_order = ordered(found.values())
        # `sorted` is stable: within a method the order stays.
        places |= {"original": -3, BOUNDARIES: -2, "controllable": -1}
        return tuple(sorted(in_order, key=lambda s: places.get(method_of(s), len(places))))

    @property
    def labels(self) -> dict[str, str]:
        """Name of a solution to what people call it."""
        return {name: look.label for name, look in looks(self.solutions).items()}

    def of_method(self, method: str, seed: int) -> list[Solution]:
        """The solutions of a method and a seed whose losses are finite, by rising f_f."""
        found = [s for s in self.results[seed].solutions if method_of(s) == method]
        found = [s for s in found if math.isfinite(s.forget_loss) and math.isfinite(s.retain_loss)]
        return sorted(found, key=lambda s: (s.forget_loss, s.retain_loss))


def method_of(solution: Solution) -> str:
    """The method of a solution; what bounds the range is none of its points.

    Example:
        >>> method_of(Solution(name="utility", method="controllable", retain_loss=0.1,
        ...                    forget_loss=1.0))
        'boundaries'
    """
    if solution.method == "controllable" and solution.epsilon is None:
        return BOUNDARIES
    return solution.method


def read_runs(workdir: str | os.PathLike[str]) -> Runs:
    """Reads ``comparison.json``, and each seed's results and audits that are there.

    Args:
        workdir: The folder of a comparison.

    Returns:
        All that is there.

    Raises:
        FileNotFoundError: There is no ``comparison.json``.
        ValueError: A file is not as it must be; the sentence names the key.

    Example:
        >>> read_runs("no/such/folder")
        Traceback (most recent call last):
        FileNotFoundError: A comparison's record must be at no/such/folder/comparison.json, ...
    """
    workdir = Path(workdir)
    comparison = read_comparison(workdir / "comparison.json")
    folders = {seed: workdir / f"seed_{seed}" for seed in comparison.seeds}
    there = {k: path for k, path in folders.items() if (path / "results.json").is_file()}
    audits = {seed: read_audits(path / AUDITS_NAME) for seed, path in there.items()}
    return dataclasses.replace(
        gather(comparison, {seed: read_results(path) for seed, path in there.items()}),
        audits={seed: found for seed, found in audits.items() if found is not None},
    )


def gather(comparison: Comparison, results: Mapping[int, Results]) -> Runs:
    """Puts a comparison together and says what is missing.

    Args:
        comparison: Its record.
        results: Seed to results, of the seeds that have any.

    Returns:
        The comparison.

    Example:
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> gather(record, {}).missing
        ()
    """
    results = {
        seed: dataclasses.replace(
            found, solutions=tuple(s for s in found.solutions if s.method != SEARCHED)
        )
        for seed, found in results.items()
    }
    missing = []
    names = {s.name: s for found in results.values() for s in found.solutions}
    for seed in comparison.seeds:
        if seed not in results:
            missing.append(f"Seed {seed} has no results yet.")
            continue
        there = {s.name for s in results[seed].solutions}
        methods = {s.method for s in results[seed].solutions}
        if seed != comparison.seeds[0]:  # One original, one that was made like it.
            there, methods = there | {RETRAIN}, methods | {RETRAIN}
        none = [m for m in comparison.methods if m not in methods]
        if none:
            missing.append(f"Seed {seed} has no solution of {', '.join(none)} yet.")
        gaps = [n for n, s in names.items() if n not in there and s.method not in none]
        if gaps:
            missing.append(f"Seed {seed} has no {', '.join(gaps)}, which another seed has.")
    return Runs(comparison, results, tuple(missing))
