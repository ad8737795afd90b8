"""Phases, schedules, running means, the integral term, other control functions: step by step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax.optim import constraint_multiplier, epsilon_constraint

STEPS = 6
rng = np.random.default_rng(0)
OBJECTIVE, CONSTRAINT = (jnp.float32(g) for g in rng.normal(size=(2, STEPS, 4)))
VALUES = jnp.float32(rng.uniform(0.5, 1.5, size=STEPS))


def run(tx, steps=STEPS):
    """The states after each update."""
    state, states = tx.init(OBJECTIVE[0]), []
    for i in range(steps):
        _, state = tx.update(
            OBJECTIVE[i], state, constraint_grad=CONSTRAINT[i], constraint_value=VALUES[i]
        )
        states.append(state)
    return states


def multiplier(i, psi, g_r=None, g_f=None):
    g_r, g_f = (OBJECTIVE[i], CONSTRAINT[i]) if g_r is None else (g_r, g_f)
    return float(constraint_multiplier(g_r @ g_f, g_f @ g_f, psi))


def test_boundary_steps_come_first_and_the_schedule_counts_them():
    tx = epsilon_constraint(
        lambda step: 1.0 - 0.1 * step, alpha=2.0, tau=3.0, beta=4.0, boundary_steps=2
    )
    for i, state in enumerate(run(tx)):
        epsilon = 1.0 - 0.1 * i
        sq_norm = float(CONSTRAINT[i] @ CONSTRAINT[i])
        psi = 2.0 * sq_norm**1.5 if i < 2 else 4.0 * (float(VALUES[i]) - epsilon)
        assert float(state.epsilon) == pytest.approx(epsilon, rel=1e-6)
        assert float(state.violation) == pytest.approx(float(VALUES[i]) - epsilon, rel=1e-4)
        assert float(state.multiplier) == pytest.approx(multiplier(i, psi), rel=1e-4, abs=1e-6)
        assert int(state.count) == i + 1


def test_no_epsilon_is_the_boundary_phase_throughout():
    for i, state in enumerate(run(epsilon_constraint(None))):
        psi = 5.0 * float(CONSTRAINT[i] @ CONSTRAINT[i])
        assert float(state.multiplier) == pytest.approx(multiplier(i, psi), rel=1e-5)
        assert float(state.epsilon) == -np.inf and float(state.violation) == np.inf


def test_an_infinite_bound_never_binds():
    for state in run(epsilon_constraint(jnp.inf, integral_gain=0.5)):
        assert float(state.multiplier) == 0 and float(state.integral) == 0


def test_running_means_are_bias_corrected_and_enter_the_multiplier_only():
    decay, value_decay, beta = 0.8, 0.5, 3.0
    tx = epsilon_constraint(0.7, beta=beta, gradient_decay=decay, value_decay=value_decay)
    state = tx.init(OBJECTIVE[0])
    for i in range(STEPS):
        direction, state = tx.update(
            OBJECTIVE[i], state, constraint_grad=CONSTRAINT[i], constraint_value=VALUES[i]
        )

        def mean(series, rho, i=i):
            weights = rho ** np.arange(i, -1, -1)
            return np.tensordot(weights, np.asarray(series[: i + 1], np.float64), 1) / weights.sum()

        g_r, g_f = mean(OBJECTIVE, decay), mean(CONSTRAINT, decay)
        violation = float(mean(VALUES, value_decay)) - 0.7
        expected = max((beta * violation - g_r @ g_f) / (g_f @ g_f), 0)
        assert float(state.violation) == pytest.approx(violation, rel=1e-4)
        assert float(state.multiplier) == pytest.approx(expected, rel=1e-4, abs=1e-6)
        cosine = g_r @ g_f / np.linalg.norm(g_r) / np.linalg.norm(g_f)
        assert float(state.cosine) == pytest.approx(cosine, rel=1e-4)
        np.testing.assert_allclose(
            direction, OBJECTIVE[i] + expected * CONSTRAINT[i], rtol=1e-4, atol=1e-5
        )


def test_zero_decay_keeps_no_tree():
    state = epsilon_constraint(0.5).init(OBJECTIVE[0])
    assert state.objective_grad_mean is state.constraint_grad_mean is state.value_mean is None


def test_integral_term_adds_up_violations_after_the_boundary_phase_and_stays_above_zero():
    gain, beta, epsilon = 0.3, 2.0, 1.1
    tx = epsilon_constraint(epsilon, beta=beta, integral_gain=gain, boundary_steps=1)
    total, highest, below = 0.0, 0.0, 0
    for i, state in enumerate(run(tx)):
        violation = float(VALUES[i]) - epsilon
        if i >= 1:
            below += total + gain * violation < 0
            total = max(total + gain * violation, 0.0)
            highest = max(highest, total)
            expected = multiplier(i, beta * (violation + total))
            assert float(state.multiplier) == pytest.approx(expected, rel=1e-4, abs=1e-6)
        assert float(state.integral) == pytest.approx(total, rel=1e-5, abs=1e-7)
    assert highest > 0 and below > 0  # both branches were taken


def test_integral_term_removes_the_violation_that_noise_leaves():
    """Against a steady pull, with noise as large as the gradient, the plain rule ends above ε."""
    epsilon, steps = 0.5, 2000

    def final_value(gain):
        tx = optax.chain(
            epsilon_constraint(epsilon, beta=2.0, integral_gain=gain),
            optax.sgd(optax.cosine_decay_schedule(0.05, steps)),
        )

        def step(carry, key):
            x, state = carry
            grad = x + jax.random.normal(key, (8,)) * jnp.linalg.norm(x) / 8**0.5
            updates, state = tx.update(
                x - 1.0, state, constraint_grad=grad, constraint_value=0.5 * jnp.sum(x**2)
            )
            return (optax.apply_updates(x, updates), state), None

        keys = jax.random.split(jax.random.key(0), steps)
        start = jnp.ones(8)
        (x, _), _ = jax.lax.scan(step, (start, tx.init(start)), keys)
        return float(0.5 * jnp.sum(x**2))

    assert final_value(0.0) - epsilon > 0.5
    assert abs(final_value(0.003) - epsilon) < 0.03


def test_other_control_functions_replace_the_papers():
    seen = []

    def boundary(value, epsilon, grad_sq_norm):
        seen.append("boundary")
        return 7.0 * jnp.sqrt(grad_sq_norm)

    def pareto(value, epsilon, grad_sq_norm):
        seen.append("pareto")
        return jnp.tanh(value - epsilon) * grad_sq_norm

    tx = epsilon_constraint(0.4, boundary_steps=1, boundary_psi=boundary, pareto_psi=pareto)
    for i, state in enumerate(run(tx, 2)):
        sq_norm = float(CONSTRAINT[i] @ CONSTRAINT[i])
        psi = 7.0 * sq_norm**0.5 if i == 0 else np.tanh(float(VALUES[i]) - 0.4) * sq_norm
        assert float(state.multiplier) == pytest.approx(multiplier(i, psi), rel=1e-4, abs=1e-6)
    assert set(seen) == {"boundary", "pareto"}


def test_each_of_several_constraints_has_its_own_bound_and_psi():
    epsilon = jnp.array([0.2, 0.9])
    tx = epsilon_constraint(
        epsilon, num_constraints=2, beta=2.0, value_decay=0.5, integral_gain=0.1
    )
    state = tx.init(OBJECTIVE[0])
    orthogonal = [jnp.array([1.0, 0, 0, 0]), jnp.array([0, 2.0, 0, 0])]
    for value in ([1.0, 1.0], [0.5, 0.5]):
        _, state = tx.update(
            jnp.zeros(4), state, constraint_grad=orthogonal, constraint_value=value
        )
    means = np.full(2, (0.5 * 1.0 + 0.5) / 1.5)
    violation = means - np.asarray(epsilon)
    integral = np.maximum(0.1 * (1.0 - np.asarray(epsilon)) + 0.1 * violation, 0)
    np.testing.assert_allclose(state.violation, violation, rtol=1e-5)
    np.testing.assert_allclose(state.integral, integral, rtol=1e-5)
    expected = np.maximum(2.0 * (violation + integral) / np.array([1.0, 4.0]), 0)
    np.testing.assert_allclose(state.multiplier, expected, rtol=1e-5, atol=1e-6)


def test_a_bound_as_a_schedule_for_several_constraints():
    tx = epsilon_constraint(lambda step: jnp.array([1.0, 2.0]) * (step + 1), num_constraints=2)
    state = tx.init(OBJECTIVE[0])
    for step in range(2):
        _, state = tx.update(
            OBJECTIVE[0],
            state,
            constraint_grad=[CONSTRAINT[0], CONSTRAINT[1]],
            constraint_value=[0.0, 0.0],
        )
        np.testing.assert_allclose(state.epsilon, np.array([1.0, 2.0]) * (step + 1))
