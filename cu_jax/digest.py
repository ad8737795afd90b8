"""One number for a tree of arrays, by which a copy of it is known to be whole."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, UInt


@jax.jit
def digest(tree: Any) -> UInt[Array, ""]:
    """A 32-bit digest of the bits of all arrays of a tree.

    A sum of words, each times an odd number of its place, modulo 2³²: it changes with any one bit,
    and does not depend on how the arrays are split over devices, for such sums are exact.

    Args:
        tree: pytree of arrays of numbers or bools.

    Returns:
        uint32.

    Note:
        It tells accidents, not attacks.

    Example:
        >>> ones = {"w": jnp.ones(3)}
        >>> bool(digest(ones) == digest(ones)), bool(digest(ones) == digest({"w": jnp.zeros(3)}))
        (True, False)
    """
    total = jnp.zeros((), jnp.uint32)
    for leaf in jax.tree.leaves(tree):
        total = total * jnp.uint32(1_000_003) + _leaf_digest(jnp.asarray(leaf))
    return total


def _leaf_digest(leaf: Array) -> Array:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if jnp.iscomplexobj(leaf):
        leaf = jnp.stack([leaf.real, leaf.imag])
    if leaf.dtype == bool:
        leaf = leaf.astype(jnp.uint8)
    size = leaf.dtype.itemsize
    words = jax.lax.bitcast_convert_type(leaf, jnp.dtype(f"uint{8 * min(size, 4)}"))
    words = words.astype(jnp.uint32)
    place = jnp.zeros(words.shape, jnp.uint32)
    for axis, length in enumerate(words.shape):
        place = place * jnp.uint32(length) + jax.lax.broadcasted_iota(jnp.uint32, words.shape, axis)
    return jnp.sum(words * (2 * place + 1), dtype=jnp.uint32)
