"""What every public transform promises to Optax code that knows nothing about it."""

import functools
import inspect
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from cu_jax.optim import constrained, epsilon_constraint, skip_nonfinite

EPSILON = 0.4
STATIC = ("boundary_steps", "gradient_decay", "value_decay")


def chained(epsilon):
    return optax.chain(epsilon_constraint(epsilon), optax.adam(0.1))


TRANSFORMS = {
    "plain": epsilon_constraint,
    "boundary": lambda epsilon: epsilon_constraint(None),
    "phases": functools.partial(epsilon_constraint, boundary_steps=2),
    "means": functools.partial(epsilon_constraint, gradient_decay=0.9, value_decay=0.5),
    "integral": functools.partial(epsilon_constraint, integral_gain=0.1),
    "several": functools.partial(epsilon_constraint, num_constraints=2),
    "several_means": functools.partial(
        epsilon_constraint, num_constraints=2, gradient_decay=0.9, value_decay=0.5
    ),
    "skip_nonfinite": lambda epsilon: skip_nonfinite(chained(epsilon)),
    "constrained": lambda epsilon: constrained(optax.adamw(0.1), epsilon, clip=1.0),
}
every_transform = pytest.mark.parametrize("name", TRANSFORMS)


def params(dtype=jnp.float32):
    return {"w": jnp.arange(6.0).reshape(2, 3).astype(dtype), "b": jnp.ones(3, dtype)}


def gradient(seed, dtype=jnp.float32):
    keys = jax.random.split(jax.random.key(seed))
    shapes = {"w": (2, 3), "b": (3,)}
    return {
        n: jax.random.normal(k, s).astype(dtype)
        for (n, s), k in zip(shapes.items(), keys, strict=True)
    }


def extras(name, seed, dtype=jnp.float32):
    value = jax.random.uniform(jax.random.key(seed)).astype(dtype)
    if not name.startswith("several"):
        return {"constraint_grad": gradient(seed + 100, dtype), "constraint_value": value}
    grads = [gradient(seed + 100, dtype), gradient(seed + 200, dtype)]
    return {"constraint_grad": grads, "constraint_value": [value, 1 - value]}


def step(tx, name, state, seed, dtype=jnp.float32, **more):
    given = extras(name, seed, dtype)
    return tx.update(gradient(seed, dtype), state, params(dtype), **given, **more)


def run(tx, name, seeds, state=None):
    """Updates for a few seeds, each in one jitted call; and the last state."""
    update, results = jax.jit(functools.partial(step, tx, name)), []
    state = tx.init(params()) if state is None else state
    for seed in seeds:
        updates, state = update(state, seed)
        results.append(updates)
    return results, state


def assert_close(left, right, rtol=1e-5):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6), left, right)


def assert_equal(left, right):
    assert jax.tree.structure(left) == jax.tree.structure(right)
    jax.tree.map(np.testing.assert_array_equal, left, right)


@every_transform
def test_accepts_unknown_extra_args_and_compiles_once(name):
    tx = TRANSFORMS[name](EPSILON)
    update = jax.jit(lambda state, seed: step(tx, name, state, seed, unknown_to_all=1))
    state = tx.init(params())
    for seed in range(3):
        updates, state = update(state, seed)
    assert update._cache_size() == 1
    expected, expected_state = run(tx, name, range(3))
    assert_equal((updates, state), (expected[-1], expected_state))


@every_transform
def test_scan_equals_a_loop_and_cond_keeps_types(name):
    tx = TRANSFORMS[name](EPSILON)

    def body(state, seed):
        new_updates, new_state = step(tx, name, state, seed)
        kept = jax.tree.map(jnp.zeros_like, new_updates), state
        updates, state = jax.lax.cond(seed >= 0, lambda: (new_updates, new_state), lambda: kept)
        return state, updates

    state, updates = jax.jit(lambda s: jax.lax.scan(body, s, jnp.arange(4)))(tx.init(params()))
    expected, expected_state = run(tx, name, range(4))
    assert_close(jax.tree.map(lambda u: u[-1], updates), expected[-1])
    assert_close(state, expected_state)


@every_transform
def test_vmap_over_epsilon_equals_one_by_one(name):
    epsilons = jnp.array([0.1, 0.5, 5.0])

    def last(epsilon):
        tx = TRANSFORMS[name](epsilon)  # the factory is built inside jit with a traced number

        def body(state, seed):
            updates, state = step(tx, name, state, seed)
            return state, updates

        return jax.lax.scan(body, tx.init(params()), jnp.arange(3))

    together, one = jax.jit(jax.vmap(last))(epsilons), jax.jit(last)
    assert_close(together, jax.tree.map(lambda *x: jnp.stack(x), *map(one, epsilons)))


@every_transform
def test_map_params_reaches_what_is_like_the_parameters(name):
    tx = TRANSFORMS[name](EPSILON)
    _, state = run(tx, name, range(2))
    doubled = optax.tree.map_params(tx, lambda p: 2 * p, state)
    shapes = {p.shape for p in jax.tree.leaves(params())}
    for new, old in zip(jax.tree.leaves(doubled), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(new, 2 * old if old.shape in shapes else old)


@every_transform
def test_donated_state_gives_the_same(name):
    tx = TRANSFORMS[name](EPSILON)
    expected, expected_state = run(tx, name, range(2))
    update = jax.jit(functools.partial(step, tx, name), donate_argnums=0)
    # Two scalars of a fresh state may not share a buffer: a copy of each leaf, as a loop has them.
    first = jax.tree.map(jnp.copy, tx.init(params()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Some donated buffers were not usable"
        _, second = update(first, 0)
        updates, third = update(second, 1)
    assert_equal((updates, third), (expected[-1], expected_state))
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(second))


@every_transform
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_dtypes_are_kept(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        tx = TRANSFORMS[name](EPSILON)
        updates, state = step(tx, name, tx.init(params(dtype)), 0, dtype)
        assert {u.dtype for u in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
        before = jax.tree.map(lambda x: (x.shape, x.dtype), tx.init(params(dtype)))
        assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == before
        wide = jnp.dtype("float64" if dtype == "float64" else "float32")
        found = optax.tree.get(state, "multiplier")
        assert found.dtype == wide


@every_transform
def test_restored_by_orbax_continues_bit_for_bit(name, tmp_path):
    tx = TRANSFORMS[name](EPSILON)
    expected, expected_state = run(tx, name, range(4))
    _, state = run(tx, name, range(2))
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", state)
        checkpointer.wait_until_finished()
        template = jax.eval_shape(tx.init, params())
        restored = checkpointer.restore(tmp_path / "state", template)
    updates, state = run(tx, name, range(2, 4), restored)
    assert_equal((updates[-1], state), (expected[-1], expected_state))


# The tests check every annotation at run time; without that check the transform's own sentence
# must be the one that says what is wrong.
factory_itself = inspect.unwrap(epsilon_constraint)


@pytest.mark.parametrize("num_constraints", [None, 2])
def test_inject_hyperparams_gives_the_same(num_constraints):
    name = "several" if num_constraints else "plain"
    kwargs = dict(epsilon=EPSILON, alpha=2.0, beta=3.0, tau=2.5, delta=1.5)
    plain = epsilon_constraint(**kwargs, num_constraints=num_constraints)
    injected = optax.inject_hyperparams(epsilon_constraint, (*STATIC, "num_constraints"))(
        **kwargs, num_constraints=num_constraints
    )
    updates, state = run(injected, name, range(3))
    expected, expected_state = run(plain, name, range(3))
    assert_close(updates, expected)
    assert_close(state.inner_state, expected_state)
    state.hyperparams["epsilon"] = jnp.float32(-5.0)
    _, tightened = run(injected, name, [3], state)
    _, loose = run(plain, name, [3], expected_state)
    assert np.all(tightened.inner_state.violation > loose.violation + 1)


@pytest.mark.parametrize("argument", STATIC)
def test_inject_hyperparams_may_not_trace_what_shapes_the_program(argument):
    static = tuple(a for a in STATIC if a != argument)
    factory = optax.inject_hyperparams(factory_itself, static_args=static)
    with pytest.raises(ValueError, match=f"{argument} must be a plain Python number.*static_args"):
        factory(epsilon=EPSILON).init(params())
