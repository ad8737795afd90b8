"""CLIP's image tower: a vision transformer whose class token is projected to an embedding.

Names of parameters follow the checkpoints of the transformers library, so that conversion is a
renaming.
"""

from collections.abc import Callable, Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Activation = Callable[[Array], Array]


def quick_gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The first CLIP models' approximation of GELU, :math:`x \cdot \sigma(1.702 x)`.

    Args:
        x: any shape.

    Returns:
        The same shape and dtype.

    Example:
        >>> [round(float(y), 4) for y in quick_gelu(jnp.array([-1.0, 0.0, 1.0]))]
        [-0.1542, 0.0, 0.8458]
    """
    return x * jax.nn.sigmoid(1.702 * x)


def gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The exact GELU, :math:`x \cdot \Phi(x)`, of open_clip's models.

    Args:
        x: any shape.

    Returns:
        The same shape and dtype.

    Example:
        >>> [round(float(y), 4) for y in gelu(jnp.array([-1.0, 0.0, 1.0]))]
        [-0.1587, 0.0, 0.8413]
    """
    return jax.nn.gelu(x, approximate=False)


ACTIVATIONS: Mapping[str, Activation] = {"quick_gelu": quick_gelu, "gelu": gelu}
"""By their names in a checkpoint's ``config.json``."""


class ClipImageTower(nn.Module):
    """Normalized pictures to embeddings: ``[b, s, s, 3]`` to float32 ``[b, projection]``.

    Patches and a class token, to which learned positions are added, go through a norm, pre-norm
    blocks and, of the class token alone, another norm and a projection without bias.

    Attributes:
        patch: side of a patch in pixels; must divide the pictures'.
        width: of the tokens; a multiple of ``heads``.
        depth: blocks.
        heads: of the attention.
        hidden: width inside the MLPs.
        projection: width of the embeddings.
        activation: one of :data:`ACTIVATIONS`.
        eps: of the norms.

    Example:
        >>> tower = ClipImageTower(4, 8, 1, 2, 16, 5, "gelu", 1e-5)
        >>> pictures = jnp.zeros((2, 8, 8, 3))
        >>> seen, params = jax.eval_shape(tower.init_with_output, jax.random.key(0), pictures)
        >>> seen.shape
        (2, 5)

    Note:
        Embeddings are not normalized to length 1 here: who compares them by cosine does that.

    References:
        Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*,
        ICML 2021, https://arxiv.org/abs/2103.00020
    """

    patch: int
    width: int
    depth: int
    heads: int
    hidden: int
    projection: int
    activation: str
    eps: float

    @nn.compact
    def __call__(self, pictures: Float[Array, "b s s 3"]) -> Float[Array, "b {self.projection}"]:
        """Embeds pictures of the size that the parameters are for."""
        x = self._patches(pictures)
        x = jnp.concatenate([self._class_token(len(x)), x], axis=1)
        normal = nn.initializers.normal(0.02)
        x = x + self.param("position_embedding", normal, x.shape[1:])
        x = layer_norm(self.eps, "pre_layernorm")(x)
        for index in range(self.depth):
            x = Block(self.heads, self.hidden, self.activation, self.eps, name=f"layers_{index}")(x)
        x = layer_norm(self.eps, "post_layernorm")(x[:, 0])
        return nn.Dense(self.projection, use_bias=False, name="visual_projection")(x)

    def _patches(self, pictures: Float[Array, "b s s 3"]) -> Float[Array, "b n w"]:
        sides = (self.patch, self.patch)
        embed = nn.Conv(self.width, sides, sides, "VALID", use_bias=False, name="patch_embedding")
        x = embed(pictures)
        return x.reshape(len(x), -1, self.width)

    def _class_token(self, batch: int) -> Float[Array, "{batch} 1 w"]:
        token = self.param("class_embedding", nn.initializers.normal(0.02), (self.width,))
        return jnp.broadcast_to(token, (batch, 1, self.width))


def layer_norm(eps: float, name: str) -> nn.LayerNorm:
    """LayerNorm whose variance is the mean of squared differences.

    The difference of two means of squares, Flax's default, loses digits where few values of a token
    are hundreds of times the others, as they are inside trained transformers.
    """
    return nn.LayerNorm(epsilon=eps, use_fast_variance=False, name=name)


class Block(nn.Module):
    """``x += attention(norm(x)); x += mlp(norm(x))`` on ``[batch, tokens, width]``."""

    heads: int
    hidden: int
    activation: str
    eps: float

    @nn.compact
    def __call__(self, x: Float[Array, "b n w"]) -> Float[Array, "b n w"]:
        """Applies both halves."""
        norm = layer_norm(self.eps, "layer_norm1")
        x = x + Attention(self.heads, name="self_attn")(norm(x))
        norm = layer_norm(self.eps, "layer_norm2")
        return x + Mlp(self.hidden, self.activation, name="mlp")(norm(x))


class Attention(nn.Module):
    """Multi-head self-attention with separate, biased projections."""

    heads: int

    @nn.compact
    def __call__(self, x: Float[Array, "b n w"]) -> Float[Array, "b n w"]:
        """Attends, every token to all."""
        batch, tokens, width = x.shape

        def split(name: str) -> Float[Array, "b heads n w"]:
            y = nn.Dense(width, name=name)(x)
            return y.reshape(batch, tokens, self.heads, -1).swapaxes(1, 2)

        q, k, v = (split(name) for name in ("q_proj", "k_proj", "v_proj"))
        logits = (q * (width // self.heads) ** -0.5) @ k.swapaxes(-1, -2)
        out = (jax.nn.softmax(logits) @ v).swapaxes(1, 2).reshape(x.shape)
        return nn.Dense(width, name="out_proj")(out)


class Mlp(nn.Module):
    """Two layers with an activation between."""

    hidden: int
    activation: str

    @nn.compact
    def __call__(self, x: Float[Array, "b n w"]) -> Float[Array, "b n w"]:
        """Applies both layers."""
        h = ACTIVATIONS[self.activation](nn.Dense(self.hidden, name="fc1")(x))
        return nn.Dense(x.shape[-1], name="fc2")(h)
