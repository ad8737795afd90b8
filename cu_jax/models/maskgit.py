r"""Iterative decoding of masked tokens (MaskGIT): many at first, the doubtful ones again.

Each step samples every unknown token at once, keeps those the model is surest of, and masks the
others anew. After step i of S, with :math:`r = i / S`, about :math:`n \cos(\pi r / 2)` of the n
tokens stay masked. All functions are pure.

References:
    Chang et al., *MaskGIT: Masked Generative Image Transformer*, CVPR 2022, arXiv 2202.04200.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

Logits = Callable[[Array, Array], Array]
"""``(tokens int32 [b, n], masked float32 [b, n]) -> float32 [b, n, codes]``."""

_Known = tuple[Array, Array]
"""int32 tokens ``[b, n]``, and bool ``[b, n]`` that is True where they are not settled yet."""


def schedule(tokens: int, masked: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    r"""The steps that run, and how many tokens are still masked after each.

    .. math::
        u_i = \max(1, \min(u_{i-1} - 1, \lfloor n \cos(\pi r_i / 2) \rfloor)), \quad r_i = i / S

    Args:
        tokens: tokens n of a picture.
        masked: how many of them are unknown at first, in ``[1, tokens]``.
        steps: steps S from a picture of which nothing is known.

    Returns:
        float32 ratios r ``[run]`` and int32 counts u ``[run]``.

    Raises:
        ValueError: if no token is masked, or more than there are, or there is no step.

    Note:
        Steps whose cosine exceeds the share of unknown tokens are skipped: the picture is already
        past them. The counts depend on nothing that is sampled, so all pictures with one hole run
        the same steps. The last count is 1, and is not used: the last samples are the result.

    Example:
        >>> ratios, counts = schedule(tokens=256, masked=36, steps=20)
        >>> [round(float(ratio), 2) for ratio in ratios], counts.tolist()
        ([0.95, 1.0], [20, 1])
    """
    if not 1 <= masked <= tokens or steps < 1:
        raise ValueError(
            f"Decoding must start with 1 to {tokens} masked tokens and take at least one step, got "
            f"{masked} and {steps}: change the hole, or config.model.steps."
        )
    ratios = np.arange(1, steps + 1) / steps
    cosines = np.cos(np.pi / 2 * ratios)
    runs = cosines <= masked / tokens
    runs[-1] = True
    counts, unknown = [], masked
    for cosine in cosines[runs]:
        unknown = max(1, min(unknown - 1, int(tokens * cosine)))
        counts.append(unknown)
    return ratios[runs].astype(np.float32), np.asarray(counts, np.int32)


def sample(
    logits: Logits,
    tokens: Int[Array, "b n"],
    masked: Bool[np.ndarray, " n"],
    keys: Array,
    steps: int,
    temperature: float,
) -> Int[Array, "b n"]:
    """Fills the masked tokens in; the others never change.

    A sampled token's confidence is its log-probability plus Gumbel noise, which is multiplied by
    ``temperature · (1 - r)`` and so vanishes toward the last step.

    Args:
        logits: the model, see :data:`Logits`.
        tokens: int32 ``[b, n]``; what stands at masked places is not read.
        masked: NumPy bool ``[n]``, True = unknown, the same for every picture.
        keys: one PRNG key a picture, ``[b]``.
        steps: see :func:`schedule`.
        temperature: of the choice of what to keep, at r = 0.

    Returns:
        int32 ``[b, n]``.

    Raises:
        ValueError: if nothing is masked.

    Note:
        A picture's tokens depend on its own key, not on its place or on the batch around it. (They
        can still differ where another batch size makes the compiler sum in another order, and two
        tokens are as likely as each other to the last bit.)

    Example:
        >>> import jax, jax.numpy as jnp, numpy as np
        >>> sure = lambda tokens, masked: 99 * jax.nn.one_hot(jnp.full_like(tokens, 7), 16)
        >>> hole = np.array([False, True, True, False])
        >>> keys = jax.random.split(jax.random.key(0), 1)
        >>> sample(sure, jnp.zeros((1, 4), jnp.int32), hole, keys, steps=20, temperature=6.0)
        Array([[0, 7, 7, 0]], dtype=int32)
    """
    ratios, counts = schedule(masked.size, int(masked.sum()), steps)

    def step(carry: _Known, now: tuple[Array, Array, Array]) -> tuple[_Known, None]:
        tokens, unknown = carry
        index, ratio, count = now
        scores = logits(tokens, unknown.astype(jnp.float32)).astype(jnp.float32)
        pairs = jax.vmap(lambda key: jax.random.split(jax.random.fold_in(key, index)))(keys)
        drawn = jax.vmap(jax.random.categorical)(pairs[:, 0], scores)
        tokens = jnp.where(unknown, drawn.astype(tokens.dtype), tokens)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(scores), tokens[..., None], -1)[..., 0]
        noise = jax.vmap(lambda key: jax.random.gumbel(key, (masked.size,)))(pairs[:, 1])
        confidence = chosen + temperature * (1 - ratio) * noise
        confidence = jnp.where(unknown, confidence, jnp.inf)
        rank = jnp.argsort(jnp.argsort(confidence, axis=1), axis=1)
        return (tokens, rank < count), None

    unknown = jnp.broadcast_to(jnp.asarray(masked), tokens.shape)
    numbers = jnp.arange(len(ratios)), jnp.asarray(ratios), jnp.asarray(counts)
    (tokens, _), _ = jax.lax.scan(step, (tokens, unknown), numbers)
    return tokens
