"""The blocks of the diffusion UNet, channels last: residual blocks, attention, the noise embedding.

Names of parameters follow the published checkpoint, where each layer is called by its place in a
list: ``in_layers.2`` there is ``in_layers_2`` here.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_EPS = 1e-5  # Of every GroupNorm; Flax's default differs.
_AT_ONCE = 1024
"""Pixels whose float32 sum is taken in one go; of more, row by row, or the last digits are lost."""
_LONGEST = 1e4
_ZEROS = nn.initializers.zeros


def conv(width: int, size: int, dtype: Any, name: str, kernel_init: Any = None) -> nn.Conv:
    """A convolution that keeps the sides, with a bias; Flax's own start unless one is given."""
    start = {} if kernel_init is None else {"kernel_init": kernel_init}
    return nn.Conv(width, (size, size), dtype=dtype, name=name, **start)


def zero_conv(width: int, dtype: Any, name: str) -> nn.Conv:
    """A 3 x 3 convolution that starts as zero, so that its block starts as what surrounds it."""
    return conv(width, 3, dtype, name, _ZEROS)


class GroupNorm(nn.Module):
    """Each group of channels of a picture to mean 0 and variance 1: ``[b, h, w, c]`` to the same.

    Attributes:
        groups: of channels; they divide c.
        dtype: of what comes out; the moments are float32.

    Note:
        flax.linen.GroupNorm gives the same. There the moments are reductions over strided axes;
        here sums over pixels are matrix products, which takes a CPU a tenth to half of the time (a
        gradient of a small encoder 19 ms instead of 28).
    """

    groups: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalizes, then scales and shifts each channel."""
        batch, height, width, c = x.shape
        scale = self.param("scale", nn.initializers.ones, (c,))
        bias = self.param("bias", _ZEROS, (c,))
        pixels, size = height * width, c // self.groups
        parts = height if pixels > _AT_ONCE else 1
        flat = x.astype(jnp.float32).reshape(batch, pixels, c)
        ones = jnp.ones(pixels // parts)
        same_group = np.kron(np.eye(self.groups, dtype=np.float32), np.ones((size, size)))

        def mean(values: Array) -> Array:
            values = values.reshape(batch * parts, pixels // parts, c)
            sums = jnp.einsum("bpc,p->bc", values, ones, precision="highest")
            sums = sums.reshape(batch, parts, c).sum(1)
            means = jnp.matmul(sums, same_group / (pixels * size), precision="highest")
            return means[:, None]

        centered = flat - mean(flat)
        # The mean can be far larger than the spread: E[x²] - E[x]² would round the spread away.
        factor = jax.lax.rsqrt(mean(jnp.square(centered)) + _EPS) * scale
        return (centered * factor + bias).reshape(x.shape).astype(self.dtype)


def group_norm(groups: int, dtype: Any, name: str) -> GroupNorm:
    """GroupNorm with the published eps 1e-5."""
    return GroupNorm(groups, dtype, name=name)


def halved(x: Array) -> Array:
    """Means of squares of 2 x 2 pixels: ``[b, h, w, c]`` to ``[b, h/2, w/2, c]``."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def doubled(x: Array) -> Array:
    """Each pixel four times: ``[b, h, w, c]`` to ``[b, 2h, 2w, c]``."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


RESIZES = {"": lambda x: x, "down": halved, "up": doubled}
"""What a residual block may do to the sides of a picture."""


def sinusoids(gamma: Float[Array, " b"], width: int) -> Float[Array, "b width"]:
    r"""Cosines, then sines, of the noise level: :math:`\cos(\gamma\omega_i), \sin(\gamma\omega_i)`.

    With :math:`\omega_i = 10^{-4 i / (width / 2)}`.

    Args:
        gamma: float32 ``[b]``, the share of the picture's variance that is left, in [0, 1].
        width: an even number.

    Returns:
        float32 ``[b, width]``.

    Example:
        >>> sinusoids(jnp.zeros(1), 4)
        Array([[1., 1., 0., 0.]], dtype=float32)
    """
    half = width // 2
    omega = _LONGEST ** (-jnp.arange(half, dtype=jnp.float32) / half)
    angles = gamma[:, None] * omega
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], axis=1)


def embedding(gamma: Array, width: int, embed_width: int, dtype: Any) -> Array:
    """Two layers on the sinusoids of γ, as submodules of the module that is called.

    Args:
        gamma: float32 ``[b]``.
        width: of the sinusoids.
        embed_width: of what comes out.
        dtype: compute dtype.

    Returns:
        ``[b, embed_width]``.
    """
    x = nn.Dense(embed_width, dtype=dtype, name="cond_embed_0")(sinusoids(gamma, width))
    return nn.Dense(embed_width, dtype=dtype, name="cond_embed_2")(nn.swish(x))


class ResBlock(nn.Module):
    """Two convolutions under a noise level, and a shortcut: ``[b, h, w, c]`` to ``[…, width]``.

    The embedding scales and shifts what the second norm gives: ``norm(h) (1 + scale) + shift``.

    Attributes:
        width: channels that come out.
        groups: of both GroupNorms; they divide the channels that come in, and ``width``.
        dtype: compute dtype.
        resize: a key of :data:`RESIZES`, done inside the block and on the shortcut.
    """

    width: int
    groups: int
    dtype: Any
    resize: str = ""

    @nn.compact
    def __call__(self, x: Array, embedded: Array) -> Array:
        """Applies the block; ``embedded`` is :func:`embedding`."""
        resized = RESIZES[self.resize]
        h = resized(nn.swish(group_norm(self.groups, self.dtype, "in_layers_0")(x)))
        h = conv(self.width, 3, self.dtype, "in_layers_2")(h)
        film = nn.Dense(2 * self.width, dtype=self.dtype, name="emb_layers_1")(nn.swish(embedded))
        scale, shift = jnp.split(film[:, None, None], 2, axis=-1)
        h = group_norm(self.groups, self.dtype, "out_layers_0")(h) * (1 + scale) + shift
        h = zero_conv(self.width, self.dtype, "out_layers_3")(nn.swish(h))
        x = resized(x)
        if x.shape[-1] != self.width:
            x = conv(self.width, 1, self.dtype, "skip_connection")(x)
        return x + h


class Attention(nn.Module):
    """Self-attention over all pixels, added to its input: ``[b, h, w, c]`` to the same.

    Note:
        The published weights order the projection's outputs by head first, then by query, key and
        value. Queries and keys are each scaled by the fourth root of a head's width, not their
        product by its square root.
    """

    heads: int
    groups: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Attends."""
        b, h, w, c = x.shape
        size = c // self.heads
        normed = group_norm(self.groups, self.dtype, "norm")(x).reshape(b, h * w, c)
        qkv = nn.Dense(3 * c, dtype=self.dtype, name="qkv")(normed)
        q, k, v = qkv.reshape(b, h * w, self.heads, 3, size).transpose(3, 0, 2, 1, 4)
        logits = (q * size**-0.25) @ (k * size**-0.25).swapaxes(-1, -2)
        weights = jax.nn.softmax(logits.astype(jnp.float32), axis=-1).astype(self.dtype)
        out = (weights @ v).swapaxes(1, 2).reshape(b, h * w, c)
        out = nn.Dense(c, dtype=self.dtype, kernel_init=_ZEROS, name="proj_out")(out)
        return x + out.reshape(b, h, w, c)
