"""Eight devices with sharded parameters give what one device gives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import jax, jax.numpy as jnp, numpy as np, optax
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from cu_jax.optim import constrained, constraint_state, epsilon_constraint, skip_nonfinite
from cu_jax.optim import value_and_grads

assert jax.device_count() == 8, jax.devices()
mesh = jax.make_mesh((8,), ("d",), axis_types=(AxisType.Auto,))


def place(tree, axis):
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec(axis)))


def objective(params, x):
    return jnp.mean((jnp.tanh(x @ params["w"]) @ params["v"] - 1) ** 2)


def constraint(params, x):
    return jnp.mean((jnp.tanh(x @ params["w"]) @ params["v"] + 1) ** 2)


keys = jax.random.split(jax.random.key(0), 4)
params = {"w": jax.random.normal(keys[0], (16, 32)), "v": jax.random.normal(keys[1], (32, 8))}
batches = jax.random.normal(keys[2], (2, 32, 16))

for m, options in ((None, dict(gradient_decay=0.9)), (None, dict(microbatches=2)), (2, {})):
    microbatches = options.pop("microbatches", 1)
    tx = constrained(optax.adamw(0.01), 0.8, clip=1.0, num_constraints=m, **options)
    gradients = value_and_grads(objective, constraint, microbatches=microbatches)

    @jax.jit
    def step(params, state, retain, forget):
        values, (g_r, g_f) = gradients(params, retain, forget)
        given = dict(constraint_grad=g_f, constraint_value=values[1])
        if m:
            other = jax.tree.map(lambda a, b: a - 0.5 * b, g_f, g_r)
            given = dict(constraint_grad=[g_f, other], constraint_value=[values[1], values[1]])
        updates, state = tx.update(g_r, state, params, **given)
        return optax.apply_updates(params, updates), state

    def run(params, batches):
        state = jax.jit(tx.init)(params)
        for _ in range(5):
            params, state = step(params, state, *batches)
        return params, state

    alone = run(params, list(batches))
    sharded = run(place(params, "d"), [place(b, "d") for b in batches])
    leaf = sharded[0]["w"]
    assert len(leaf.sharding.device_set) == 8 and not leaf.is_fully_replicated
    assert np.all(constraint_state(alone[1]).multiplier >= 0)
    assert np.any(constraint_state(alone[1]).multiplier > 0)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5), alone, sharded
    )

# Explicit shardings, which are part of an array's type, and shard_map: a skipped step as well.
explicit = jax.make_mesh((8,), ("d",), axis_types=(AxisType.Explicit,))
wrapped = skip_nonfinite(optax.chain(epsilon_constraint(0.8), optax.adamw(0.01)))
for tx in (constrained(optax.adamw(0.01), 0.8), wrapped):

    def two_steps(w):
        state, moved = tx.init(w), []
        for bad in (0.0, jnp.nan):
            given = dict(constraint_grad=w + bad, constraint_value=jnp.float32(2))
            updates, state = tx.update(jnp.cos(w), state, w, **given)
            moved.append(updates)
        return moved

    plain = jax.jit(two_steps)(params["w"])
    assert np.any(plain[0]) and not np.any(plain[1])
    with jax.set_mesh(explicit):
        w = jax.device_put(params["w"], NamedSharding(explicit, PartitionSpec("d")))
        found = jax.jit(two_steps)(w)
        assert str(jax.typeof(found[0])) == str(jax.typeof(w))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), plain, found)
    spec = PartitionSpec("d")
    mapped = jax.shard_map(two_steps, mesh=mesh, in_specs=spec, out_specs=spec)
    good, bad = jax.jit(mapped)(params["w"])
    assert np.any(good) and not np.any(bad)
print("same")
"""


@pytest.mark.slow
def test_eight_devices_equal_one():
    root = str(Path(__file__).parents[2])
    flags = "--xla_force_host_platform_device_count=8"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "same"
