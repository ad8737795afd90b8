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
    _check_microbatches(microbatches)

    def differentiate(
        params: Any, objective_batch: Any, constraint_batch: Any, *args: Any
    ) -> tuple[Any, ...]:
        def of(loss: Callable[..., Any], batch: Any) -> tuple[Any, ...]:
            evaluate = jax.value_and_grad(loss, has_aux=has_aux)

            def evaluate_part(microbatch: Any) -> tuple[Any, Any]:
                out, grad = evaluate(params, microbatch, *args)
                value, aux = out if has_aux else (out, None)
                return (value, grad), aux

            (value, grad), aux = _mean(evaluate_part, microbatches, batch)
            return (value, grad, aux) if has_aux else (value, grad)

        pairs = zip(of(objective, objective_batch), of(constraint, constraint_batch), strict=True)
        return tuple(pairs)

    return differentiate


def joint_value_and_grads(
    loss: Callable[..., Any], examples: Callable[..., Any], *, microbatches: int = 1
) -> Callable[..., Any]:
    r"""Differentiates one loss on two batches at once, where objective and constraint are alike.

    Both batches run through the network together, so that its matrix products are twice as tall
    and half as many, and each has its own gradient. The numbers are those of
    :func:`value_and_grads`; the maps of both batches are in memory at once. Gradients of
    convolutions' kernels are slower so, for they become grouped convolutions.

    Args:
        loss: ``loss(params, example, *args) -> scalar``, of what belongs to one batch.
        examples: ``examples(objective_batch, constraint_batch, *args)`` to what ``loss`` reads of
            both: a tree of arrays with a leading axis of 2, the objective's first, so that both
            batches must have the same shapes. No gradient flows through it.
        microbatches: as for :func:`value_and_grads`.

    Returns:
        ``f(params, objective_batch, constraint_batch, *args)`` that returns
        ``((objective, constraint), (objective_grad, constraint_grad))``.

    Raises:
        ValueError: as :func:`value_and_grads`.

    Example:
        >>> import jax.numpy as jnp
        >>> f = joint_value_and_grads(
        ...     lambda p, pair: jnp.mean((p * pair[0] - pair[1]) ** 2),
        ...     lambda x, y: (jnp.stack([x, y]), jnp.stack([x, jnp.zeros_like(y)])),
        ... )
        >>> values, grads = f(jnp.array(2.0), jnp.array([1.0, 1.0]), jnp.array([1.0, 3.0]))
        >>> [float(v) for v in values], [float(g) for g in grads]
        ([1.0, 20.0], [2.0, 20.0])
    """
    _check_microbatches(microbatches)

    def differentiate(
        params: Any, objective_batch: Any, constraint_batch: Any, *args: Any
    ) -> tuple[Any, ...]:
        evaluate = jax.vmap(lambda one: jax.value_and_grad(loss)(params, one, *args))

        def evaluate_part(pair: Any) -> tuple[Any, Any]:
            return evaluate(jax.lax.stop_gradient(examples(*pair, *args))), None

        both, _ = _mean(evaluate_part, microbatches, (objective_batch, constraint_batch))
        first, second = (jax.tree.map(lambda x, i=i: x[i], both) for i in range(2))
        return tuple(zip(first, second, strict=True))

    return differentiate


def _check_microbatches(microbatches: object) -> None:
    if isinstance(microbatches, bool) or not isinstance(microbatches, int) or microbatches < 1:
        raise ValueError(
            f"microbatches must be an integer of at least 1, got {microbatches!r}: pass the number "
            "of parts each batch is cut into."
        )


def _mean(
    evaluate_part: Callable[[Any], tuple[Any, Any]], parts: int, batch: Any
) -> tuple[Any, Any]:
    """A result averaged over a batch's microbatches, and what else each of them gives, stacked."""
    if parts == 1:
        return evaluate_part(batch)

    def accumulate(total: Any, index: jax.Array) -> tuple[Any, Any]:
        new, aux = evaluate_part(jax.tree.map(lambda leaf: _part(leaf, index, parts), batch))
        return jax.tree.map(lambda t, x: t + x.astype(t.dtype) / parts, total, new), aux

    result, _ = jax.eval_shape(evaluate_part, jax.tree.map(lambda x: _part(x, 0, parts), batch))
    # Sums of many small terms: in float32 at least.
    start = jax.tree.map(
        lambda s: jnp.zeros(s.shape, jnp.promote_types(s.dtype, jnp.float32)), result
    )
    mean, aux = jax.lax.scan(accumulate, start, jnp.arange(parts))
    return jax.tree.map(lambda m, s: m.astype(s.dtype), mean, result), aux


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
