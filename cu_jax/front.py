"""Two-objective trade-offs: dominated points, hypervolume, interpolation, stationarity.

Points are (forget loss, retain loss), both to be minimized.
"""

import math
from typing import Any, NamedTuple, overload

import numpy as np
from jaxtyping import Bool, Float


def dominated(points: Any) -> Bool[np.ndarray, " n"]:
    """Says which points another point beats: no worse in both objectives, better in one.

    Args:
        points: Array-like [N, 2] of finite numbers, (f_f, f_r), both minimized.

    Returns:
        bool [N]. Equal points do not dominate each other.

    Raises:
        ValueError: The shape is wrong or a number is not finite.

    Example:
        >>> dominated([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])
        array([False, False,  True])
    """
    points = _points(points)
    no_worse = (points[:, None] <= points[None, :]).all(axis=-1)
    better = (points[:, None] < points[None, :]).any(axis=-1)
    return (no_worse & better).any(axis=0)


def hypervolume(points: Any, reference: Any) -> float:
    """Exact area that the points dominate, up to a reference point.

    Args:
        points: Array-like [N, 2] of finite numbers, (f_f, f_r), both minimized.
        reference: Two numbers, worse than every point that is to count.

    Returns:
        The area, in units of f_f times f_r; larger is better. A point that is not better than the
        reference in both objectives adds nothing.

    Raises:
        ValueError: A shape is wrong or a number is not finite.

    Example:
        >>> hypervolume([[1.0, 2.0], [2.0, 1.0]], [3.0, 3.0])
        3.0

    References:
        Zitzler and Thiele, Multiobjective evolutionary algorithms, 1999.
    """
    points = _points(points)
    reference = np.asarray(reference, np.float64)
    if reference.shape != (2,) or not np.isfinite(reference).all():
        raise ValueError(
            f"reference must be one finite point (f_f, f_r), but {reference.tolist()} was given: "
            "give two numbers."
        )
    worst_f, worst_r = reference
    area, height = 0.0, worst_r
    # From the left, each point adds the strip between its own height and the lowest one so far.
    for f, r in sorted(map(tuple, points)):
        if f < worst_f and r < height:
            area += (worst_f - f) * (height - r)
            height = r
    return float(area)


@overload
def log_interpolate(front_f: Any, front_r: Any, at_f: float) -> float: ...


@overload
def log_interpolate(
    front_f: Any, front_r: Any, at_f: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]: ...


def log_interpolate(front_f: Any, front_r: Any, at_f: Any) -> Any:
    r"""The retain loss of a front at a given forget loss: log f_r linear in f_f.

    .. math:: f_r(f) = \exp\bigl((1 - t) \log f_r^i + t \log f_r^{i+1}\bigr), \quad
        t = (f - f_f^i) / (f_f^{i+1} - f_f^i)

    Args:
        front_f: Forget losses of the front's points, array-like [N], any order.
        front_r: Their retain losses, array-like [N], all > 0.
        at_f: Forget losses to read the front at: a number, or an array [K].

    Returns:
        The interpolated f_r itself (not its logarithm): a float, or float64 [K]. nan outside
        the front's span.

    Raises:
        ValueError: The lengths differ, there is no point, or an f_r is not positive.

    Example:
        >>> round(log_interpolate([2.0, 1.0], [0.01, 1.0], 1.5), 6)
        0.1
        >>> log_interpolate([2.0, 1.0], [0.01, 1.0], 3.0)
        nan

    Note:
        The front is exactly the given points: none is added, and dominated ones stay. Of several
        points with one f_f the lowest f_r counts. Outside the span there is no front to compare
        with, so nan rather than an extrapolation.
    """
    front_f, front_r = np.ravel(front_f), np.ravel(front_r)
    if len(front_f) != len(front_r):
        raise ValueError(
            "The front needs one f_r for each f_f, but there are "
            f"{len(front_f)} f_f and {len(front_r)} f_r: give both for every point."
        )
    front = _points(np.stack([front_f, front_r], axis=1), "the front")
    if len(front) == 0 or (front[:, 1] <= 0.0).any():
        raise ValueError(
            "The front needs at least one point and every f_r > 0, but the f_r are "
            f"{front[:, 1].tolist()}: leave the original model (f_r = 0) out."
        )
    front = front[np.lexsort((front[:, 1], front[:, 0]))]
    f, first = np.unique(front[:, 0], return_index=True)
    log_r = np.log(front[first, 1])
    at = np.asarray(at_f, np.float64)
    values = np.exp(np.interp(at, f, log_r, left=np.nan, right=np.nan))
    return float(values) if at.ndim == 0 else values


class Stationarity(NamedTuple):
    """How far a solution is from Pareto stationarity, from full-set gradients.

    Attributes:
        multiplier: The multiplier that the two gradients themselves imply, >= 0.
        cosine: Cosine of the two gradients; nan where either is zero.
        stationarity: 0 is Pareto stationary, 1 is as far as it gets.

    Example:
        >>> Stationarity(0.5, -1.0, 0.0).multiplier
        0.5
    """

    multiplier: float
    cosine: float
    stationarity: float


def stationarity(
    objective_constraint_dot: float, objective_sq_norm: float, constraint_sq_norm: float
) -> Stationarity:
    r"""Multiplier, cosine and relative residual of the stationarity condition g_r + lambda g_f = 0.

    .. math:: \hat\lambda = \max(-\langle g_r, g_f \rangle / \|g_f\|^2, 0), \quad
        s = \|g_r + \hat\lambda g_f\| / \|g_r\|
        = \sqrt{1 - \cos^2} \text{ if } \cos < 0, \text{ else } 1

    Args:
        objective_constraint_dot: <g_r, g_f>.
        objective_sq_norm: ||g_r||^2, >= 0.
        constraint_sq_norm: ||g_f||^2, >= 0.

    Returns:
        `Stationarity`; its stationarity is 0 where g_r = 0, its multiplier 0 where g_f = 0, and
        everything is nan where an argument is not finite.

    Raises:
        ValueError: A squared norm is negative.

    Example:
        >>> stationarity(-2.0, 1.0, 4.0)
        Stationarity(multiplier=0.5, cosine=-1.0, stationarity=0.0)
        >>> stationarity(0.0, 0.0, 4.0)
        Stationarity(multiplier=0.0, cosine=nan, stationarity=0.0)

    References:
        Gong, Liu and Liu, Bi-objective trade-off with dynamic barrier gradient descent, 2021.
    """
    dot, rr, ff = map(float, (objective_constraint_dot, objective_sq_norm, constraint_sq_norm))
    if rr < 0.0 or ff < 0.0:
        raise ValueError(
            f"Squared norms must be >= 0, but {rr} and {ff} were given: pass <g_r, g_f>, "
            "||g_r||^2, ||g_f||^2 in this order."
        )
    if not all(map(math.isfinite, (dot, rr, ff))):
        return Stationarity(math.nan, math.nan, math.nan)
    multiplier = max(0.0, -dot / ff) if ff > 0.0 else 0.0
    if rr == 0.0:
        return Stationarity(multiplier, math.nan, 0.0)
    if ff == 0.0:
        return Stationarity(multiplier, math.nan, 1.0)
    # Rounding can push the quotient past 1; two roots, because rr * ff can underflow.
    cosine = min(max(dot / (math.sqrt(rr) * math.sqrt(ff)), -1.0), 1.0)
    return Stationarity(multiplier, cosine, math.sqrt(1.0 - cosine**2) if cosine < 0.0 else 1.0)


def _points(points: Any, name: str = "points") -> Float[np.ndarray, "n 2"]:
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"{name} must be [N, 2], but the shape is {points.shape}: give one (f_f, f_r) pair a "
            "row."
        )
    if not np.isfinite(points).all():
        raise ValueError(
            f"{name} must be finite, but {int((~np.isfinite(points)).any(axis=1).sum())} of "
            f"{len(points)} are not: leave undefined solutions out."
        )
    return points
