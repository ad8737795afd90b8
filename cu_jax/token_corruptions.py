"""Corruptions T(x) of a picture that is a sequence of tokens: which are masked, which are dropped.

A *masked* token is hidden from the model. A *dropped* one is masked and left out of the encoder's
input besides, which costs nothing to read. All functions are pure and run inside ``jit``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cu_jax.corruptions import Key


class TokenCorruption(NamedTuple):
    """Which tokens are hidden, and which of them the encoder does not even count.

    Attributes:
        keep: int32 ``[batch, kept]``, indices of the tokens that the encoder reads, ascending.
        restore: int32 ``[batch, tokens]``, where each token stands in ``keep``; a dropped token has
            the place of some other, which its mask makes harmless.
        masked: float32 ``[batch, tokens]``, 1 = hidden, row-major over the grid; 1 for every
            dropped token and for those kept ones that the encoder sees as the mask token.
    """

    keep: Int[Array, "batch kept"]
    restore: Int[Array, "batch tokens"]
    masked: Float[Array, "batch tokens"]


def random_tokens(
    key: Key,
    batch: int,
    tokens: int,
    dropped: int,
    mean: float,
    std: float,
    low: float,
    high: float,
) -> TokenCorruption:
    r"""Masks random tokens at one random rate for the whole batch.

    .. math:: m \sim \mathcal{N}(\mathrm{mean}, \mathrm{std}^2) \text{ truncated to } [low, high]

    and :math:`\lceil m \cdot \mathrm{tokens} \rceil` tokens of each picture are masked, drawn
    uniformly for each; the first ``dropped`` of these are dropped.

    Args:
        key: PRNG key.
        batch: number of pictures.
        tokens: tokens of a picture.
        dropped: how many of a picture's masked tokens are dropped, in ``[0, tokens · low]``.
        mean: of the normal distribution, a share of the tokens.
        std: its standard deviation, positive.
        low: where it is cut off, in [0, high).
        high: likewise, in (low, 1].

    Returns:
        The corruption. Its shapes do not depend on the rate.

    Raises:
        ValueError: if more tokens would be dropped than the lowest rate masks, or all of them.

    Note:
        The rate is the batch's, as in the ancestors' code; the tokens are each picture's own. At
        least one token is masked.

    Example:
        >>> import jax
        >>> drawn = random_tokens(jax.random.key(0), 2, 256, 128, 0.55, 0.25, 0.5, 1.0)
        >>> drawn.keep.shape, bool((drawn.masked.sum(1) >= 128).all())
        ((2, 128), True)
    """
    if not 0 <= dropped <= tokens * low or dropped == tokens:
        raise ValueError(
            f"The tokens that are dropped must be masked, and some must stay: of {tokens} at least "
            f"{low:g} are masked, but {dropped} would be dropped; lower drop or raise mask_min."
        )
    key_rate, key_order = jax.random.split(key)
    standard = jax.random.truncated_normal(key_rate, (low - mean) / std, (high - mean) / std)
    # The bounds again: rounding may step over them.
    rate = jnp.clip(mean + std * standard, low, high)
    count = jnp.clip(jnp.ceil(tokens * rate), max(dropped, 1), tokens)
    order = jnp.argsort(jax.random.uniform(key_order, (batch, tokens)), axis=1).astype(jnp.int32)
    rank = jnp.argsort(order, axis=1)
    return TokenCorruption(
        keep=jnp.sort(order[:, dropped:], axis=1),
        restore=jnp.maximum(jnp.cumsum(rank >= dropped, axis=1, dtype=jnp.int32) - 1, 0),
        masked=(rank < count).astype(jnp.float32),
    )


def undropped(masked: Float[Array, "batch tokens"]) -> TokenCorruption:
    """Masks the given tokens and drops none: what decoding step by step reads.

    Args:
        masked: float32 ``[batch, tokens]``, 1 = masked.

    Returns:
        The corruption.

    Example:
        >>> import jax.numpy as jnp
        >>> undropped(jnp.array([[0.0, 1.0, 0.0]])).keep
        Array([[0, 1, 2]], dtype=int32)
    """
    every = jnp.broadcast_to(jnp.arange(masked.shape[1], dtype=jnp.int32), masked.shape)
    return TokenCorruption(keep=every, restore=every, masked=masked)
