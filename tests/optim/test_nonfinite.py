"""Non-finite inputs, one by one: a zero direction, an unmoved state, parameters bit-identical."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax.optim import (
    constrained,
    constraint_state,
    epsilon_constraint,
    skip_nonfinite,
)

PARAMS = {"w": jnp.array([1.0, -2.0, 3.0]), "b": jnp.array(0.5)}
INPUTS = ("objective_grad", "constraint_grad", "constraint_value")


def inputs(seed):
    keys = jax.random.split(jax.random.key(seed), 5)
    shapes = [(3,), (), (3,), ()]
    w_r, b_r, w_f, b_f = (jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=False))
    return {
        "objective_grad": {"w": w_r, "b": b_r},
        "constraint_grad": {"w": w_f, "b": b_f},
        "constraint_value": jax.random.uniform(keys[4]),
    }


def spoiled(which, bad):
    given = inputs(7)
    if which == "constraint_value":
        return given | {which: jnp.array(bad)}
    return given | {which: given[which] | {"w": given[which]["w"].at[1].set(bad)}}


def assert_same(left, right):
    def bits(x):
        return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    jax.tree.map(lambda a, b: np.testing.assert_array_equal(bits(a), bits(b)), left, right)


@functools.cache
def compiled(tx):
    return jax.jit(tx.update)


def apply(tx, state, given):
    updates, state = compiled(tx)(
        given["objective_grad"],
        state,
        PARAMS,
        constraint_grad=given["constraint_grad"],
        constraint_value=given["constraint_value"],
    )
    return updates, state


ALONE = {
    decay: epsilon_constraint(0.1, gradient_decay=decay, value_decay=decay) for decay in (0.0, 0.9)
}
WHOLE = constrained(optax.adamw(0.1, weight_decay=0.1), 0.1, clip=1.0, gradient_decay=0.9)


@pytest.mark.parametrize("which", INPUTS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_alone_gives_a_zero_direction_and_an_unmoved_state(which, bad, decay):
    tx = ALONE[decay]
    _, before = apply(tx, tx.init(PARAMS), inputs(0))
    direction, after = apply(tx, before, spoiled(which, bad))
    assert_same(direction, jax.tree.map(jnp.zeros_like, PARAMS))
    assert int(after.notfinite_count) == 1
    assert_same(after._replace(notfinite_count=before.notfinite_count), before)


@pytest.mark.parametrize("which", INPUTS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_constrained_with_adamw_keeps_parameters_and_state_bit_for_bit(which, bad):
    tx = WHOLE
    _, before = apply(tx, tx.init(PARAMS), inputs(0))
    updates, after = apply(tx, before, spoiled(which, bad))
    assert_same(optax.apply_updates(PARAMS, updates), PARAMS)
    assert int(after.notfinite_count) == 1
    assert_same(after.inner_state, before.inner_state)
    # and the next good step is the one that would have come without the bad one
    assert_same(apply(tx, after, inputs(1))[0], apply(tx, before, inputs(1))[0])


@pytest.mark.parametrize("which", INPUTS)
def test_constrained_is_the_skipped_chain_bit_for_bit(which):
    """In less memory; also with an optimizer whose state has None, integers and a key in it."""
    base = optax.chain(
        optax.add_noise(0.1, 0.5, jax.random.key(0)), optax.adamw(0.1), optax.ema(0.5)
    )
    one = constrained(base, 0.1, clip=2.0)
    other = skip_nonfinite(
        optax.chain(epsilon_constraint(0.1), optax.clip_by_global_norm(2.0), base)
    )
    states = [one.init(PARAMS), other.init(PARAMS)]
    for given in (inputs(0), spoiled(which, np.nan), inputs(1)):
        (a, states[0]), (b, states[1]) = (
            apply(tx, state, given) for tx, state in zip((one, other), states, strict=True)
        )
        assert_same(a, b)
        assert_same(jax.tree.leaves(states[0]), jax.tree.leaves(states[1]))
    assert int(states[0].notfinite_count) == 1


def test_a_zero_direction_alone_would_have_moved_the_parameters():
    tx = optax.chain(epsilon_constraint(0.1), optax.adamw(0.1))
    _, state = apply(tx, tx.init(PARAMS), inputs(0))
    updates, _ = apply(tx, state, spoiled("constraint_grad", np.nan))
    assert max(float(jnp.abs(u).max()) for u in jax.tree.leaves(updates)) > 0.01


OVERFLOWING = {
    "constrained": constrained(optax.adamw(0.1), None, tau=8.0),
    "skip_nonfinite": skip_nonfinite(
        optax.chain(epsilon_constraint(None, tau=8.0), optax.adamw(0.1))
    ),
}


@pytest.mark.parametrize("name", OVERFLOWING)
def test_an_overflowing_multiplier_skips_the_whole_step(name):
    tx = OVERFLOWING[name]
    _, before = apply(tx, tx.init(PARAMS), inputs(0))
    given = inputs(1)
    given["constraint_grad"] = jax.tree.map(lambda g: g * 1e12, given["constraint_grad"])
    updates, after = apply(tx, before, given)
    assert_same(updates, jax.tree.map(jnp.zeros_like, PARAMS))
    assert_same(after.inner_state, before.inner_state)
    assert int(after.notfinite_count) == 1


def test_state_reports_what_the_rule_saw():
    tx = epsilon_constraint(0.25)
    given = inputs(3)
    direction, state = apply(tx, tx.init(PARAMS), given)
    g_r, g_f = (
        np.concatenate([np.ravel(x) for x in jax.tree.leaves(given[k])]) for k in INPUTS[:2]
    )
    value = float(given["constraint_value"])
    multiplier = max((5 * (value - 0.25) - g_r @ g_f) / (g_f @ g_f), 0.0)
    assert float(state.multiplier) == pytest.approx(multiplier, rel=1e-5)
    assert float(state.violation) == pytest.approx(value - 0.25, rel=1e-6)
    cosine = g_r @ g_f / np.linalg.norm(g_r) / np.linalg.norm(g_f)
    assert float(state.cosine) == pytest.approx(cosine, rel=1e-5)
    flat = np.concatenate([np.ravel(x) for x in jax.tree.leaves(direction)])
    np.testing.assert_allclose(flat, g_r + multiplier * g_f, rtol=1e-5)
    assert constraint_state((state, {"other": 1})) is state
