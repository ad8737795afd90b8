"""The two convolutional networks of the VQ-GAN tokenizer, channels last.

Names of parameters follow the published checkpoint, so that conversion is a renaming: levels are
counted from the finest, also where the decoder runs from the coarsest.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

from cu_jax.models.convolution import convolution
from cu_jax.models.normalization import GroupNorm
from cu_jax.models.resizing import doubled, halved

_EPS = 1e-6  # Of every GroupNorm; PyTorch's default differs.


def _conv(width: int, size: int, bias: bool, dtype: Any, name: str) -> nn.Conv:
    return nn.Conv(
        width,
        (size, size),
        use_bias=bias,
        dtype=dtype,
        name=name,
        conv_general_dilated=convolution,
    )


def _norm_swish(x: Array, groups: int, dtype: Any, name: str) -> Array:
    return nn.swish(GroupNorm(groups, dtype, _EPS, name=name)(x))


class ResBlock(nn.Module):
    """Two convolutions and a shortcut: ``[b, h, w, c]`` to ``[b, h, w, width]``.

    Note:
        Where the width changes, the 1 x 1 shortcut reads the block's own output, ``h + nin(h)``,
        and not its input. The published weights were trained so: a usual residual block has
        another shape and cannot load them.
    """

    width: int
    groups: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies the block."""
        h = _norm_swish(x, self.groups, self.dtype, "norm1")
        h = _conv(self.width, 3, False, self.dtype, "conv1")(h)
        h = _norm_swish(h, self.groups, self.dtype, "norm2")
        h = _conv(self.width, 3, False, self.dtype, "conv2")(h)
        if x.shape[-1] == self.width:
            return x + h
        return h + _conv(self.width, 1, False, self.dtype, "nin_shortcut")(h)


class Upsample(nn.Module):
    """Each pixel four times, then a convolution: ``[b, h, w, c]`` to ``[b, 2h, 2w, c]``."""

    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Doubles both sides."""
        return _conv(x.shape[-1], 3, True, self.dtype, "conv")(doubled(x))


class Encoder(nn.Module):
    """Pictures to latents: ``[b, h, w, c]`` to ``[b, g, g, code_width]``."""

    width: int
    multipliers: tuple[int, ...]
    res_blocks: int
    groups: int
    code_width: int
    dtype: Any

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """Encodes, halving the sides between levels."""
        x = _conv(self.width, 3, False, self.dtype, "conv_in")(images)
        for level, multiplier in enumerate(self.multipliers):
            if level:
                x = halved(x)
            for index in range(self.res_blocks):
                name = f"down_{level}_block_{index}"
                x = ResBlock(self.width * multiplier, self.groups, self.dtype, name=name)(x)
        for index in range(self.res_blocks):
            name = f"mid_block_{index + 1}"
            x = ResBlock(x.shape[-1], self.groups, self.dtype, name=name)(x)
        x = _norm_swish(x, self.groups, self.dtype, "norm_out")
        return _conv(self.code_width, 1, True, self.dtype, "conv_out")(x)


class Decoder(nn.Module):
    """Codes to pictures: ``[b, g, g, code_width]`` to ``[b, h, w, channels]``."""

    width: int
    multipliers: tuple[int, ...]
    res_blocks: int
    groups: int
    channels: int
    dtype: Any

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        """Decodes, doubling the sides between levels."""
        coarsest = self.width * self.multipliers[-1]
        x = _conv(coarsest, 3, True, self.dtype, "conv_in")(latents.astype(self.dtype))
        for index in range(self.res_blocks):
            name = f"mid_block_{index + 1}"
            x = ResBlock(coarsest, self.groups, self.dtype, name=name)(x)
        for level, multiplier in reversed(list(enumerate(self.multipliers))):
            for index in range(self.res_blocks):
                name = f"up_{level}_block_{index}"
                x = ResBlock(self.width * multiplier, self.groups, self.dtype, name=name)(x)
            if level:
                x = Upsample(self.dtype, name=f"up_{level}_upsample")(x)
        x = _norm_swish(x, self.groups, self.dtype, "norm_out")
        x = _conv(self.channels, 3, True, self.dtype, "conv_out")(x)
        return x.astype(jnp.float32)
