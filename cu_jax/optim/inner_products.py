"""Inner products of gradient trees, and the check that two trees can be multiplied.

Everything the multiplier rule sees of the two gradients goes through :func:`tree_dot`, so the
precision promised by the transform is decided here, in one place.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


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
    sq_norm = tree_dot(objective, objective)
    if num_constraints is None:
        return sq_norm, tree_dot(objective, constraints), tree_dot(constraints, constraints)
    dots = jnp.stack([tree_dot(objective, g) for g in constraints])
    rows: list[list[Array]] = []
    for i, left in enumerate(constraints):
        above = [row[i] for row in rows]  # the matrix is symmetric
        rows.append(above + [tree_dot(left, right) for right in constraints[i:]])
    return sq_norm, dots, jnp.stack([jnp.stack(row) for row in rows])
