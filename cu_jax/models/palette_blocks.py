"""The blocks of the diffusion UNet, channels last: residual blocks, attention, the noise embedding.

Names of parameters follow the published checkpoint, where each layer is called by its place in a
list: ``in_layers.2`` there is ``in_layers_2`` here.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.models.convolution import convolution
from cu_jax.models.normalization import GroupNorm
from cu_jax.models.resizing import doubled, halved

_EPS = 1e-5  # Of every GroupNorm; Flax's default differs.
_LONGEST = 1e4
_ZEROS = nn.initializers.zeros


def conv(width: int, size: int, dtype: Any, name: str, kernel_init: Any = None) -> nn.Conv:
    """A convolution that keeps the sides, with a bias; Flax's own start unless one is given."""
    start = {} if kernel_init is None else {"kernel_init": kernel_init}
    return nn.Conv(
        width, (size, size), dtype=dtype, name=name, conv_general_dilated=convolution, **start
    )


def zero_conv(width: int, dtype: Any, name: str) -> nn.Conv:
    """A 3 x 3 convolution that starts as zero, so that its block starts as what surrounds it."""
    return conv(width, 3, dtype, name, _ZEROS)


def group_norm(groups: int, dtype: Any, name: str) -> GroupNorm:
    """GroupNorm with the published eps 1e-5."""
    return GroupNorm(groups, dtype, _EPS, name=name)


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
