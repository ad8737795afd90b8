"""The weight α that meets a requested forget loss: what users of a weighted sum must search for."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cu_jax.results import Boundaries

Tries = list[tuple[float, float]]
"""Each weight that was tried, and the forget loss that it gave."""


class Searched(NamedTuple):
    """What a search for one control took.

    Attributes:
        control: the control coefficient.
        tries: its runs, in order.
        reached: whether one, or one of another control's, is near enough.
    """

    control: float
    tries: Tries
    reached: bool


def bisect(
    forget_loss: Callable[[float], float],
    target: float,
    tolerance: float,
    bracket: tuple[float, float],
    most: int,
    known: Sequence[tuple[float, float]] = (),
) -> tuple[Tries, bool]:
    """Halves a range of weights, on a logarithmic scale, until the forget loss is near enough.

    Args:
        forget_loss: of a weight; falls as the weight grows. Each call is a whole run.
        target: the forget loss wanted.
        tolerance: how far from it is near enough.
        bracket: the smallest and the largest weight; they are believed, not tried.
        most: runs at the most.
        known: weights tried before, for another target, and what they gave: they narrow the range.

    Returns:
        The runs in order, and whether one, or one known before, is near enough.

    Note:
        A search that is told nothing of where the weight lies. Whoever knows more starts nearer.

    Example:
        >>> tries, found = bisect(lambda alpha: 1 / alpha, 5.0, 0.1, (0.01, 1.0), 20)
        >>> [round(alpha, 3) for alpha, _ in tries], found
        ([0.1, 0.316, 0.178, 0.237, 0.205, 0.191, 0.198], True)
        >>> bisect(lambda alpha: 1 / alpha, 10.0, 0.1, (0.01, 1.0), 20, known=tries)
        ([], True)
    """
    low, high = (math.log(alpha) for alpha in bracket)
    for alpha, value in known:
        if abs(value - target) <= tolerance:
            return [], True
        if value > target:
            low = max(low, math.log(alpha))
        else:
            high = min(high, math.log(alpha))
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


def search(
    settings: Any, boundaries: Boundaries, forget_loss: Callable[[float], float]
) -> list[Searched]:
    """:func:`bisect` for each control of a run in turn; each knows what those before it tried.

    Args:
        settings: the config's section ``search``.
        boundaries: the range of ε.
        forget_loss: of a weight.

    Returns:
        What each took.
    """
    tolerance = settings.tolerance * boundaries.span
    bracket = tuple(settings.bracket)
    known: Tries = []
    found = []
    for control in settings.controls:
        target = boundaries.at(control)
        tries, reached = bisect(forget_loss, target, tolerance, bracket, settings.most, known)
        known += tries
        found.append(Searched(control, tries, reached))
    return found
