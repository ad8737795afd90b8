"""Convex quadratics whose solution and multiplier are known: the transform must end at both."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax.optim import constraint_state, epsilon_constraint

SIZE = 50
SPECTRUM = np.geomspace(0.1, 1.0, SIZE)
rng = np.random.default_rng(0)
OBJECTIVE_MINIMUM = rng.normal(size=SIZE)
OBJECTIVE_MINIMUM *= 2 / np.linalg.norm(OBJECTIVE_MINIMUM)
# f_r = ½ (x-a)ᵀ H (x-a) and f_f = ½ xᵀ H₂ x, where H₂ has the spectrum of H reversed.
OBJECTIVE_WEIGHTS, CONSTRAINT_WEIGHTS = SPECTRUM, SPECTRUM[::-1].copy()


def objective(x):
    return 0.5 * jnp.sum(jnp.float32(OBJECTIVE_WEIGHTS) * (x - jnp.float32(OBJECTIVE_MINIMUM)) ** 2)


def constraint(x):
    return 0.5 * jnp.sum(jnp.float32(CONSTRAINT_WEIGHTS) * x**2)


def solution(epsilon):
    """x(λ) = (H + λ H₂)⁻¹ H a; bisection for f_f(x(λ)) = ε, in float64."""

    def point(lam):
        weights = OBJECTIVE_WEIGHTS + lam * CONSTRAINT_WEIGHTS
        return OBJECTIVE_WEIGHTS * OBJECTIVE_MINIMUM / weights

    def value(lam):
        return 0.5 * np.sum(CONSTRAINT_WEIGHTS * point(lam) ** 2)

    if value(0.0) <= epsilon:
        return point(0.0), 0.0
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if value(middle) > epsilon else (low, middle)
    return point(high), high


def train(base, start, epsilon, steps, **kwargs):
    tx = optax.chain(epsilon_constraint(epsilon, **kwargs), base)

    def step(carry, _):
        x, state = carry
        value, grad = jax.value_and_grad(constraint)(x)
        updates, state = tx.update(
            jax.grad(objective)(x), state, x, constraint_grad=grad, constraint_value=value
        )
        return (optax.apply_updates(x, updates), state), None

    return jax.lax.scan(step, (start, tx.init(start)), length=steps)[0]


BASES = {
    "sgd": lambda: optax.sgd(0.1),
    "adam": lambda: optax.adam(optax.cosine_decay_schedule(2e-2, 4000)),
}


@functools.cache
def trained(name):
    """All three ε from both starts in one compiled call."""
    starts = jnp.stack([jnp.zeros(SIZE), jnp.float32(OBJECTIVE_MINIMUM)])
    run = functools.partial(train, BASES[name](), steps=4000)
    over_epsilon = jax.vmap(run, in_axes=(None, 0))
    return jax.jit(jax.vmap(over_epsilon, in_axes=(0, None)))(starts, jnp.float32(EPSILONS))


EPSILONS = (0.02, 0.08, 0.2)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("start", [0, 1], ids=["feasible", "infeasible"])
@pytest.mark.parametrize("which", range(len(EPSILONS)), ids=[str(e) for e in EPSILONS])
def test_ends_at_the_known_solution_and_multiplier(name, start, which):
    point, multiplier = solution(EPSILONS[which])
    assert multiplier > 0.1, "the constraint must be active for this test to mean anything"
    x, state = trained(name)
    x = np.asarray(x[start, which], np.float64)
    best = 0.5 * np.sum(OBJECTIVE_WEIGHTS * (point - OBJECTIVE_MINIMUM) ** 2)
    reached = 0.5 * np.sum(OBJECTIVE_WEIGHTS * (x - OBJECTIVE_MINIMUM) ** 2)
    assert abs(reached - best) <= 1e-4 * best
    assert abs(constraint_state(state).multiplier[start, which] - multiplier) <= 1e-3
    assert np.abs(x - point).max() < 1e-3


@pytest.mark.parametrize("name", BASES)
def test_inactive_constraint_leaves_the_base_optimizer_bit_for_bit(name):
    # Op by op: inside one jit, XLA fuses two different programs differently and may contract a
    # multiply and an add into one rounding in one of them.
    start = jnp.float32(OBJECTIVE_MINIMUM) + 0.01
    epsilon = float(constraint(start)) + 0.05
    base = BASES[name]()
    tx = optax.chain(epsilon_constraint(epsilon, beta=1.0), base)
    objective_grad = jax.jit(jax.grad(objective))
    value_and_grad = jax.jit(jax.value_and_grad(constraint))
    x, plain, state, plain_state = start, start, tx.init(start), base.init(start)
    for _ in range(40):
        value, grad = value_and_grad(x)
        updates, state = tx.update(
            objective_grad(x), state, x, constraint_grad=grad, constraint_value=value
        )
        x = optax.apply_updates(x, updates)
        updates, plain_state = base.update(objective_grad(plain), plain_state, plain)
        plain = optax.apply_updates(plain, updates)
        assert float(state[0].multiplier) == 0
        np.testing.assert_array_equal(x, plain)
    assert float(jnp.abs(x - start).max()) > 1e-3
