"""Inner products of gradient trees, and the check that two trees can be multiplied.

Everything the multiplier rule sees of the gradients goes through :func:`gradient_products`, so the
precision promised by the transform is decided here, in one place.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.devices import one_cpu

_LONGEST_ROW = 16384  # Added up one by one in float32, more numbers than these lose digits.
_SMALLEST_LEAF = 32768  # Below, three sums take no longer than one loop and what is around it.
_ENOUGH_SUMS = 6  # So many, run side by side, keep a processor's adders busy.


def accumulation_dtype(*trees: Any) -> Any:
    """The dtype in which inner products of these trees are taken.

    Args:
        *trees: pytrees of arrays of any float or complex dtype.

    Returns:
        float64 if any leaf is float64 or complex128, else float32.

    Example:
        >>> import jax.numpy as jnp
        >>> accumulation_dtype({"w": jnp.zeros(3, jnp.bfloat16)}).__name__
        'float32'
    """
    wide = (jnp.dtype("float64"), jnp.dtype("complex128"))
    leaves = jax.tree.leaves(trees)
    return jnp.float64 if any(jnp.result_type(leaf) in wide for leaf in leaves) else jnp.float32


def tree_dot(left: Any, right: Any) -> Float[Array, ""]:
    r"""Inner product of two trees, :math:`\sum_i a_i b_i`.

    Products are taken after the cast to float32 (float64 for float64 leaves) and added by a plain
    sum. A matrix product would be shortened to TF32 on some GPUs and would overflow for float16
    gradients of norm 1e3; this does neither.

    Args:
        left: pytree of arrays of any shape and float dtype.
        right: pytree of the same structure and shapes.

    Returns:
        Scalar, float32, or float64 if a leaf is float64. Complex leaves count as pairs of reals.

    Example:
        >>> import jax.numpy as jnp
        >>> tree_dot({"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([3.0, 4.0])})
        Array(11., dtype=float32)
    """
    dtype = accumulation_dtype(left, right)
    total = jnp.zeros((), dtype)
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        total = total + _leaf_dot(jnp.asarray(a), jnp.asarray(b), dtype)
    return total


def _leaf_dot(a: Array, b: Array, dtype: Any) -> Array:
    if jnp.iscomplexobj(a) or jnp.iscomplexobj(b):
        return _leaf_dot(a.real, b.real, dtype) + _leaf_dot(a.imag, b.imag, dtype)
    return jnp.sum(a.astype(dtype) * b.astype(dtype))


def tree_gram(trees: Sequence[Any]) -> Float[Array, "k k"]:
    r"""Inner products of every pair of k trees, each leaf read once for all of them.

    The precision of :func:`tree_dot`, and on a single CPU an eighth of the time of three calls of
    it: one loop over both trees, which are slices of one array where both sets took one pass. A
    GPU's compiler joins such sums itself.

    Args:
        trees: k pytrees of the same structure and shapes.

    Returns:
        Symmetric; float32, or float64 if a leaf is float64.

    Example:
        >>> import jax.numpy as jnp
        >>> tree_gram([{"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([3.0, 4.0])}])
        Array([[ 5., 11.],
               [11., 25.]], dtype=float32)
    """
    dtype = accumulation_dtype(*trees)
    pairs = list(itertools.combinations_with_replacement(range(len(trees)), 2))
    totals = [jnp.zeros((), dtype)] * len(pairs)
    for leaves in zip(*map(jax.tree.leaves, trees), strict=True):
        sums = _pair_sums([jnp.asarray(leaf) for leaf in leaves], pairs, dtype)
        totals = [total + new for total, new in zip(totals, sums, strict=True)]
    of = dict(zip(pairs, totals, strict=True))
    k = range(len(trees))
    return jnp.stack([jnp.stack([of[min(i, j), max(i, j)] for j in k]) for i in k])


def _pair_sums(leaves: list[Array], pairs: list[tuple[int, int]], dtype: Any) -> list[Array]:
    if any(jnp.iscomplexobj(leaf) for leaf in leaves):
        real = _pair_sums([leaf.real for leaf in leaves], pairs, dtype)
        imag = _pair_sums([leaf.imag for leaf in leaves], pairs, dtype)
        return [a + b for a, b in zip(real, imag, strict=True)]
    wide = [leaf.astype(dtype) for leaf in leaves]
    shape = wide[0].shape
    if wide[0].size < _SMALLEST_LEAF or shape[-1] > _LONGEST_ROW or not one_cpu():
        return [jnp.sum(wide[i] * wide[j]) for i, j in pairs]
    # One loop over a row for all pairs, and with few of them for four numbers at once: XLA adds
    # number by number there, and one sum would wait for itself.
    lanes = 4 if len(pairs) < _ENOUGH_SUMS and shape[-1] % 4 == 0 else 1
    rows = [leaf.reshape(*shape[:-1], shape[-1] // lanes, lanes) for leaf in wide]
    products = [rows[i][..., lane] * rows[j][..., lane] for lane in range(lanes) for i, j in pairs]
    zeros = [jnp.zeros((), dtype)] * len(products)
    sums = jax.lax.reduce(products, zeros, _added, (len(shape) - 1,))
    return [jnp.sum(sum(sums[n :: len(pairs)])) for n in range(len(pairs))]


def _added(left: list[Array], right: list[Array]) -> list[Array]:
    return [a + b for a, b in zip(left, right, strict=True)]


def gradient_products(
    objective: Any, constraints: Any, num_constraints: int | None
) -> tuple[Float[Array, ""], Float[Array, "*m"], Float[Array, "..."]]:
    """Every inner product the rule needs.

    Args:
        objective: g_r, a pytree.
        constraints: g_f, a pytree like it, or with ``num_constraints=m`` a sequence of m.
        num_constraints: m or ``None``.

    Returns:
        ‖g_r‖²; ⟨g_r, g_i⟩ of shape () or (m,); ‖g_f‖² or the Gram matrix (m, m).

    Example:
        >>> import jax.numpy as jnp
        >>> [float(x) for x in gradient_products(jnp.array([3.0]), jnp.array([2.0]), None)]
        [9.0, 6.0, 4.0]
    """
    if num_constraints is None:
        gram = tree_gram([objective, constraints])
        return gram[0, 0], gram[0, 1], gram[1, 1]
    gram = tree_gram([objective, *constraints])
    return gram[0, 0], gram[0, 1:], gram[1:, 1:]
