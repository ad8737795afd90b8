"""Several constraints: the quadratic program against scipy, and known multipliers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import nnls

from cu_jax.optim import (
    constrained,
    constraint_multiplier,
    constraint_multipliers,
    constraint_state,
    epsilon_constraint,
)

MOST = 16
KINDS = ("plain", "correlated", "duplicate", "zero", "scaled", "low_rank")


def random_problems(count=1000):
    """Gradients and demands that some direction satisfies, padded by zero gradients to m = 16."""
    rng = np.random.default_rng(0)
    problems = []
    for index in range(count):
        m, kind = 1 + index % MOST, KINDS[index // MOST % len(KINDS)]
        size = rng.choice([m + 2, 2 * m + 2, 50, 200])
        grads = rng.normal(size=(m, size))
        psi = 2 * rng.normal(size=m) * np.sqrt(size)
        if kind == "correlated":
            grads += 2 * rng.normal(size=size)
        if kind == "zero":
            grads[0] = 0
        if kind == "scaled":
            scales = 10.0 ** rng.uniform(-3, 3, size=m)
            grads, psi = grads * scales[:, None], psi * scales
        if kind == "low_rank":
            grads = rng.normal(size=(m, 1 + m // 2)) @ rng.normal(size=(1 + m // 2, size))
            psi = grads @ rng.normal(size=size)
        if kind == "duplicate":
            grads[m // 2] = grads[0]
            psi[m // 2] = psi[0]
        problems.append((kind, grads, rng.normal(size=size), psi))
    return problems


def padded(problems):
    grams = np.zeros((len(problems), MOST, MOST), np.float32)
    dots, psis = np.zeros((2, len(problems), MOST), np.float32)
    for i, (_, grads, objective, psi) in enumerate(problems):
        m = len(psi)
        grams[i, :m, :m], dots[i, :m], psis[i, :m] = grads @ grads.T, grads @ objective, psi
    return grams, dots, psis


def kkt_residual(gram, demand, multipliers):
    moved = gram @ multipliers
    gap = moved - demand
    residual = np.where(multipliers > 0, np.abs(gap), np.maximum(-gap, 0))
    size = np.linalg.norm(demand) + np.linalg.norm(moved)
    return np.linalg.norm(residual) / size if size else 0.0


def test_a_thousand_random_programs_against_scipy():
    problems = random_problems()
    grams, dots, psis = padded(problems)
    found, infeasible = jax.jit(jax.vmap(constraint_multipliers))(
        *map(jnp.asarray, (grams, dots, psis))
    )
    assert not infeasible.any()
    assert (found >= 0).all()
    compared = 0
    for i, (kind, grads, objective, psi) in enumerate(problems):
        m = len(psi)
        multipliers = np.asarray(found[i], np.float64)
        np.testing.assert_array_equal(multipliers[m:], 0)
        gram, demand = grams[i, :m, :m].astype(np.float64), (psis[i] - dots[i])[:m].astype(float)
        if kind == "zero":
            assert multipliers[0] == 0
            gram, demand, multipliers = gram[1:, 1:], demand[1:], multipliers[1:]
        multipliers = multipliers[: len(demand)]
        assert kkt_residual(gram, demand, multipliers) <= 1e-5
        if kind in ("plain", "correlated"):  # there λ is unique: min ‖Aᵀλ - A⁺c‖ over λ ≥ 0
            exact, _ = nnls(grads.T, np.linalg.lstsq(grads, psi - grads @ objective, rcond=None)[0])
            np.testing.assert_allclose(multipliers[:m], exact, atol=2e-3 * exact.max() + 1e-6)
            compared += 1
    assert compared > 300


def test_one_constraint_equals_the_closed_form():
    rng = np.random.default_rng(1)
    sq_norm, dot, psi = jnp.float32(rng.normal(size=(3, 200)) ** [[2.0], [1.0], [1.0]])
    several, infeasible = jax.jit(jax.vmap(constraint_multipliers))(
        sq_norm[:, None, None], dot[:, None], psi[:, None]
    )
    np.testing.assert_allclose(
        several[:, 0], constraint_multiplier(dot, sq_norm, psi), rtol=1e-6, atol=0
    )
    assert not infeasible.any()


# Unit gradients and what is asked of them; which of it cannot be had.
OPPOSED = {
    "both_fall": ([[1, 0], [-1, 0], [0, 1]], [1, 1, 1], [True, True, False]),
    "empty_interval": ([[1, 0], [-1, 0], [0, 1]], [1.0, -0.999, 5], [True, True, False]),
    "interval": ([[1, 0], [-1, 0], [0, 1]], [1, -1.001, 5], [False, False, False]),
    "three_around": ([[0, 1], [0.6, -0.8], [-0.6, -0.8]], [1, 1, 1], [True, True, True]),
    "one_not_asked": ([[1, 0], [-1, 0], [0, 1]], [1, -2, 1], [False, False, False]),
}


@pytest.mark.parametrize("case", OPPOSED)
def test_opposed_gradients_get_the_slack_solution_and_are_flagged(case):
    grads, psi, expected = OPPOSED[case]
    with jax.enable_x64(True):
        grads = jnp.array(grads, jnp.float64)
        gram, psi = grads @ grads.T, jnp.array(psi, jnp.float64)
        exact, infeasible = constraint_multipliers(gram, jnp.zeros(3), psi)
        assert infeasible.tolist() == expected
        slack = 1e-6 * jnp.diag(jnp.diag(gram)) if any(expected) else 0.0
        assert kkt_residual(np.asarray(gram + slack), np.asarray(psi), np.asarray(exact)) <= 1e-6
    # float32 rounds the slack by 5 % and amplifies it in λ of 1e6: finite and of the right size.
    gram32, psi32 = (jnp.float32(np.asarray(x)) for x in (gram, psi))
    rounded, infeasible = constraint_multipliers(gram32, jnp.zeros(3), psi32)
    assert infeasible.tolist() == expected
    np.testing.assert_allclose(rounded, np.asarray(exact), rtol=0.5 if any(expected) else 1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_is_not_hidden(bad):
    for gram, dots, psi in (
        (np.eye(2), np.zeros(2), np.array([bad, 1])),
        (np.eye(2), np.array([bad, 1]), np.zeros(2)),
        (np.array([[1, bad], [bad, 1]]), np.zeros(2), np.ones(2)),
    ):
        args = (jnp.float32(x) for x in (gram, dots, psi))
        assert np.isnan(constraint_multipliers(*args)[0]).all()


def test_two_requests_end_at_the_known_solution_and_multipliers():
    """min ½‖x-a‖² s.t. ½xᵢ² ≤ εᵢ for i = 0, 1: xᵢ = √(2εᵢ), λᵢ = aᵢ/xᵢ - 1, and x₂ = a₂."""
    target = jnp.array([2.0, 3.0, 1.0])
    epsilon = jnp.array([0.5, 2.0])
    tx = constrained(
        optax.adam(optax.cosine_decay_schedule(0.05, 1500)), epsilon, num_constraints=2
    )

    def step(carry, _):
        x, state = carry
        grads = [jnp.zeros(3).at[i].set(x[i]) for i in (0, 1)]
        updates, state = tx.update(
            x - target, state, x, constraint_grad=grads, constraint_value=0.5 * x[:2] ** 2
        )
        return (optax.apply_updates(x, updates), state), None

    start = jnp.zeros(3)
    (x, state), _ = jax.jit(lambda s: jax.lax.scan(step, s, length=1500))((start, tx.init(start)))
    np.testing.assert_allclose(x, [1.0, 2.0, 1.0], atol=1e-3)
    found = constraint_state(state)
    np.testing.assert_allclose(found.multiplier, [1.0, 0.5], atol=1e-3)
    np.testing.assert_allclose(found.violation, 0, atol=1e-3)
    assert found.infeasible.tolist() == [False, False]


def test_opposed_requests_are_reported_in_the_state():
    tx = epsilon_constraint(0.0, num_constraints=2)
    grad = jnp.array([1.0, 2.0])
    direction, state = tx.update(
        jnp.zeros(2), tx.init(grad), constraint_grad=[grad, -grad], constraint_value=[1.0, 1.0]
    )
    assert state.infeasible.tolist() == [True, True]
    assert np.isfinite(direction).all() and int(state.count) == 1


def test_one_of_several_equals_none():
    grads = [jnp.array([1.0, -2.0, 0.5]), jnp.array([0.3, 0.1, -1.0])]
    one = epsilon_constraint(0.2, num_constraints=1)
    none = epsilon_constraint(0.2)
    expected, state = none.update(
        grads[0], none.init(grads[0]), constraint_grad=grads[1], constraint_value=0.7
    )
    found, several = one.update(
        grads[0], one.init(grads[0]), constraint_grad=[grads[1]], constraint_value=[0.7]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    for name in ("epsilon", "multiplier", "violation", "cosine", "infeasible"):
        np.testing.assert_allclose(getattr(several, name), [getattr(state, name)], rtol=1e-6)
