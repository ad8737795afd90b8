"""The two halves of the diffusion UNet: what unlearning trains, and what it freezes.

The encoder is everything down to the middle, with the embedding of the noise level; the decoder
climbs back. Names of parameters follow the published checkpoint, so that conversion is a renaming.

References:
    Dhariwal and Nichol, *Diffusion Models Beat GANs on Image Synthesis*, NeurIPS 2021,
    arXiv 2105.05233, whose UNet this is; attention stands in its middle alone.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

from cu_jax.models.palette_blocks import (
    Attention,
    ResBlock,
    conv,
    embedding,
    group_norm,
    zero_conv,
)


class Conditioning(nn.Module):
    """The encoder's embedding of the noise level alone, from the encoder's parameters.

    The decoder's blocks read it too.
    """

    width: int
    embed_width: int
    dtype: Any

    @nn.compact
    def __call__(self, gamma: Array) -> Array:
        """γ ``[b]`` to ``[b, embed_width]``."""
        return embedding(gamma, self.width, self.embed_width, self.dtype)


class Encoder(nn.Module):
    """Pictures and noise levels to feature maps: ``[b, h, w, c]`` and ``[b]`` to all maps.

    Attributes:
        width: channels of the finest level.
        multipliers: channels of each level, finest first, over ``width``.
        res_blocks: of each level.
        heads: of the attention in the middle.
        embed_width: of the noise level's embedding.
        groups: of every GroupNorm.
        dtype: compute dtype.
    """

    width: int
    multipliers: tuple[int, ...]
    res_blocks: int
    heads: int
    embed_width: int
    groups: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array, gamma: Array) -> tuple[Array, ...]:
        """The outputs of the input blocks in order, then the middle's.

        ``(res_blocks + 1) · levels`` maps of the input blocks: 12 as published, and 13 in all.
        """
        embedded = embedding(gamma, self.width, self.embed_width, self.dtype)
        first = self.width * self.multipliers[0]
        maps = [conv(first, 3, self.dtype, "input_blocks_0_0")(x)]
        for level, multiplier in enumerate(self.multipliers):
            width = self.width * multiplier
            # A level ends in a block that halves the sides, but for the last.
            resizes = [""] * self.res_blocks + ["down"] * (level < len(self.multipliers) - 1)
            for resize in resizes:
                name = f"input_blocks_{len(maps)}_0"
                block = ResBlock(width, self.groups, self.dtype, resize, name=name)
                maps.append(block(maps[-1], embedded))
        x = maps[-1]
        for index in range(3):
            name = f"middle_block_{index}"
            if index == 1:
                x = Attention(self.heads, self.groups, self.dtype, name=name)(x)
            else:
                block = ResBlock(x.shape[-1], self.groups, self.dtype, name=name)
                x = block(x, embedded)
        return (*maps, x)


class Decoder(nn.Module):
    """Feature maps and the embedded noise level to float32 ``[b, h, w, channels]``.

    Attributes: as the encoder's; ``channels`` come out.
    """

    width: int
    multipliers: tuple[int, ...]
    res_blocks: int
    channels: int
    groups: int
    dtype: Any

    @nn.compact
    def __call__(self, maps: Sequence[Array], embedded: Array) -> Array:
        """Decodes; each block reads the map of the input block that is its mirror image."""
        *skips, x = maps
        outputs = len(skips)
        for level, multiplier in reversed(list(enumerate(self.multipliers))):
            width = self.width * multiplier
            for index in range(self.res_blocks + 1):
                name = f"output_blocks_{outputs - len(skips)}"
                x = jnp.concatenate([x, skips.pop()], axis=-1)
                x = ResBlock(width, self.groups, self.dtype, name=f"{name}_0")(x, embedded)
                if level and index == self.res_blocks:
                    block = ResBlock(width, self.groups, self.dtype, "up", name=f"{name}_1")
                    x = block(x, embedded)
        x = nn.swish(group_norm(self.groups, self.dtype, "out_0")(x))
        return zero_conv(self.channels, self.dtype, "out_2")(x).astype(jnp.float32)
