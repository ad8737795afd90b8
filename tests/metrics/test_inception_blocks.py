"""The parts of the Inception network that are written for a CPU's sake: the same as Flax's."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.metrics.inception_blocks import ConvNorm, pool


@pytest.fixture(scope="module")
def maps():
    return jax.random.normal(jax.random.key(0), (2, 9, 12, 5))


@pytest.mark.parametrize("stride", [1, 2])
def test_pools(maps, stride):
    options = dict(
        window_shape=(3, 3), strides=(stride,) * 2, padding="SAME" if stride == 1 else "VALID"
    )
    np.testing.assert_array_equal(pool(maps, "max", stride), nn.max_pool(maps, **options))
    expected = nn.avg_pool(maps, **options, count_include_pad=False)
    np.testing.assert_allclose(pool(maps, "mean", stride), expected, atol=1e-6)


def test_maximum_of_nothing_but_negative_numbers(maps):
    assert jnp.all(pool(-1 - jnp.abs(maps), "max") <= -1)


@pytest.mark.parametrize("window", [(3, 3), (1, 1), (5, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_without_padding(maps, stride, window):
    module = ConvNorm(7, window, stride, "VALID")
    params = module.init(jax.random.key(1), maps)
    bare = nn.Conv(7, window, (stride,) * 2, "VALID", use_bias=False)
    z = bare.apply({"params": params["params"]["conv"]}, maps)
    np.testing.assert_allclose(
        module.apply(params, maps), nn.relu(z / np.sqrt(1 + 1e-3)), rtol=1e-4, atol=1e-5
    )
