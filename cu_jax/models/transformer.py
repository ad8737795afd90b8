"""The pre-norm transformer block of vision transformers, and fixed positions."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.positions import sincos_table

_XAVIER = nn.initializers.xavier_uniform()


def check_widths(part: str, width: int, heads: int) -> None:
    """Refuses a width that heads and two-dimensional positions cannot share evenly.

    Args:
        part: ``encoder`` or ``decoder``, as in the settings' names.
        width: of the features.
        heads: of the attention.

    Raises:
        ValueError: if the width is no multiple of 4, or none of heads.

    Example:
        >>> check_widths("encoder", width=768, heads=12)
    """
    if width % 4 or width % heads:
        raise ValueError(
            f"{part}_width must be a multiple of 4 and of {part}_heads, got {width} and "
            f"{heads}: change config.model.{part}_width."
        )


def layer_norm(dtype: Any, name: str) -> nn.LayerNorm:
    """LayerNorm with the published models' eps 1e-6."""
    return nn.LayerNorm(epsilon=1e-6, dtype=dtype, name=name)


class Attention(nn.Module):
    """Multi-head self-attention with a fused, biased qkv projection."""

    heads: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Attends, ``[batch, length, width]`` to the same."""
        batch, length, width = x.shape
        qkv = nn.Dense(3 * width, dtype=self.dtype, kernel_init=_XAVIER, name="qkv")(x)
        qkv = qkv.reshape(batch, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)
        logits = (q * (width // self.heads) ** -0.5) @ k.swapaxes(-1, -2)
        weights = jax.nn.softmax(logits.astype(jnp.float32), axis=-1).astype(self.dtype)
        out = (weights @ v).swapaxes(1, 2).reshape(batch, length, width)
        return nn.Dense(width, dtype=self.dtype, kernel_init=_XAVIER, name="proj")(out)


class Mlp(nn.Module):
    """Two layers with the exact (erf) GELU between."""

    hidden: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies both layers."""
        h = nn.Dense(self.hidden, dtype=self.dtype, kernel_init=_XAVIER, name="fc1")(x)
        h = nn.gelu(h, approximate=False)
        return nn.Dense(x.shape[-1], dtype=self.dtype, kernel_init=_XAVIER, name="fc2")(h)


class Block(nn.Module):
    """``x += attention(norm(x)); x += mlp(norm(x))`` on ``[batch, length, width]``."""

    heads: int
    mlp_ratio: float
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies both halves."""
        hidden = int(x.shape[-1] * self.mlp_ratio)
        x = x + Attention(self.heads, self.dtype, name="attn")(layer_norm(self.dtype, "norm1")(x))
        return x + Mlp(hidden, self.dtype, name="mlp")(layer_norm(self.dtype, "norm2")(x))


def sincos_positions(width: int, grid: int) -> Float[Array, "tokens width"]:
    """Fixed two-dimensional sine-cosine positions as a device array: :func:`sincos_table`.

    Args:
        width: a multiple of 4.
        grid: patches along a side.

    Returns:
        float32 ``[1 + grid², width]``.

    Example:
        >>> sincos_positions(8, 7).shape
        (50, 8)
    """
    return jnp.asarray(sincos_table(width, grid))
