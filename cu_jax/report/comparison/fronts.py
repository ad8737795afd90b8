"""Each method's front in each seed: its points, which are dominated, and its hypervolume."""

import dataclasses
import math

import numpy as np

from cu_jax.front import dominated, hypervolume
from cu_jax.report.comparison.runs import BOUNDARIES, Runs
from cu_jax.results import Results

REFERENCE = (
    "Reference point of the hypervolume: ε_original and the retain loss of complete, each seed's "
    "own, the same for all methods. These are the worst values on the way between the two ends of "
    "the problem, so no method's points move it. 1 would be f_f = ε_min at no cost."
)
DECADES = (
    "Decades saved: the same area over log₁₀ f_r, divided by ε_original − ε_min: how many powers "
    "of ten the front lies below the retain loss of complete, on average over the range."
)


@dataclasses.dataclass(frozen=True)
class MethodFront:
    """The points of one method in one seed.

    Attributes:
        method: The method.
        seed: The seed.
        names: Of the points, by rising f_f.
        points: float64 ``[n, 2]``, (f_f, f_r).
        dominated: bool ``[n]``: beaten by a point of the same method.
        beaten: bool ``[n]``: beaten by a point of any method.
        hypervolume: Share of the box between (ε_min, 0) and the reference point that the points
            dominate, in [0, 1]; NaN where the reference point is not known.
        decades: See `DECADES`; NaN likewise.

    Example:
        >>> MethodFront("composite", 0, (), np.zeros((0, 2)), np.zeros(0, bool), np.zeros(0, bool),
        ...             0.0, 0.0).names
        ()
    """

    method: str
    seed: int
    names: tuple[str, ...]
    points: np.ndarray
    dominated: np.ndarray
    beaten: np.ndarray
    hypervolume: float
    decades: float


def method_fronts(runs: Runs) -> list[MethodFront]:
    """The fronts of all methods in all seeds; the boundaries and the original are no method's.

    Args:
        runs: A comparison.

    Returns:
        By method, then by seed; a method without a point in a seed has no front there.

    Note:
        Our sources state no reference point. Any that depends on the compared points would change
        every number with each method added; this one depends on the problem alone. On it f_r is
        far above most points, which is why `decades` stands beside the plain area.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> method_fronts(gather(record, {}))
        []

    References:
        Zitzler and Thiele, Multiobjective evolutionary algorithms, 1999.
    """
    found = []
    for method in (m for m in runs.methods if m not in ("original", BOUNDARIES)):
        for seed in runs.results:
            points = _points(runs, method, seed)
            if not len(points):
                continue
            everything = np.concatenate([_points(runs, m, seed) for m in runs.methods])
            every = {
                tuple(p)
                for p, beaten in zip(everything, dominated(everything), strict=True)
                if beaten
            }
            found.append(
                MethodFront(
                    method,
                    seed,
                    tuple(s.name for s in runs.of_method(method, seed)),
                    points,
                    dominated(points),
                    np.array([tuple(p) in every for p in points]),
                    *_areas(points, runs.results[seed]),
                )
            )
    return found


def reference_point(results: Results) -> tuple[float, float]:
    """The reference point (f_f, f_r) of a seed; NaN where a part of it is not known.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> reference_point(Results(name="demo", config_hash="c0", boundaries=bounds))
        (1.68, nan)
    """
    worst = [s.retain_loss for s in results.solutions if s.name == "complete"]
    return results.boundaries.epsilon_original, worst[0] if worst else math.nan


def _points(runs: Runs, method: str, seed: int) -> np.ndarray:
    pairs = [(s.forget_loss, s.retain_loss) for s in runs.of_method(method, seed)]
    return np.array(pairs, np.float64).reshape(-1, 2)


def _areas(points: np.ndarray, results: Results) -> tuple[float, float]:
    f, r = reference_point(results)
    span = results.boundaries.span
    if not (math.isfinite(f) and math.isfinite(r) and r > 0 and span > 0):
        return math.nan, math.nan
    # What lies beyond ε_min, where a method may get at any cost, is outside the problem's range.
    inside = np.maximum(points, [results.boundaries.epsilon_min, 0.0])
    area = hypervolume(inside, (f, r)) / (span * r)
    # No logarithm of 0, which the original model alone reaches, at the edge of the range.
    positive = inside[inside[:, 1] > 0]
    logarithms = np.stack([positive[:, 0], np.log10(positive[:, 1])], axis=1)
    return area, hypervolume(logarithms, (f, math.log10(r))) / span
