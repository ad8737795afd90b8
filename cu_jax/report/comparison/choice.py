"""Which point of each method stands in the compact table: the best within the same budget."""

import dataclasses
import itertools
import math

from cu_jax.report.comparison.runs import BOUNDARIES, Runs
from cu_jax.report.comparison.statistics import Entry, entries, statistic
from cu_jax.results import Boundaries

TOLERANCE = 0.02
"""Of the range: as in `Solution.feasible`."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """The point that stands for a method.

    Attributes:
        entry: The point.
        within: Whether it keeps the budget.

    Example:
        >>> Choice(Entry("original", "original", "original", None, {}, {}), False).within
        False
    """

    entry: Entry
    within: bool


def chosen(runs: Runs, control: float = 0.5) -> list[Choice]:
    """One point a method, all at the same forget loss budget.

    The budget is ε(r) = ε_min + r (ε_max − ε_min) of each seed. Of a method's points whose f_f is,
    on average over the seeds, at most 2 % of ε_original − ε_min above it, the one with the lowest
    mean f_r is chosen: the answer that the method gives to the ε-constrained problem, had its knob
    been searched afterwards. A method none of whose points keeps the budget shows its lowest f_f.

    Args:
        runs: A comparison.
        control: r.

    Returns:
        In the order of every table; the original model comes first, boundaries are left out.

    Note:
        Our sources state no rule. Points of different f_f cannot be compared by one number each,
        so a nearest f_f would favor the methods whose points happen to forget less.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> chosen(gather(record, {}))
        []
    """
    bounds = {seed: results.boundaries for seed, results in runs.results.items()}
    by_method = itertools.groupby(
        (e for e in entries(runs) if e.method != BOUNDARIES), key=lambda entry: entry.method
    )
    found = []
    for _, group in by_method:
        defined = [e for e in group if e.means["forget_loss"].count]
        excess = {e.name: _excess(e, bounds, control) for e in defined}
        inside = [e for e in defined if excess[e.name] <= TOLERANCE]
        if inside:
            best = min(inside, key=lambda e: _or_infinity(e.means["retain_loss"].mean))
            found.append(Choice(best, True))
        elif defined:
            best = min(defined, key=lambda e: e.means["forget_loss"].mean)
            found.append(Choice(best, False))
    return found


def _excess(entry: Entry, bounds: dict[int, Boundaries], control: float) -> float:
    """Mean over seeds of (f_f − ε(control)) / (ε_original − ε_min)."""
    shares = []
    for seed, numbers in entry.seeds.items():
        b = bounds[seed]
        budget = b.epsilon_min + control * (b.epsilon_max - b.epsilon_min)
        achieved = numbers["forget_loss"]
        if achieved is not None and b.span > 0:
            shares.append((achieved - budget) / b.span)
    return _or_infinity(statistic(shares).mean)


def _or_infinity(value: float) -> float:
    return value if math.isfinite(value) else math.inf
