"""Which dtype each number is computed in, and what neither overflows nor rounds away."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax.optim import epsilon_constraint, skip_nonfinite


def direction_and_state(objective_grad, constraint_grad, value=1.0, epsilon=0.5, **kwargs):
    tx = epsilon_constraint(epsilon, **kwargs)
    return jax.jit(tx.update)(
        objective_grad,
        tx.init(objective_grad),
        constraint_grad=constraint_grad,
        constraint_value=value,
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_gradients_of_norm_1e4_do_not_overflow(dtype):
    rng = np.random.default_rng(0)
    g_r, g_f = (1e4 * x / np.linalg.norm(x) for x in rng.normal(size=(2, 1000)))
    g_r, g_f = jnp.asarray(g_r, dtype), jnp.asarray(g_f, dtype)
    assert not np.isfinite(jnp.sum(g_f * g_f)) or dtype == "bfloat16"  # as it would be in float16
    direction, state = direction_and_state(g_r, g_f, value=1e7)
    exact_r, exact_f = np.asarray(g_r, np.float64), np.asarray(g_f, np.float64)
    expected = (5 * (1e7 - 0.5) - exact_r @ exact_f) / (exact_f @ exact_f)
    assert float(state.multiplier) == pytest.approx(expected, rel=1e-5)
    assert direction.dtype == jnp.dtype(dtype) and np.isfinite(direction).all()
    error = np.abs(np.asarray(direction, np.float64) - (exact_r + expected * exact_f)).max()
    assert error <= float(jnp.finfo(dtype).eps) * np.abs(exact_r + expected * exact_f).max()


def test_many_small_terms_are_not_rounded_away():
    """2²⁵ ones: a running float32 sum would stop at 2²⁴."""
    ones = jnp.ones(2**25, jnp.bfloat16)
    _, state = direction_and_state(-ones, ones, value=0.5)
    assert float(state.multiplier) == pytest.approx(1.0, rel=1e-6)
    assert float(state.cosine) == pytest.approx(-1.0, rel=1e-6)


def test_float64_gradients_are_computed_in_float64():
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        g_r, g_f = jnp.asarray(rng.normal(size=(2, 100)))
        direction, state = direction_and_state(g_r, g_f, value=jnp.float64(0.7))
        expected = max((5 * (0.7 - 0.5) - g_r @ g_f) / (g_f @ g_f), 0)
        assert state.multiplier.dtype == jnp.float64
        assert float(state.multiplier) == pytest.approx(float(expected), rel=1e-14)
        np.testing.assert_allclose(direction, g_r + expected * g_f, rtol=1e-14)


def test_mixed_dtypes_keep_each_leaf():
    g_r = {"a": jnp.ones(2, jnp.bfloat16), "b": jnp.ones(3, jnp.float32)}
    direction, state = direction_and_state(g_r, jax.tree.map(jnp.negative, g_r))
    assert jax.tree.map(lambda x: x.dtype, direction) == jax.tree.map(lambda x: x.dtype, g_r)
    assert state.multiplier.dtype == jnp.float32


def test_running_means_of_bfloat16_gradients_are_kept_in_float32():
    grad = jnp.ones(4, jnp.bfloat16)
    _, state = direction_and_state(grad, grad, gradient_decay=0.999)
    assert state.constraint_grad_mean.dtype == jnp.float32
    np.testing.assert_allclose(state.constraint_grad_mean, 1e-3, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-10, 1.0, 1e10])
def test_kkt_of_the_direction_at_every_scale(scale):
    rng = np.random.default_rng(0)
    for constraint_scale in (1e-10, 1.0, 1e10):
        g_r, g_f = rng.normal(size=(2, 64)) * [[scale], [constraint_scale]]
        psi = constraint_scale * scale
        direction, state = direction_and_state(
            jnp.float32(g_r), jnp.float32(g_f), value=psi / 5, epsilon=0.0
        )
        multiplier = float(state.multiplier)
        size = np.linalg.norm(g_r) * np.linalg.norm(g_f) + multiplier * g_f @ g_f
        slack = g_f @ np.asarray(direction, np.float64) - psi
        assert multiplier >= 0 and slack >= -1e-5 * size
        assert multiplier * abs(slack) <= 1e-5 * multiplier * size


def test_complex_gradients_count_as_pairs_of_reals():
    g_r, g_f = jnp.array([1 + 2j, 0 - 1j]), jnp.array([2 - 1j, 1 + 1j])
    pairs = [jnp.stack([g.real, g.imag]) for g in (g_r, g_f)]
    direction, state = direction_and_state(g_r, g_f)
    expected, expected_state = direction_and_state(*pairs)
    np.testing.assert_allclose(jnp.stack([direction.real, direction.imag]), expected, rtol=1e-6)
    np.testing.assert_allclose(state.multiplier, expected_state.multiplier, rtol=1e-6)


def test_no_matrix_product_is_compiled():
    """A GPU may shorten the operands of a matrix product to TF32; a sum it may not."""
    tx = skip_nonfinite(epsilon_constraint(0.5, gradient_decay=0.9))
    grad = {"w": jnp.ones((8, 8)), "b": jnp.ones(8)}
    update = jax.jit(lambda s: tx.update(grad, s, constraint_grad=grad, constraint_value=1.0))
    assert "dot_general" not in update.lower(tx.init(grad)).as_text()


def test_trees_without_leaves_have_nothing_to_do():
    direction, state = direction_and_state({}, {})
    assert direction == {} and float(state.multiplier) == 0
    assert optax.tree.norm(direction) == 0
