"""GroupNorm and resizing of feature maps, beside NumPy in float64 and Flax."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models.normalization import GroupNorm
from cu_jax.models.resizing import doubled, halved

GROUPS, EPSILON = 4, 1e-5


def _maps(side: int, channels: int = 16, mean: float = 3.0) -> jax.Array:
    return mean + jax.random.normal(jax.random.key(0), (2, side, side + 2, channels))


def _params(channels: int = 16) -> dict[str, dict[str, jax.Array]]:
    keys = jax.random.split(jax.random.key(1))
    draw = [jax.random.normal(key, (channels,)) for key in keys]
    return {"params": {"scale": draw[0], "bias": draw[1]}}


def _exact(x: jax.Array, params: dict[str, dict[str, jax.Array]]) -> np.ndarray:
    wide = np.asarray(x, np.float64)
    grouped = wide.reshape(len(wide), -1, GROUPS, wide.shape[-1] // GROUPS)
    mean, var = (f(grouped, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
    normal = ((grouped - mean) / np.sqrt(var + EPSILON)).reshape(wide.shape)
    scale, bias = (np.asarray(params["params"][name], np.float64) for name in ("scale", "bias"))
    return normal * scale + bias


@pytest.mark.parametrize("side", [1, 8, 31, 200])  # above 1,024 pixels sums go row by row
@pytest.mark.parametrize("mean", [0.0, 300.0])  # much larger than the spread
def test_group_norm_is_exact(side: int, mean: float) -> None:
    x, params = _maps(side, mean=mean), _params()
    got = GroupNorm(GROUPS, jnp.float32, EPSILON).apply(params, x)
    np.testing.assert_allclose(got, _exact(x, params), atol=1e-5 + 2e-6 * mean)


def test_group_norm_and_its_gradients_are_those_of_flax() -> None:
    x, params = _maps(6, mean=0.0), _params()
    weights = jax.random.normal(jax.random.key(2), x.shape)

    def loss(module: nn.Module, params: object, x: jax.Array) -> jax.Array:
        return jnp.sum(weights * jnp.sin(module.apply(params, x)))

    ours, theirs = (
        jax.grad(lambda p, x, m=module: loss(m, p, x), (0, 1))(params, x)
        for module in (
            GroupNorm(GROUPS, jnp.float32, EPSILON),
            nn.GroupNorm(GROUPS, epsilon=EPSILON, use_fast_variance=False),
        )
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), ours, theirs)


def test_moments_of_bfloat16_are_float32() -> None:
    x, params = _maps(8).astype(jnp.bfloat16), _params()
    got = GroupNorm(GROUPS, jnp.bfloat16, EPSILON).apply(params, x)
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(got.astype(jnp.float32), _exact(x, params), rtol=8e-3, atol=8e-3)


def test_halved_and_doubled() -> None:
    x = _maps(6)
    blocks = np.asarray(x).reshape(2, 3, 2, 4, 2, 16)
    np.testing.assert_allclose(halved(x), blocks.mean((2, 4)), rtol=1e-6)
    np.testing.assert_array_equal(doubled(x), np.kron(x, np.ones((1, 2, 2, 1))))
