"""The constraint's side of an update: checked, masked like the objective's, of a known shape."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from cu_jax.optim.inner_products import accumulation_dtype


def constraint_inputs(
    objective_grad: Any, constraint_grad: Any, constraint_value: Any, num_constraints: int | None
) -> tuple[Any, jax.Array]:
    """Checks the extra arguments of an update.

    Args:
        objective_grad: pytree of arrays.
        constraint_grad: pytree of the same structure and shapes; with ``num_constraints=m`` a
            sequence of m of them.
        constraint_value: scalar; with ``num_constraints=m`` m scalars or an array (m,).
        num_constraints: m or ``None``.

    Returns:
        The gradients (a tuple if m is given) with the nodes masked that ``objective_grad`` has
        masked, and the value as an array of shape () or (m,).

    Raises:
        ValueError: if one is missing, or of another structure, shape or number.

    Example:
        >>> import jax.numpy as jnp
        >>> constraint_inputs(jnp.ones(2), jnp.zeros(2), 1.0, None)
        (Array([0., 0.], dtype=float32), Array(1., dtype=float32))
    """
    for name, given in (
        ("constraint_grad", constraint_grad),
        ("constraint_value", constraint_value),
    ):
        if given is None:
            raise ValueError(
                f"{name} must be given to every update, got None: call update(objective_grad, "
                "state, params, constraint_grad=..., constraint_value=...)."
            )
    shape = () if num_constraints is None else (num_constraints,)
    value = jnp.asarray(constraint_value)
    value = value.astype(jnp.promote_types(value.dtype, accumulation_dtype(objective_grad)))
    if value.shape != shape:
        raise ValueError(
            f"constraint_value must have shape {shape} for num_constraints={num_constraints}, got "
            f"shape {value.shape}: pass one scalar for each constraint."
        )
    if num_constraints is None:
        return _agreeing(objective_grad, constraint_grad, "constraint_grad"), value
    if not isinstance(constraint_grad, (list, tuple)) or len(constraint_grad) != num_constraints:
        raise ValueError(
            f"constraint_grad must be a list or tuple of num_constraints={num_constraints} trees, "
            f"got {_describe_sequence(constraint_grad)}: pass one gradient for each constraint."
        )
    return tuple(
        _agreeing(objective_grad, grad, f"constraint_grad[{i}]")
        for i, grad in enumerate(constraint_grad)
    ), value


def _agreeing(objective_grad: Any, constraint_grad: Any, name: str) -> Any:
    constraint_grad = drop_masked(objective_grad, constraint_grad)
    require_same_tree(objective_grad, constraint_grad, name)
    return constraint_grad


def drop_masked(objective_grad: Any, constraint_grad: Any) -> Any:
    """Removes from the constraint's gradient what ``optax.masked`` removed from the objective's.

    ``optax.masked`` and ``optax.partition`` replace what they hide in the updates by
    ``optax.MaskedNode`` and, by default, hand extra arguments through whole.

    Args:
        objective_grad: pytree, perhaps with ``optax.MaskedNode`` in place of sub-trees.
        constraint_grad: pytree of the parameters' structure, whole or already masked.

    Returns:
        The constraint's gradient with the same nodes masked.

    Example:
        >>> import optax
        >>> drop_masked({"a": 1.0, "b": optax.MaskedNode()}, {"a": 2.0, "b": 3.0})
        {'a': 2.0, 'b': MaskedNode()}
    """

    def is_masked(node: Any) -> bool:
        return isinstance(node, optax.MaskedNode)

    if not any(is_masked(n) for n in jax.tree.leaves(objective_grad, is_leaf=is_masked)):
        return constraint_grad
    try:
        return jax.tree.map(
            lambda kept, given: kept if is_masked(kept) else given,
            objective_grad,
            constraint_grad,
            is_leaf=is_masked,
        )
    except ValueError:  # the structures differ for another reason, which require_same_tree names
        return constraint_grad


def require_same_tree(
    objective_grad: Any, constraint_grad: Any, name: str = "constraint_grad"
) -> None:
    """Raises unless both gradients have the same leaves with the same shapes.

    Args:
        objective_grad: pytree of arrays.
        constraint_grad: pytree of arrays.
        name: of the second one, for the message.

    Raises:
        ValueError: naming the first path at which they differ.

    Example:
        >>> import jax.numpy as jnp
        >>> require_same_tree({"w": jnp.ones(3)}, {"w": jnp.ones(3)})
    """
    ours = {jax.tree_util.keystr(p): jnp.shape(x) for p, x in _leaves_with_path(objective_grad)}
    theirs = {jax.tree_util.keystr(p): jnp.shape(x) for p, x in _leaves_with_path(constraint_grad)}
    for path in [*ours, *theirs]:
        if ours.get(path) != theirs.get(path):
            raise ValueError(
                f"{name} must have the structure and shapes of the objective's gradient, "
                f"but at params{path} the objective has {_describe(ours.get(path))} and the "
                f"constraint {_describe(theirs.get(path))}: differentiate both by the same params."
            )


def _leaves_with_path(tree: Any) -> Any:
    return jax.tree_util.tree_leaves_with_path(tree)


def _describe(shape: tuple[int, ...] | None) -> str:
    return "no leaf" if shape is None else f"shape {shape}"


def _describe_sequence(given: Any) -> str:
    kind = type(given).__name__
    return f"a {kind} of {len(given)}" if isinstance(given, (list, tuple)) else f"a {kind}"
