r"""Multipliers of several constraints: a small quadratic program, solved inside jit.

With Gram matrix :math:`G_{ij} = \langle g_i, g_j\rangle` of the constraints' gradients and
:math:`b_i = \langle g_r, g_i\rangle`, the direction :math:`d = g_r + \sum_i \lambda_i g_i` nearest
to :math:`g_r` with :math:`\langle g_i, d\rangle \ge \psi_i` has the multipliers

.. math:: \arg\min_{\lambda\ge0} \tfrac12 \lambda^\top G \lambda - \lambda^\top(\psi - b) .

References:
    Lawson and Hanson, *Solving Least Squares Problems*, 1974, chapter 23 (the active-set method).
    Rockafellar, *Monotone Operators and the Proximal Point Algorithm*, 1976.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

SLACK = 1e-6
"""Weight of the slack, relative to the squared norm of each constraint's gradient."""
TOLERANCE = 1e-5
"""Relative residual of the KKT conditions below which a problem counts as solved."""
_Carry = tuple[Array, Array, Array, Array]  # newest, previous and best multipliers; step
_PROXIMAL_STEPS = 6
_CONVERGED = 1e-6
_REFINEMENTS = 4


def constraint_multipliers(
    gram: Float[Array, "m m"], objective_dots: Float[Array, " m"], psi: Float[Array, " m"]
) -> tuple[Float[Array, " m"], Bool[Array, " m"]]:
    r"""Multipliers of m constraints, and which of them no direction satisfies.

    Gradients are normalized first and zero ones dropped. Where no direction satisfies all
    constraints (opposed gradients, say) the multipliers are those of the problem with slack,
    :math:`G + 10^{-6}\,\mathrm{diag}\,G`, which are finite.

    Args:
        gram: G ``[m, m]``, symmetric and positive semi-definite up to rounding, float32 or float64.
        objective_dots: b ``[m]``.
        psi: ψ ``[m]``, the rate at which each constraint is asked to fall.

    Returns:
        λ ``[m]``, ≥ 0, and a bool ``[m]``, true for the constraints that cannot be met together.
        All-false means that λ solves the program: its KKT residual is below 1e-5 of
        ‖ψ - b‖ + ‖Gλ‖ unless λ is so large (nearly opposed gradients) that the dtype's rounding of
        λ alone makes up more. Residuals are taken in twice the dtype's digits.

    Note:
        A proximal point iteration from zero, each iterate found by an active-set method. The first
        iterate is the solution with slack. If the constraints can be met the later ones converge
        to the exact solution; if not they grow by a constant step for ever, which is how it is
        told. Gradients opposed to within 2e-7 (of 1 + their cosine) count as opposed.

    Example:
        >>> import jax.numpy as jnp
        >>> multipliers, infeasible = constraint_multipliers(
        ...     jnp.array([[4.0, 0.0], [0.0, 1.0]]), jnp.array([0.0, 3.0]), jnp.array([2.0, 1.0])
        ... )
        >>> [round(float(x), 5) for x in multipliers], infeasible
        ([0.5, 0.0], Array([False, False], dtype=bool))
    """
    sq_norms = jnp.diagonal(gram)
    nonzero = sq_norms > 0
    norms = jnp.sqrt(jnp.where(nonzero, sq_norms, 1))
    identity = jnp.eye(len(norms), dtype=gram.dtype)
    both = nonzero[:, None] & nonzero[None, :] & (identity == 0)
    unit_gram = jnp.where(both, gram / norms[:, None] / norms[None, :], identity)
    demand = jnp.where(nonzero, psi - objective_dots, 0)
    # A largest demand of one makes every tolerance below relative.
    largest = jnp.max(jnp.abs(demand / norms))
    scale = jnp.where(largest > 0, largest, 1)
    multipliers, infeasible = _proximal_point(unit_gram, demand / norms / scale)
    multipliers = multipliers * scale / norms
    refined = _refined(multipliers, jnp.where(nonzero, gram, 0), demand, unit_gram, norms)
    multipliers = jnp.where(jnp.any(infeasible), multipliers, refined)
    # Comparisons with NaN are false and would end the loops as if solved.
    defined = jnp.isfinite(largest) & jnp.all(jnp.isfinite(gram))
    return jnp.where(defined, multipliers, jnp.nan), infeasible


def _proximal_point(gram: Array, demand: Array) -> tuple[Array, Array]:
    """Multipliers, and which constraints cannot be met, for unit gradients and unit demand."""
    slack_gram = gram + SLACK * jnp.eye(len(demand), dtype=gram.dtype)
    zero = jnp.zeros_like(demand)
    with_slack = _nonnegative_solve(slack_gram, demand, zero)

    def residual(multipliers: Array) -> Array:
        """Of the KKT conditions, relative to the size of the problem."""
        moved = jnp.sum(gram * multipliers, axis=1)  # a matrix product may be shortened to TF32
        gap = moved - demand
        error = jnp.where(multipliers > 0, jnp.abs(gap), jnp.maximum(-gap, 0))
        size = jnp.linalg.norm(demand) + jnp.linalg.norm(moved)
        # What rounding makes of a large multiplier is no shortfall.
        rounding = jnp.finfo(gram.dtype).eps * jnp.max(jnp.sum(jnp.abs(gram) * with_slack, axis=1))
        return (jnp.linalg.norm(error) - rounding) / jnp.where(size > 0, size, 1)

    def moving(carry: _Carry) -> Array:
        new, old, _, step = carry
        return (step < _PROXIMAL_STEPS) & (
            jnp.max(jnp.abs(new - old)) > _CONVERGED * jnp.max(jnp.abs(new))
        )

    def proximal_step(carry: _Carry) -> _Carry:
        last, _, best, step = carry
        new = _nonnegative_solve(slack_gram, demand + SLACK * last, last)
        best = jnp.where(residual(new) < residual(best), new, best)
        return new, last, best, step + 1

    last, previous, best, _ = jax.lax.while_loop(
        moving, proximal_step, (with_slack, zero, with_slack, jnp.zeros((), jnp.int32))
    )
    growing = jnp.max(last - previous) > jnp.max(with_slack) / 3
    infeasible = growing & (residual(best) > TOLERANCE)
    # With slack a constraint is short by SLACK times its multiplier.
    short = infeasible & (with_slack > 0.05 * jnp.max(with_slack))
    return jnp.where(infeasible, with_slack, best), short


class _ActiveSet(NamedTuple):
    multipliers: Array  # [m], >= 0, and 0 outside the free set
    free: Array  # [m] bool, the multipliers that the linear system solves for
    refused: Array  # [m] bool, freed and at once driven below zero: rounding, not descent
    done: Array  # bool
    steps: Array  # int32


def _nonnegative_solve(matrix: Array, demand: Array, start: Array) -> Array:
    """Minimizes ½λᵀMλ - λᵀc over λ ≥ 0, M positive definite, by an active-set method."""
    count = len(demand)
    identity = jnp.eye(count, dtype=matrix.dtype)
    tolerance = 4 * jnp.finfo(matrix.dtype).eps

    def step(state: _ActiveSet) -> _ActiveSet:
        free, current = state.free, state.multipliers
        system = jnp.where(free[:, None] & free[None, :], matrix, identity)
        target = jnp.linalg.solve(system, jnp.where(free, demand, 0))
        blocking = free & (target <= 0)
        blocked = jnp.any(blocking)
        # Blocked: go toward the target until the first multiplier reaches zero, and drop it.
        ratios = current / jnp.where(blocking & (current > 0), current - target, 1)
        ratios = jnp.where(blocking, ratios, jnp.inf)
        reach = jnp.min(ratios)
        dropped = blocking & (ratios <= reach)
        moved = jnp.where(blocked, current + reach * (target - current), target)
        moved = jnp.maximum(jnp.where(free & ~dropped, moved, 0), 0)
        refused = state.refused | (dropped & (reach <= 0))
        # Not blocked: free the constraint that falls short most, or stop.
        shortfall = demand - jnp.sum(matrix * moved, axis=1)
        bound = tolerance * (jnp.abs(demand) + jnp.sum(jnp.abs(matrix) * moved, axis=1))
        candidates = ~free & ~refused & (shortfall > bound)
        grow = ~blocked & jnp.any(candidates)
        worst = jnp.argmax(jnp.where(candidates, shortfall, -jnp.inf))
        added = grow & (jnp.arange(count) == worst)
        done = ~blocked & ~grow
        return _ActiveSet(moved, (free & ~dropped) | added, refused, done, state.steps + 1)

    state = _ActiveSet(
        start, start > 0, jnp.zeros(count, bool), jnp.array(False), jnp.zeros((), jnp.int32)
    )
    limit = 6 * count + 6  # each constraint enters and leaves once or twice; never reached in tests
    return jax.lax.while_loop(lambda s: ~s.done & (s.steps < limit), step, state).multipliers


def _refined(
    multipliers: Array, gram: Array, demand: Array, unit_gram: Array, norms: Array
) -> Array:
    """The same solution with the rounding of its linear system taken out again."""
    free = multipliers > 0
    identity = jnp.eye(len(demand), dtype=gram.dtype)
    system = jnp.where(free[:, None] & free[None, :], unit_gram + SLACK * identity, identity)

    def error(multipliers: Array) -> tuple[Array, Array]:
        gap = _accurate_residual(gram, multipliers, demand) / norms
        return gap, jnp.linalg.norm(jnp.where(multipliers > 0, gap, jnp.maximum(gap, 0)))

    for _ in range(_REFINEMENTS):
        gap, before = error(multipliers)
        change = jnp.linalg.solve(system, jnp.where(free, gap, 0)) / norms
        moved = jnp.where(free, jnp.maximum(multipliers + change, 0), 0)
        multipliers = jnp.where(error(moved)[1] < before, moved, multipliers)
    return multipliers


def _accurate_residual(matrix: Array, vector: Array, target: Array) -> Array:
    """``target - matrix @ vector`` with the rounding errors of all products and sums added back."""
    bits = jnp.finfo(matrix.dtype)

    def halves(x: Array) -> tuple[Array, Array]:
        high = jax.lax.reduce_precision(x, bits.nexp, bits.nmant // 2)
        return high, x - high

    # Halves of the digits multiply without rounding.
    terms = [-a * b for a in halves(matrix) for b in halves(vector)]
    total = jnp.concatenate([*terms, target[:, None]], axis=1)
    lost = jnp.zeros_like(target)
    while total.shape[1] > 1:
        total = jnp.pad(total, ((0, 0), (0, total.shape[1] % 2)))
        left, right = jnp.split(total, 2, axis=1)
        total = left + right
        above = total - left
        lost += jnp.sum((left - (total - above)) + (right - above), axis=1)
    return total[:, 0] + lost
