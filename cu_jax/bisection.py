"""The weight α that meets a requested forget loss: what users of a weighted sum must search for."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from cu_jax.results import Boundaries


class Probe(NamedTuple):
    """One run of a search.

    Attributes:
        alpha: the weight that was tried.
        forget_loss: what it gave.
    """

    alpha: float
    forget_loss: float


def bisect(
    forget_loss: Callable[[float], float],
    target: float,
    tolerance: float,
    bracket: tuple[float, float],
    most: int,
) -> tuple[list[Probe], bool]:
    """Halves a range of weights, on a logarithmic scale, until the forget loss is near enough.

    Args:
        forget_loss: of a weight; falls as the weight grows. Each call is a whole run.
        target: the forget loss wanted.
        tolerance: how far from it is near enough.
        bracket: the smallest and the largest weight; they are believed, not tried.
        most: runs at the most.

    Returns:
        The runs in order, and whether the last one is near enough.

    Note:
        A search that is told nothing of where the weight lies. Whoever knows more starts nearer.

    Example:
        >>> probes, found = bisect(lambda alpha: 1 / alpha, 5.0, 0.1, (0.01, 1.0), 20)
        >>> [round(probe.alpha, 3) for probe in probes], found
        ([0.1, 0.316, 0.178, 0.237, 0.205, 0.191, 0.198], True)
    """
    low, high = (math.log(alpha) for alpha in bracket)
    probes: list[Probe] = []
    while len(probes) < most:
        middle = (low + high) / 2
        alpha = float(f"{math.exp(middle):.6g}")  # its name is a folder's
        probes.append(Probe(alpha, forget_loss(alpha)))
        error = probes[-1].forget_loss - target
        if abs(error) <= tolerance:
            return probes, True
        low, high = (middle, high) if error > 0 else (low, middle)
    return probes, False


def bisected(
    search: Any, boundaries: Boundaries, control: float, forget_loss: Callable[[float], float]
) -> tuple[list[Probe], bool]:
    """:func:`bisect` for a control of a run.

    Args:
        search: the config's section.
        boundaries: the range of ε.
        control: the control coefficient.
        forget_loss: of a weight.

    Returns:
        As :func:`bisect`.
    """
    low, high = boundaries.epsilon_min, boundaries.epsilon_max
    target, tolerance = low + control * (high - low), search.tolerance * boundaries.span
    return bisect(forget_loss, target, tolerance, tuple(search.bracket), search.most)
