"""The two networks of the masked autoencoder.

Names of parameters follow the published checkpoints, so that conversion is a renaming.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

from cu_jax.models.patches import patchify
from cu_jax.models.transformer import Block, layer_norm, sincos_positions


class Encoder(nn.Module):
    """Patches to features: ``[b, h, w, c]`` and the kept indices to ``[b, 1 + kept, width]``."""

    patch: int
    grid: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    dtype: Any

    @nn.compact
    def __call__(self, images: Array, keep: Array) -> Array:
        """Encodes the kept patches."""
        position = sincos_positions(self.width, self.grid).astype(self.dtype)  # [1 + n, width]
        # Each patch is embedded on its own, so only the visible ones need to be.
        visible = jnp.take_along_axis(patchify(images, self.patch), keep[..., None], axis=1)
        x = nn.Dense(self.width, dtype=self.dtype, name="patch_embed")(visible)
        x = x + position[1:][keep]
        cls = self.param("cls_token", nn.initializers.normal(0.02), (1, 1, self.width))
        cls = jnp.broadcast_to(cls.astype(self.dtype) + position[:1], (x.shape[0], 1, self.width))
        x = jnp.concatenate([cls, x], axis=1)
        for index in range(self.depth):
            x = Block(self.heads, self.mlp_ratio, self.dtype, name=f"blocks_{index}")(x)
        return layer_norm(self.dtype, "norm")(x)


class Decoder(nn.Module):
    """Features to pixels: ``[b, 1 + kept, width]`` to ``[b, patches, patch² · channels]``."""

    grid: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    outputs: int
    dtype: Any

    @nn.compact
    def __call__(self, features: Array, restore: Array) -> Array:
        """Predicts every patch."""
        x = nn.Dense(self.width, dtype=self.dtype, name="decoder_embed")(features)
        token = self.param("mask_token", nn.initializers.normal(0.02), (1, 1, self.width))
        missing = restore.shape[1] + 1 - x.shape[1]
        gaps = jnp.broadcast_to(token.astype(self.dtype), (x.shape[0], missing, self.width))
        tokens = jnp.concatenate([x[:, 1:], gaps], axis=1)
        tokens = jnp.take_along_axis(tokens, restore[..., None], axis=1)
        x = jnp.concatenate([x[:, :1], tokens], axis=1)
        x = x + sincos_positions(self.width, self.grid).astype(self.dtype)
        for index in range(self.depth):
            x = Block(self.heads, self.mlp_ratio, self.dtype, name=f"decoder_blocks_{index}")(x)
        x = layer_norm(self.dtype, "decoder_norm")(x)
        return nn.Dense(self.outputs, dtype=self.dtype, name="decoder_pred")(x[:, 1:])
