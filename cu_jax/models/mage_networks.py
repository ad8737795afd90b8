"""The two networks of MAGE: an encoder of tokens, and a decoder that says what the hidden ones are.

Names of parameters follow the published checkpoints, so that conversion is a renaming.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

from cu_jax.models.transformer import Block, layer_norm

_NORMAL = nn.initializers.truncated_normal(0.02)


class TokenEmbedding(nn.Module):
    """Word and position embeddings, summed and normalized: ``[b, l]`` ids to ``[b, l, width]``."""

    vocabulary: int
    length: int
    width: int
    dtype: Any

    @nn.compact
    def __call__(self, ids: Array, positions: Array) -> Array:
        """Embeds the ids at their positions."""
        words = self.param("word_embeddings", _NORMAL, (self.vocabulary, self.width))
        places = self.param("position_embeddings", _NORMAL, (self.length, self.width))
        return layer_norm(self.dtype, "LayerNorm")(words[ids] + places[positions])


class Encoder(nn.Module):
    """Tokens to features: ``[b, n]`` ids and the kept indices to ``[b, 1 + kept, width]``.

    A class token stands at position 0; tokens that are masked but kept read as the vocabulary's
    last word.
    """

    vocabulary: int
    class_token: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    dtype: Any

    @nn.compact
    def __call__(self, tokens: Array, keep: Array, masked: Array) -> Array:
        """Encodes the kept tokens."""
        ids = jnp.where(masked > 0, self.vocabulary - 1, tokens)
        # Only the tokens that are read need to be embedded.
        ids = jnp.take_along_axis(ids, keep, axis=1)
        front = ((0, 0), (1, 0))
        ids = jnp.pad(ids, front, constant_values=self.class_token)
        positions = jnp.pad(keep + 1, front)
        embed = TokenEmbedding(
            self.vocabulary, 1 + tokens.shape[1], self.width, self.dtype, name="token_emb"
        )
        x = embed(ids, positions)
        for index in range(self.depth):
            x = Block(self.heads, self.mlp_ratio, self.dtype, name=f"blocks_{index}")(x)
        return layer_norm(self.dtype, "norm")(x)


class MlmHead(nn.Module):
    """Scores each code by a product with its word embedding: ``[b, n, width]`` to float32 logits.

    The words are given, or the head's own if None is given.
    """

    vocabulary: int
    codes: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array, words: Array | None) -> Array:
        """Scores the vocabulary's first ``codes`` words alone: no other is ever sampled."""
        width = x.shape[-1]
        if words is None:
            words = self.param("word_embeddings", _NORMAL, (self.vocabulary, width))
        bias = self.param("bias", nn.initializers.zeros, (self.vocabulary,))
        x = nn.gelu(nn.Dense(width, dtype=self.dtype, name="fc")(x), approximate=False)
        x = nn.LayerNorm(epsilon=1e-5, dtype=self.dtype, name="ln")(x)
        logits = x @ words[: self.codes].T.astype(self.dtype)
        return logits.astype(jnp.float32) + bias[: self.codes]


class Decoder(nn.Module):
    """Features to logits: ``[b, 1 + kept, width]`` to float32 ``[b, n, codes]``.

    Every masked position, dropped or not, is filled with the encoded class token.
    """

    vocabulary: int
    codes: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float
    dtype: Any

    @nn.compact
    def __call__(
        self, features: Array, restore: Array, masked: Array, words: Array | None
    ) -> Array:
        """Scores the codes at every position."""
        x = nn.Dense(self.width, dtype=self.dtype, name="decoder_embed")(features)
        tokens = jnp.take_along_axis(x[:, 1:], restore[..., None], axis=1)
        tokens = jnp.where(masked[..., None] > 0, x[:, :1], tokens)
        x = jnp.concatenate([x[:, :1], tokens], axis=1)
        shape = (1, x.shape[1], self.width)
        x = x + self.param("decoder_pos_embed_learned", _NORMAL, shape).astype(self.dtype)
        for index in range(self.depth):
            x = Block(self.heads, self.mlp_ratio, self.dtype, name=f"decoder_blocks_{index}")(x)
        x = layer_norm(self.dtype, "decoder_norm")(x)
        head = MlmHead(self.vocabulary, self.codes, self.dtype, name="mlm_layer")
        return head(x[:, 1:], words)
