"""Mean and deviation over seeds of everything that was measured, matched by solution name."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Mapping

from cu_jax.report.comparison.runs import Runs, method_of
from cu_jax.report.palette import number_in
from cu_jax.results import Boundaries, Solution

Reading = Callable[[Solution, Boundaries], float | None]


@dataclasses.dataclass(frozen=True)
class Statistic:
    """One number over the seeds.

    Attributes:
        mean: Arithmetic mean; NaN where no seed has the number.
        deviation: Sample deviation (n − 1 in its denominator); NaN of fewer than two seeds.
        count: Seeds that have the number.

    Example:
        >>> statistic([1.0, 3.0, None])
        Statistic(mean=2.0, deviation=1.4142135623730951, count=2)
    """

    mean: float
    deviation: float
    count: int


def statistic(values: Iterable[float | None]) -> Statistic:
    """Mean and sample deviation of the finite ones among some numbers.

    Args:
        values: One a seed; None and NaN are left out.

    Example:
        >>> statistic([float("nan"), 2.0])
        Statistic(mean=2.0, deviation=nan, count=1)
    """
    found = [float(value) for value in values if value is not None and math.isfinite(value)]
    mean = statistics.fmean(found) if found else math.nan
    deviation = statistics.stdev(found) if len(found) > 1 else math.nan
    return Statistic(mean, deviation, len(found))


@dataclasses.dataclass(frozen=True)
class Entry:
    """One method at one value of its knob.

    Attributes:
        name: Of the solution, the same in every seed.
        method: Of `cu_jax.report.comparison.runs.method_of`.
        label: What people call it.
        value: The knob: a control, a weight; None where there is none.
        seeds: Seed to the number of each quantity.
        means: Quantity to its mean and deviation.

    Example:
        >>> Entry("original", "original", "original", None, {}, {}).means
        {}
    """

    name: str
    method: str
    label: str
    value: float | None
    seeds: Mapping[int, Mapping[str, float | None]]
    means: Mapping[str, Statistic]


def entries(runs: Runs) -> list[Entry]:
    """Every method at every value of its knob, with the means over the seeds that have it.

    Args:
        runs: A comparison.

    Returns:
        In the order of every table and figure; each entry has every key of `quantities`.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison, Results
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0, 1), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = {seed: Results(name="demo", config_hash="c0", boundaries=bounds, solutions=(
        ...                Solution(name="max_loss_1", method="max_loss", retain_loss=0.5 + seed,
        ...                         forget_loss=1.0),)) for seed in (0, 1)}
        >>> (entry,) = entries(gather(record, results))
        >>> entry.label, entry.value, entry.means["retain_loss"].mean
        ('max loss 1', 1.0, 1.0)
    """
    readings = quantities(runs)
    labels = runs.labels
    found = []
    for shown in runs.solutions:
        seeds = {
            seed: {key: read(s, results.boundaries) for key, read in readings.items()}
            for seed, results in runs.results.items()
            for s in results.solutions
            if s.name == shown.name
        }
        means = {key: statistic(numbers[key] for numbers in seeds.values()) for key in readings}
        method = method_of(shown)
        value = number_in(shown.name)
        found.append(Entry(shown.name, method, labels[shown.name], value, seeds, means))
    return found


def quantities(runs: Runs) -> dict[str, Reading]:
    """All quantities of a comparison: the losses, the request, the work and every metric.

    Args:
        runs: A comparison.

    Returns:
        Name to what takes it from a solution. `control_error` is (f_f − ε) / (ε_original − ε_min).

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> list(quantities(gather(record, {})))[:3]
        ['retain_loss', 'forget_loss', 'epsilon']
    """
    fixed: dict[str, Reading] = {
        "retain_loss": lambda s, _: s.retain_loss,
        "forget_loss": lambda s, _: s.forget_loss,
        "epsilon": lambda s, _: s.epsilon,
        "control_error": control_error,
        "stationarity": lambda s, _: s.stationarity,
        "updates": lambda s, _: float(s.steps_from_original),
        "seconds": lambda s, _: s.seconds,
    }
    keys = (
        key for results in runs.results.values() for s in results.solutions for key in s.metrics
    )
    return fixed | {key: _metric(key) for key in sorted(set(keys), key=_metric_order)}


def control_error(solution: Solution, boundaries: Boundaries) -> float | None:
    """(f_f − ε) / (ε_original − ε_min): positive forgets less than was asked; None without ε.

    Example:
        >>> bounds = Boundaries(epsilon_min=0.5, epsilon_max=1.0, epsilon_original=1.5)
        >>> control_error(Solution(name="control_0.5", method="controllable", control=0.5,
        ...                        epsilon=0.75, retain_loss=0.1, forget_loss=0.875), bounds)
        0.125
    """
    if solution.epsilon is None or not boundaries.span > 0:
        return None
    return (solution.forget_loss - solution.epsilon) / boundaries.span


def _metric(key: str) -> Reading:
    return lambda solution, _: solution.metrics.get(key)


def _metric_order(key: str) -> tuple[bool, str]:
    """Retain before forget, then by name."""
    kind, _, name = key.partition("/")
    return kind != "retain", name
