"""Both gradients: against jax.grad, by microbatches, and in how much memory."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.optim import joint_value_and_grads, value_and_grads

WIDTH, LAYERS, BATCH = 128, 4, 512


def forward(params, x):
    for w in params:
        x = jnp.tanh(x @ w)
    return x


def objective(params, batch, shift=0.0):
    return jnp.mean((forward(params, batch["x"]) - batch["y"] - shift) ** 2)


def constraint(params, batch, shift=0.0):
    return jnp.mean(jnp.abs(forward(params, batch["x"]) + batch["y"] + shift))


def params(dtype=jnp.float32):
    keys = jax.random.split(jax.random.key(0), LAYERS)
    return [jax.random.normal(k, (WIDTH, WIDTH)).astype(dtype) / WIDTH**0.5 for k in keys]


def batch(seed, size=24, dtype=jnp.float32):
    x, y = jax.random.normal(jax.random.key(seed), (2, size, WIDTH)).astype(dtype)
    return {"x": x, "y": y}


def assert_close(left, right, rtol):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(
            np.float32(a), np.float32(b), rtol=rtol, atol=rtol * float(jnp.abs(b).max())
        ),
        left,
        right,
    )


def test_each_loss_is_differentiated_on_its_own_batch():
    values, grads = value_and_grads(objective, constraint)(params(), batch(1), batch(2, 8), 0.5)
    for i, (loss, given) in enumerate(((objective, batch(1)), (constraint, batch(2, 8)))):
        value, grad = jax.value_and_grad(loss)(params(), given, 0.5)
        assert_close((values[i], grads[i]), (value, grad), 1e-6)


@pytest.mark.parametrize("microbatches", [2, 4])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_microbatches_equal_one_big_batch(microbatches, dtype):
    given = params(dtype), batch(1, 24, dtype), batch(2, 8, dtype)
    whole = value_and_grads(objective, constraint)(*given)
    parts = jax.jit(value_and_grads(objective, constraint, microbatches=microbatches))(*given)
    assert jax.tree.map(lambda x: x.dtype, parts) == jax.tree.map(lambda x: x.dtype, whole)
    assert_close(parts, whole, 1e-5 if dtype == "float32" else 3e-2)


def test_aux_is_returned_and_stacked_over_microbatches():
    def with_aux(params, batch):
        return jnp.mean(params * batch), {"first": batch[0]}

    given = jnp.array(2.0), jnp.arange(6.0), jnp.arange(4.0)
    values, grads, aux = value_and_grads(with_aux, with_aux, has_aux=True)(*given)
    assert [float(v) for v in values] == [5.0, 3.0]
    assert [float(g) for g in grads] == [2.5, 1.5]
    assert [float(a["first"]) for a in aux] == [0.0, 0.0]
    values, grads, aux = value_and_grads(with_aux, with_aux, has_aux=True, microbatches=2)(*given)
    assert [float(v) for v in values] == [5.0, 3.0]
    assert [a["first"].tolist() for a in aux] == [[0.0, 1.0], [0.0, 1.0]]  # every second example


def test_memory_is_that_of_a_microbatch_and_two_gradient_trees():
    shapes = jax.eval_shape(params), *(jax.eval_shape(lambda: batch(1, BATCH)) for _ in range(2))
    tree = 4 * LAYERS * WIDTH**2

    def temporary(function, *args):
        memory = jax.jit(function).lower(*args).compile().memory_analysis()
        return memory.temp_size_in_bytes, memory.output_size_in_bytes

    one_big, _ = temporary(value_and_grads(objective, constraint), *shapes)
    parts, outputs = temporary(value_and_grads(objective, constraint, microbatches=16), *shapes)
    micro = jax.eval_shape(lambda: batch(1, BATCH // 16))
    of_one, _ = temporary(jax.value_and_grad(objective), shapes[0], micro)
    # The gradients themselves are the output; a microbatch's own gradient is the one tree more.
    assert outputs < 2.01 * tree
    assert parts <= of_one + 1.2 * tree
    assert one_big > 2 * parts


@pytest.mark.parametrize("given", [0, -1, 1.5, True])
def test_microbatches_must_be_a_positive_integer(given):
    build = inspect.unwrap(value_and_grads)  # without the tests' run-time check of annotations
    with pytest.raises(ValueError, match=f"microbatches must be an integer.*got {given}"):
        build(objective, constraint, microbatches=given)


@pytest.mark.parametrize(
    "bad", [{"x": jnp.ones((3, 2)), "y": jnp.ones((4, 2))}, {"x": 1.0, "y": 1.0}]
)
def test_microbatches_must_divide_every_leaf(bad):
    f = value_and_grads(lambda p, b: jnp.sum(p), lambda p, b: jnp.sum(p), microbatches=2)
    with pytest.raises(ValueError, match=r"microbatches=2 divides, got shape \((3, 2)?\)"):
        f(jnp.ones(2), bad, bad)


@pytest.mark.parametrize("microbatches", [1, 2, 4])
def test_both_batches_in_one_pass_give_the_same_numbers(microbatches):
    """Objective and constraint as one loss: the same distance to other targets, with a shift."""

    def distance(params, x, y, shift):
        return jnp.mean((forward(params, x) - y - shift) ** 2)

    def loss(params, example, shift):
        x, y, sign = example
        return distance(params, x, y, sign * shift)

    def examples(first, second, shift):
        pairs = [jnp.stack([first[name], second[name]]) for name in "xy"]
        return *pairs, jnp.array([1.0, -1.0])

    def one(sign):
        return lambda p, given, shift: distance(p, given["x"], given["y"], sign * shift)

    given = params(), batch(1), batch(2), jnp.float32(0.5)
    apart = jax.jit(value_and_grads(one(1), one(-1)))(*given)
    together = joint_value_and_grads(loss, examples, microbatches=microbatches)
    assert_close(jax.jit(together)(*given), apart, 1e-5)
    assert float(apart[0][0]) != float(apart[0][1])


def test_no_gradient_flows_through_the_examples_of_one_pass():
    def examples(first, second, params):
        return jnp.stack([first * params, second * params])

    def f(params):
        both = joint_value_and_grads(lambda p, x, _: jnp.sum(p * x), examples)
        return both(params, jnp.ones(2), jnp.ones(2), params)[0][0]

    assert float(jax.grad(f)(jnp.float32(3.0))) == 6.0  # and not 12
