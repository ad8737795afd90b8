"""Rates in continuous time, by integrating small steps of the direction itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.optim import epsilon_constraint

RATE = 1e-3


def flow(tx, objective, constraint, start, steps, every, rate=RATE):
    """Along x' = -d, once every so many steps: time, the constraint, ‖d‖² + ‖g_f‖²."""

    def step(carry, _):
        x, state = carry
        value, grad = jax.value_and_grad(constraint)(x)
        direction, state = tx.update(
            jax.grad(objective)(x), state, constraint_grad=grad, constraint_value=value
        )
        stationarity = jnp.sum(direction**2) + jnp.sum(grad**2)
        return (x - rate * direction, state), (value, stationarity)

    def block(carry, _):
        return jax.lax.scan(step, carry, length=every)[0], step(carry, None)[1]

    with jax.enable_x64(True):
        start = jnp.asarray(start, jnp.float64)
        run = jax.jit(lambda c: jax.lax.scan(block, c, length=steps // every)[1])
        value, stationarity = (np.asarray(x) for x in run((start, tx.init(start))))
    return rate * every * np.arange(len(value)), value, stationarity


def objective(x):
    return 0.5 * jnp.sum((x - jnp.array([2.0, -1.0])) ** 2)


def bowl(x):
    return 0.5 * jnp.sum(x**2)


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_pareto_phase_with_delta_one_decays_exponentially(beta):
    epsilon = 0.5
    tx = epsilon_constraint(epsilon, beta=beta)
    time, value, _ = flow(tx, objective, bowl, [2.0, -1.0], 4000, 200)
    excess = np.maximum(value - epsilon, 0)
    assert excess[0] == pytest.approx(2.0)
    bound = excess[0] * np.exp(-beta * time)
    np.testing.assert_array_less(excess, bound * (1 + 1e-3) + 1e-9)
    # Here the constraint is active all the way, so the bound is the rate itself.
    np.testing.assert_allclose(excess, bound, rtol=2e-2)


def test_pareto_phase_with_delta_above_one_decays_as_a_power():
    epsilon, beta, delta = 0.5, 2.0, 2.0
    tx = epsilon_constraint(epsilon, beta=beta, delta=delta)
    time, value, _ = flow(tx, objective, bowl, [2.0, -1.0], 40000, 2000)
    excess = value - epsilon
    # u' = -β u^δ: u = (u₀^(1-δ) + (δ-1) β t)^(-1/(δ-1)), which is t^(-1/(δ-1)) in the end
    np.testing.assert_allclose(excess, 1 / (1 / excess[0] + beta * time), rtol=2e-2)


def test_pareto_phase_with_delta_below_one_arrives_in_finite_time():
    epsilon, beta, delta = 0.5, 1.0, 0.5
    tx = epsilon_constraint(epsilon, beta=beta, delta=delta)
    time, value, _ = flow(tx, objective, bowl, [2.0, -1.0], 6000, 100)
    arrival = 2.0 ** (1 - delta) / (beta * (1 - delta))
    excess = value - epsilon
    assert (excess[time < 0.9 * arrival] > 1e-3).all()
    assert (np.abs(excess[time > arrival + 0.1]) < 1e-3).all()


def test_pareto_phase_comes_to_the_bound_from_below_as_well():
    tx = epsilon_constraint(0.5, beta=2.0)
    _, value, _ = flow(tx, objective, bowl, [0.1, 0.0], 6000, 200)
    assert value[0] < 0.01 and (np.diff(value) > -1e-9).all()
    assert value[-1] == pytest.approx(0.5, abs=1e-3)


def pull(x):
    return -3.0 * x[0]


def valley(x):
    return 0.25 * x[0] ** 4


@pytest.mark.parametrize(("tau", "power"), [(2.0, 1 / 2), (3.0, 2 / 3)])
def test_boundary_phase_comes_to_rest_as_a_power_of_time(tau, power):
    """‖d‖² + ‖g_f‖² = O(t^-min(2/τ, 1-1/τ)): a quartic valley, and a steady pull out of it."""
    tx = epsilon_constraint(None, alpha=1.0, tau=tau)
    time, _, stationarity = flow(tx, pull, valley, [1.0], 50000, 1000)
    late = time > 10
    slope = np.polyfit(np.log(time[late]), np.log(stationarity[late]), 1)[0]
    assert slope <= -power
    # g_f = x³ and x' = -x^(3(τ-1)), so that here ‖g_f‖² falls as t^(-6/(3τ-4))
    assert slope == pytest.approx(-6 / (3 * tau - 4), rel=0.1)


def test_boundary_phase_with_tau_one_never_comes_to_rest():
    tx = epsilon_constraint(None, alpha=1.0, tau=1.0)
    _, value, stationarity = flow(tx, pull, valley, [1.0], 5000, 100)
    assert value[-1] < 1e-10  # arrives, and then jumps to and fro at full speed
    assert stationarity[-10:].min() > 0.9


def test_boundary_phase_with_tau_four_diverges_where_three_does_not():
    for tau, diverges in ((3.0, False), (4.0, True)):
        tx = epsilon_constraint(None, alpha=1.0, tau=tau)
        _, value, _ = flow(tx, pull, valley, [3.0], 1000, 100, rate=5e-3)
        settled = bool(np.isfinite(value[-1]) and value[-1] < 1e-3)
        assert settled != diverges
