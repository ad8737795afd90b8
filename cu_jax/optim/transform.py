"""The transform: two gradients and a value in, one direction out."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from cu_jax.optim import multiplier as rule
from cu_jax.optim.checks import check_coefficients, check_count, check_decay, check_epsilon
from cu_jax.optim.estimates import estimate
from cu_jax.optim.inner_products import accumulation_dtype
from cu_jax.optim.inputs import constraint_inputs
from cu_jax.optim.multiplier import ControlFunction, constraint_multiplier
from cu_jax.optim.multipliers import constraint_multipliers
from cu_jax.optim.running_means import empty_mean
from cu_jax.optim.state import EpsilonConstraintState

Epsilon = ArrayLike | Callable[[ArrayLike], ArrayLike] | None
"""A number, an array, a schedule of the step, or ``None`` for the boundary phase throughout."""


def epsilon_constraint(
    epsilon: Epsilon,
    *,
    alpha: ArrayLike = 5.0,
    beta: ArrayLike = 5.0,
    tau: ArrayLike = 2.0,
    delta: ArrayLike = 1.0,
    boundary_steps: int = 0,
    gradient_decay: float = 0.0,
    value_decay: float = 0.0,
    num_constraints: int | None = None,
    integral_gain: ArrayLike = 0.0,
    boundary_psi: ControlFunction | None = None,
    pareto_psi: ControlFunction | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Combines two gradients so that the objective falls subject to constraint ≤ ε.

    .. math::
        d = g_r + \lambda g_f, \qquad
        \lambda = \max\Big(\frac{\psi - \langle g_r, g_f\rangle}{\|g_f\|^2},\, 0\Big)

    with :math:`\psi = \alpha\|g_f\|^\tau` for the first ``boundary_steps`` updates (Phase I) and
    :math:`\psi = \beta\,\mathrm{sign}(f_f - \varepsilon)|f_f - \varepsilon|^\delta` after them
    (Phase II). The direction goes to a base optimizer: ``optax.chain(epsilon_constraint(0.5),
    optax.adamw(1e-4))``, or :func:`constrained`, which also skips non-finite steps whole.

    Args:
        epsilon: bound on the constraint: a number, a scalar array (traced or not), a schedule
            ``step -> number``, or ``None`` for Phase I throughout (the state then reports an
            epsilon of -inf and a violation of +inf).
        alpha: weight of ψ in Phase I, > 0.
        beta: weight of ψ in Phase II, > 0; learning rate times beta should stay below 1.
        tau: exponent in Phase I, ≥ 1.
        delta: exponent in Phase II, > 0.
        boundary_steps: number of Phase I updates that come first, ≥ 0.
        gradient_decay: decay in [0, 1) of bias-corrected running means of both gradients, used in
            λ only (the direction always takes the current gradients); 0 is the plain rule and
            keeps no extra tree.
        value_decay: the same for the constraint's value.
        num_constraints: ``None`` for one constraint; m ≥ 1 for m of them, each with its own ε and
            λ (:func:`constraint_multipliers`): then ``constraint_grad`` is a sequence of m trees,
            and ``constraint_value``, ``epsilon`` and the fields of the state have shape (m,).
        integral_gain: k ≥ 0 of an integral term in Phase II: ψ sees the value plus k times the sum
            of all violations so far (kept at 0 or above), which removes the lasting violation that
            noisy gradients cause. About ten divided by the number of steps; 0 is the plain rule.
        boundary_psi: another control function ``psi(value, epsilon, grad_sq_norm)`` for Phase I,
            elementwise in jax; ``alpha`` and ``tau`` are then unused.
        pareto_psi: the same for Phase II; ``beta`` and ``delta`` are then unused.

    Returns:
        A transformation whose update is ``update(objective_grad, state, params=None, *,
        constraint_grad, constraint_value, **extra_args) -> (direction, state)``, where
        ``constraint_grad`` is a tree like ``objective_grad`` and ``constraint_value`` a scalar.
        The direction has the dtypes of ``objective_grad``; unknown extra arguments are ignored.
        If an input, or λ, is not finite, the direction is zero and of the state
        (:class:`EpsilonConstraintState`) only ``notfinite_count`` moves.

    Raises:
        ValueError: if an argument breaks its rule (numbers that are traced are not looked at); by
            ``update``, if ``constraint_grad`` or ``constraint_value`` is missing or the trees
            differ.

    Note:
        A schedule sees the count of updates made, those of ``boundary_steps`` and none of the
        skipped ones among them. Inner products and λ are float32, or float64 if a gradient is; a
        gradient whose squared norm overflows there counts as not finite, and one whose squared
        norm underflows counts as zero.

    Example:
        Minimize (x-3)² subject to x² ≤ 1; the answer is x = 1 with λ = 2:

        >>> import jax, jax.numpy as jnp, optax
        >>> from cu_jax.optim import epsilon_constraint
        >>> tx = optax.chain(epsilon_constraint(1.0), optax.sgd(0.05))
        >>> x = jnp.array(0.0)
        >>> state = tx.init(x)
        >>> for _ in range(200):
        ...     value, grad = jax.value_and_grad(lambda x: x**2)(x)
        ...     direction, state = tx.update(
        ...         2 * (x - 3), state, constraint_grad=grad, constraint_value=value
        ...     )
        ...     x = optax.apply_updates(x, direction)
        >>> round(float(x), 3), round(float(state[0].multiplier), 3)
        (1.0, 2.0)

    References:
        Feng et al., ICLR 2025, arXiv:2408.01689; Gong, Liu and Liu, NeurIPS 2021.
    """
    check_coefficients(
        alpha=(alpha, 0.0, False),
        beta=(beta, 0.0, False),
        tau=(tau, 1.0, True),
        delta=(delta, 0.0, False),
        integral_gain=(integral_gain, 0.0, True),
    )
    check_count("boundary_steps", boundary_steps, 0)
    check_decay("gradient_decay", gradient_decay)
    check_decay("value_decay", value_decay)
    if num_constraints is not None:
        check_count("num_constraints", num_constraints, 1)
    check_epsilon(epsilon, num_constraints)
    shape = () if num_constraints is None else (num_constraints,)
    boundary = boundary_psi or functools.partial(rule.boundary_psi, alpha=alpha, tau=tau)
    pareto = pareto_psi or functools.partial(rule.pareto_psi, beta=beta, delta=delta)

    def epsilon_at(count: jax.Array, dtype: Any) -> jax.Array:
        bound = epsilon(count) if callable(epsilon) else -jnp.inf if epsilon is None else epsilon
        return jnp.broadcast_to(jnp.asarray(bound).astype(dtype), shape)

    def psi_at(count: jax.Array, *seen: jax.Array) -> jax.Array:
        if epsilon is None:
            return boundary(*seen)
        if boundary_steps == 0:
            return pareto(*seen)
        return jnp.where(count < boundary_steps, boundary(*seen), pareto(*seen))

    def integrated(state: EpsilonConstraintState, violation: jax.Array) -> jax.Array:
        if epsilon is None or (isinstance(integral_gain, (int, float)) and integral_gain == 0):
            return state.integral.astype(violation.dtype)
        moves = (state.count >= boundary_steps) & jnp.isfinite(violation)
        total = state.integral + jnp.where(moves, integral_gain * violation, 0)
        # Below zero it would wind up while a constraint is inactive, and answer late afterwards.
        return jnp.maximum(total, 0)

    def init_fn(params: optax.Params) -> EpsilonConstraintState:
        dtype = accumulation_dtype(params)
        count = jnp.zeros((), jnp.int32)
        constraint_like = params if num_constraints is None else (params,) * num_constraints
        return EpsilonConstraintState(
            count=count,
            epsilon=epsilon_at(count, dtype),
            multiplier=jnp.zeros(shape, dtype),
            violation=jnp.full(shape, jnp.inf, dtype),
            cosine=jnp.zeros(shape, dtype),
            notfinite_count=jnp.zeros((), jnp.int32),
            infeasible=jnp.zeros(shape, bool),
            integral=jnp.zeros(shape, dtype),
            objective_grad_mean=empty_mean(params, gradient_decay),
            constraint_grad_mean=empty_mean(constraint_like, gradient_decay),
            value_mean=empty_mean(jnp.zeros(shape, dtype), value_decay),
        )

    def update_fn(
        updates: optax.Updates,
        state: EpsilonConstraintState,
        params: optax.Params | None = None,
        *,
        constraint_grad: Any = None,
        constraint_value: Any = None,
        **extra_args: Any,
    ) -> tuple[optax.Updates, EpsilonConstraintState]:
        del params, extra_args
        grads, value = constraint_inputs(
            updates, constraint_grad, constraint_value, num_constraints
        )
        seen = estimate(
            state, updates, grads, value, gradient_decay=gradient_decay, value_decay=value_decay
        )
        bound = epsilon_at(state.count, seen.value.dtype)
        violation = seen.value - bound
        integral = integrated(state, violation)
        psi = psi_at(state.count, seen.value + integral, bound, seen.sq_norms)
        psi = jnp.asarray(psi).astype(seen.dots.dtype)
        if num_constraints is None:
            multiplier = constraint_multiplier(seen.dots, seen.gram, psi)
            infeasible = jnp.zeros((), bool)
        else:
            multiplier, infeasible = constraint_multipliers(seen.gram, seen.dots, psi)
        finite = seen.finite() & jnp.all(jnp.isfinite(multiplier))
        moved = state._replace(
            count=state.count + 1,
            epsilon=bound,
            multiplier=multiplier,
            violation=violation,
            cosine=seen.cosine,
            infeasible=infeasible,
            integral=integral,
            **seen.means,
        )
        stayed = state._replace(notfinite_count=state.notfinite_count + 1)
        state = jax.tree.map(
            lambda new, old: jnp.where(finite, new.astype(old.dtype), old), moved, stayed
        )
        return _combined(updates, grads, multiplier, finite), state

    return optax.GradientTransformationExtraArgs(init_fn, update_fn)


def _combined(objective: Any, constraints: Any, multiplier: jax.Array, finite: jax.Array) -> Any:
    """g_r + Σ λ_i g_i in the dtypes of g_r, or zeros where an input is not finite."""

    def combine(g_r: Any, *g_f: Any) -> jax.Array:
        dtype = jnp.result_type(g_r)
        total = jnp.asarray(g_r).astype(jnp.promote_types(dtype, multiplier.dtype))
        for one, grad in zip(many, g_f, strict=True):
            total = total + one * jnp.asarray(grad).astype(total.dtype)
        return jnp.where(finite, total, 0).astype(dtype)

    many = list(multiplier) if multiplier.ndim else [multiplier]
    trees = constraints if multiplier.ndim else (constraints,)
    return jax.tree.map(combine, objective, *trees)
