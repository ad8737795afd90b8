"""Values and gradients of the objective and the constraint, whole or by microbatches."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def value_and_grads(
    objective: Callable[..., Any],
    constraint: Callable[..., Any],
    *,
    has_aux: bool = False,
    microbatches: int = 1,
) -> Callable[..., Any]:
    r"""Differentiates two losses, each on its own batch.

    With k microbatches each loss is evaluated on k parts of its batch, one after the other, and
    values and gradients are averaged: the same numbers as one big batch for losses that are means
    over the batch, in the memory of one microbatch and two gradient trees.

    Args:
        objective: ``objective(params, batch, *args) -> scalar``; with ``has_aux``,
            ``(scalar, aux)``.
        constraint: the same for the constraint.
        has_aux: whether both losses return a second value.
        microbatches: k ≥ 1, a divisor of both batch sizes.

    Returns:
        ``f(params, objective_batch, constraint_batch, *args)`` that returns
        ``((objective, constraint), (objective_grad, constraint_grad))`` and, with ``has_aux``, the
        two aux values as a third pair. With k > 1 every leaf of aux has a new leading axis k.

    Raises:
        ValueError: if ``microbatches`` is no integer ≥ 1; by ``f``, if it does not divide the
            leading axis of every leaf of a batch.

    Note:
        ``*args`` go unchanged to every microbatch. What belongs to an example (a mask, a key for
        its corruption) belongs in its batch. Microbatch j takes the examples j, j+k, j+2k, …, so
        that a batch sharded over devices stays evenly sharded.

    Example:
        >>> import jax.numpy as jnp
        >>> f = value_and_grads(lambda p, x: jnp.mean((p - x) ** 2), lambda p, x: jnp.mean(p * x))
        >>> values, grads = f(jnp.array(2.0), jnp.array([1.0, 1.0]), jnp.array([3.0, 5.0]))
        >>> [float(v) for v in values], [float(g) for g in grads]
        ([1.0, 8.0], [2.0, 4.0])
    """
    if isinstance(microbatches, bool) or not isinstance(microbatches, int) or microbatches < 1:
        raise ValueError(
            f"microbatches must be an integer of at least 1, got {microbatches!r}: pass the number "
            "of parts each batch is cut into."
        )

    def differentiate(
        params: Any, objective_batch: Any, constraint_batch: Any, *args: Any
    ) -> tuple[Any, ...]:
        first = _mean_value_and_grad(
            objective, has_aux, microbatches, params, objective_batch, args
        )
        second = _mean_value_and_grad(
            constraint, has_aux, microbatches, params, constraint_batch, args
        )
        return tuple(zip(first, second, strict=True))

    return differentiate


def _mean_value_and_grad(
    loss: Callable[..., Any], has_aux: bool, parts: int, params: Any, batch: Any, args: Any
) -> tuple[Any, ...]:
    """``(value, grad)`` or ``(value, grad, aux)`` of one loss, averaged over its microbatches."""
    evaluate = jax.value_and_grad(loss, has_aux=has_aux)

    def evaluate_part(microbatch: Any) -> tuple[Any, Any]:
        out, grad = evaluate(params, microbatch, *args)
        value, aux = out if has_aux else (out, None)
        return (value, grad), aux

    if parts == 1:
        (value, grad), aux = evaluate_part(batch)
        return (value, grad, aux) if has_aux else (value, grad)

    def accumulate(total: Any, index: jax.Array) -> tuple[Any, Any]:
        new, aux = evaluate_part(jax.tree.map(lambda leaf: _part(leaf, index, parts), batch))
        return jax.tree.map(lambda t, x: t + x.astype(t.dtype) / parts, total, new), aux

    result, _ = jax.eval_shape(evaluate_part, jax.tree.map(lambda x: _part(x, 0, parts), batch))
    # Sums of many small terms: in float32 at least.
    start = jax.tree.map(
        lambda s: jnp.zeros(s.shape, jnp.promote_types(s.dtype, jnp.float32)), result
    )
    mean, aux = jax.lax.scan(accumulate, start, jnp.arange(parts))
    value, grad = jax.tree.map(lambda m, s: m.astype(s.dtype), mean, result)
    return (value, grad, aux) if has_aux else (value, grad)


def _part(leaf: Any, index: Any, parts: int) -> jax.Array:
    """The examples index, index + parts, … of a leaf; nothing else of it is copied."""
    shape = jnp.shape(leaf)
    if not shape or shape[0] % parts:
        raise ValueError(
            f"Every leaf of a batch must have a leading axis that microbatches={parts} divides, "
            f"got shape {shape}: change the batch size or microbatches, or pass what is no batch "
            "in *args."
        )
    rows = jnp.reshape(leaf, (shape[0] // parts, parts, *shape[1:]))
    return jax.lax.dynamic_index_in_dim(rows, index, axis=1, keepdims=False)
