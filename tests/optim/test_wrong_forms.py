"""The wrong orders of wrapping on one problem, and the results that they give.

min ‖x - (3, 4)‖² s.t. ‖x‖² ≤ 1: the answer is x = (0.6, 0.8) with λ = 4. The constraint comes in
two microbatches, ‖x ∓ (2, 0)‖² - 4, whose mean is ‖x‖².
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax.optim import constrained, constraint_state, epsilon_constraint

STEPS, EPSILON = 3000, 1.0
CENTERS = jnp.array([[2.0, 0.0], [-2.0, 0.0]])


def objective(x):
    return jnp.sum((x - jnp.array([3.0, 4.0])) ** 2)


def constraint(x, center):
    return jnp.sum((x - center) ** 2) - 4


def mean_constraint(x):
    return jnp.mean(jax.vmap(lambda c: constraint(x, c))(CENTERS))


def adam():
    return optax.adam(optax.cosine_decay_schedule(0.02, STEPS))


def end(tx, microbatches=False, spoiled=-1):
    """x and λ at the end; with ``microbatches`` the optimizer sees one center after the other."""

    def step(carry, index):
        x, state = carry
        fun = (lambda y: constraint(y, CENTERS[index % 2])) if microbatches else mean_constraint
        value, grad = jax.value_and_grad(fun)(x)
        grad = jnp.where(index == spoiled, jnp.nan, grad)
        updates, state = tx.update(
            jax.grad(objective)(x), state, x, constraint_grad=grad, constraint_value=value
        )
        return (optax.apply_updates(x, updates), state), None

    steps = STEPS * (2 if microbatches else 1)
    start = jnp.zeros(2)
    x, state = jax.jit(lambda c: jax.lax.scan(step, c, jnp.arange(steps))[0])(
        (start, tx.init(start))
    )
    return np.asarray(x), float(constraint_state(state).multiplier)


def test_right_order():
    x, multiplier = end(constrained(adam(), EPSILON, clip=1.0), spoiled=10)
    np.testing.assert_allclose(x, [0.6, 0.8], atol=1e-3)
    assert multiplier == pytest.approx(4.0, abs=1e-2)


def test_clipping_before_ends_with_a_multiplier_of_another_problem():
    clip_first = optax.chain(optax.clip_by_global_norm(1.0), epsilon_constraint(EPSILON), adam())
    x, multiplier = end(clip_first)
    np.testing.assert_allclose(x, [0.6, 0.8], atol=1e-3)
    assert multiplier == pytest.approx(0.5, abs=1e-2)


def test_multi_steps_around_ends_at_the_bound_of_the_last_microbatch():
    chain = optax.chain(epsilon_constraint(EPSILON), adam())
    x, _ = end(optax.MultiSteps(chain, every_k_schedule=2), microbatches=True)
    np.testing.assert_allclose(x, [-0.254, 1.397], atol=2e-3)  # its circle: ‖x + (2, 0)‖² = 5
    assert np.sum(x**2) == pytest.approx(2.02, abs=1e-2)  # twice what was allowed


def test_apply_if_finite_around_lets_a_bad_constraint_move_the_parameters():
    chain = optax.chain(epsilon_constraint(EPSILON), optax.adam(0.02))
    moved = {}
    for name, tx in (
        ("wrong", optax.apply_if_finite(chain, 5)),
        ("right", constrained(optax.adam(0.02), EPSILON)),
    ):
        x = jnp.array([2.0, 2.0])
        state = tx.init(x)
        for index in range(11):
            value, grad = jax.value_and_grad(mean_constraint)(x)
            grad = grad * jnp.nan if index == 10 else grad
            updates, state = tx.update(
                jax.grad(objective)(x), state, x, constraint_grad=grad, constraint_value=value
            )
            moved[name, index] = float(jnp.linalg.norm(updates))
            x = x + updates
    assert moved["right", 10] == 0
    assert moved["wrong", 10] == pytest.approx(0.86 * moved["wrong", 9], rel=0.1)
