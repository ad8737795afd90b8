"""The weight α that meets a requested forget loss: what users of a weighted sum must search for."""

import math
from collections.abc import Callable
from typing import Any

from cu_jax.results import Boundaries

Tries = list[tuple[float, float]]
"""Each weight that was tried, and the forget loss that it gave."""


def bisect(
    forget_loss: Callable[[float], float],
    target: float,
    tolerance: float,
    bracket: tuple[float, float],
    most: int,
) -> tuple[Tries, bool]:
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
        >>> tries, found = bisect(lambda alpha: 1 / alpha, 5.0, 0.1, (0.01, 1.0), 20)
        >>> [round(alpha, 3) for alpha, _ in tries], found
        ([0.1, 0.316, 0.178, 0.237, 0.205, 0.191, 0.198], True)
    """
    low, high = (math.log(alpha) for alpha in bracket)
    tries: Tries = []
    while len(tries) < most:
        middle = (low + high) / 2
        alpha = float(f"{math.exp(middle):.6g}")  # its name is a folder's
        tries.append((alpha, forget_loss(alpha)))
        error = tries[-1][1] - target
        if abs(error) <= tolerance:
            return tries, True
        low, high = (middle, high) if error > 0 else (low, middle)
    return tries, False


def bisected(
    search: Any, boundaries: Boundaries, control: float, forget_loss: Callable[[float], float]
) -> tuple[Tries, bool]:
    """:func:`bisect` for a control of a run.

    Args:
        search: the config's section.
        boundaries: the range of ε.
        control: the control coefficient.
        forget_loss: of a weight.

    Returns:
        As :func:`bisect`.
    """
    tolerance = search.tolerance * boundaries.span
    bracket = tuple(search.bracket)
    return bisect(forget_loss, boundaries.at(control), tolerance, bracket, search.most)
