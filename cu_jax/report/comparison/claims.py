"""What controllable unlearning claims, tested: retain loss, error of control, cost of a request."""

import dataclasses
import math

import numpy as np

from cu_jax.front import log_interpolate
from cu_jax.report.comparison.runs import Runs
from cu_jax.report.comparison.statistics import control_error

RATIO_BAR, ERROR_BAR, COST_BAR = 1.05, 0.02, 1 / 3


@dataclasses.dataclass(frozen=True)
class Point:
    """A number of one requested point in one seed.

    Attributes:
        seed: The seed.
        name: The solution's name.
        value: The number; NaN where there is nothing to compare it with.

    Example:
        >>> Point(0, "control_0.5", 0.97).value
        0.97
    """

    seed: int
    name: str
    value: float


@dataclasses.dataclass(frozen=True)
class Claim:
    """Numbers, and the bar that they must not pass.

    Attributes:
        points: One a requested point and seed.
        bar: The largest magnitude that holds.

    Example:
        >>> points = Point(0, "a", -0.01), Point(1, "a", 0.03), Point(1, "b", math.nan)
        >>> claim = Claim(points, 0.02)
        >>> claim.largest, claim.mean, claim.outside, claim.holds
        (0.03, 0.02, 1, False)
    """

    points: tuple[Point, ...]
    bar: float

    @property
    def compared(self) -> list[Point]:
        """The points that have a number."""
        return [point for point in self.points if math.isfinite(point.value)]

    @property
    def outside(self) -> int:
        """How many points have nothing to compare with."""
        return len(self.points) - len(self.compared)

    @property
    def worst(self) -> Point | None:
        """The point of the largest magnitude."""
        return max(self.compared, key=lambda point: abs(point.value), default=None)

    @property
    def largest(self) -> float:
        """The largest magnitude; NaN of none."""
        return abs(self.worst.value) if self.worst else math.nan

    @property
    def mean(self) -> float:
        """The mean magnitude; NaN of none."""
        magnitudes = [abs(point.value) for point in self.compared]
        return float(np.mean(magnitudes)) if magnitudes else math.nan

    @property
    def holds(self) -> bool | None:
        """Whether the bar is kept; None where there is no number."""
        return None if self.worst is None else self.largest <= self.bar


def retain_ratios(runs: Runs, against: str = "composite") -> Claim:
    r"""Claim (a): our retain loss over that of another method at the same forget loss.

    .. math:: f_r / \exp(\mathrm{interp}(f_f;\ f_f^i, \log f_r^i))

    Args:
        runs: A comparison.
        against: The method whose points of the same seed are interpolated, log f_r over f_f.

    Returns:
        The ratios; NaN outside the span of the other method's points.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Boundaries, Comparison, Results, Solution
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0,), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> bounds = Boundaries(epsilon_min=0.5, epsilon_max=1.0, epsilon_original=1.5)
        >>> weights = ((0.1, 1.0, 0.01), (1, 0.6, 0.04))
        >>> solutions = [Solution(name=f"composite_{a}", method="composite", forget_loss=f,
        ...                       retain_loss=r) for a, f, r in weights]
        >>> solutions.append(Solution(name="control_0.6", method="controllable", control=0.6,
        ...                           epsilon=0.8, forget_loss=0.8, retain_loss=0.018))
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds,
        ...                   solutions=tuple(solutions))
        >>> round(retain_ratios(gather(record, {0: results})).largest, 6)  # at 0.8: 0.02
        0.9
    """
    points = []
    for seed in runs.results:
        others = [s for s in runs.of_method(against, seed) if s.retain_loss > 0]
        for ours in runs.of_method("controllable", seed):
            theirs = math.nan
            if others:
                theirs = log_interpolate(
                    [s.forget_loss for s in others],
                    [s.retain_loss for s in others],
                    ours.forget_loss,
                )
            points.append(Point(seed, ours.name, ours.retain_loss / theirs))
    return Claim(tuple(points), RATIO_BAR)


def control_errors(runs: Runs, method: str = "controllable") -> Claim:
    """Claim (b): the error of control, (f_f − ε) / (ε_original − ε_min), of requested points.

    Args:
        runs: A comparison.
        method: A method that takes a requested ε.

    Returns:
        The signed errors; positive forgets less than was asked.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> control_errors(gather(record, {})).holds is None
        True
    """
    points = []
    for seed, results in runs.results.items():
        for s in runs.of_method(method, seed):
            error = control_error(s, results.boundaries)
            points.append(Point(seed, s.name, math.nan if error is None else error))
    return Claim(tuple(points), ERROR_BAR)
