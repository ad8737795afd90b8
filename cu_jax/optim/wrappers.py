"""The whole optimizer in one call, and the wrapper that skips a non-finite step entirely."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from cu_jax.optim.checks import check_coefficients
from cu_jax.optim.inner_products import tree_dot
from cu_jax.optim.state import EpsilonConstraintState
from cu_jax.optim.transform import Epsilon, epsilon_constraint


class SkipNonfiniteState(NamedTuple):
    """State of :func:`skip_nonfinite`.

    Attributes:
        inner_state: of the wrapped transformation.
        notfinite_count: int32, steps skipped so far.
    """

    inner_state: Any
    notfinite_count: Int[Array, ""]


def skip_nonfinite(
    inner: optax.GradientTransformation,
) -> optax.GradientTransformationExtraArgs:
    """Skips a step whole if a gradient, the constraint's value or the loss is not finite.

    The updates are then zero, and all of the inner state is kept bit for bit. A zero *direction*
    is not enough: after one, Adam's moments still move the parameters.

    Args:
        inner: the **whole** chain, combination and base optimizer.

    Returns:
        A transformation with the same update arguments as ``inner``. It looks at the updates and,
        if given, at ``constraint_grad``, ``constraint_value`` and ``value``, the loss; a step that
        an :func:`epsilon_constraint` inside counts as not finite (its λ overflowed, say) is skipped
        as well. State: :class:`SkipNonfiniteState`.

    Note:
        ``optax.apply_if_finite`` sees the objective's gradient only, and gives up after some
        steps. A gradient whose squared norm overflows float32 counts as not finite.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> tx = skip_nonfinite(optax.adam(0.1))
        >>> updates, state = tx.update(jnp.array([jnp.nan]), tx.init(jnp.ones(1)))
        >>> updates, int(state.notfinite_count)
        (Array([0.], dtype=float32), 1)
    """
    inner = optax.with_extra_args_support(inner)

    def init_fn(params: optax.Params) -> SkipNonfiniteState:
        return SkipNonfiniteState(inner.init(params), jnp.zeros((), jnp.int32))

    def update_fn(
        updates: optax.Updates,
        state: SkipNonfiniteState,
        params: optax.Params | None = None,
        **extra_args: Any,
    ) -> tuple[optax.Updates, SkipNonfiniteState]:
        seen = [updates, *(extra_args.get(f"constraint_{name}") for name in ("grad", "value"))]
        seen.append(extra_args.get("value"))
        # A sum of squares is finite where all of them are.
        finite = jnp.all(jnp.stack([jnp.isfinite(tree_dot(x, x)) for x in seen]))
        updates, moved = _update_if(finite, inner, updates, state.inner_state, params, extra_args)
        inside = _nonfinite_steps(moved) == _nonfinite_steps(state.inner_state)
        if inside is not True:  # a transform inside had its own say
            updates = jax.tree.map(lambda u: jnp.where(inside, u, jnp.zeros_like(u)), updates)
            moved = _selected(inside, moved, state.inner_state)
            finite &= inside
        skipped = jnp.where(finite, 0, 1).astype(jnp.int32)
        return updates, SkipNonfiniteState(moved, state.notfinite_count + skipped)

    return optax.GradientTransformationExtraArgs(init_fn, update_fn)


def constrained(
    base: optax.GradientTransformation,
    epsilon: Epsilon,
    *,
    clip: float | None = None,
    **kwargs: Any,
) -> optax.GradientTransformationExtraArgs:
    """Makes any optimizer minimize the objective subject to constraint ≤ ε.

    What ``skip_nonfinite(chain(epsilon_constraint(epsilon, **kwargs), clip, base))`` does, in less
    memory: the gradients are combined first, then clipped, then handed to the base optimizer.

    Args:
        base: any optimizer.
        epsilon: bound, as in :func:`epsilon_constraint`.
        clip: greatest global norm of the combined direction, > 0; ``None`` leaves it alone.
        **kwargs: further arguments of :func:`epsilon_constraint`.

    Returns:
        A transformation whose update takes ``constraint_grad`` and ``constraint_value``, and if you
        like ``value``, the objective's, which is then looked at too. Its state's
        ``notfinite_count`` counts skipped steps; :func:`constraint_state` finds λ and the rest in
        it.

    Raises:
        ValueError: if ``clip`` is not greater than 0, or as :func:`epsilon_constraint`.

    Example:
        >>> import jax, jax.numpy as jnp, optax
        >>> tx = constrained(optax.adam(0.05), epsilon=1.0, clip=10.0)
        >>> params = {"x": jnp.array(0.0)}
        >>> updates, state = tx.update(
        ...     {"x": jnp.array(-6.0)}, tx.init(params), params,
        ...     constraint_grad={"x": jnp.array(0.0)}, constraint_value=jnp.array(0.0),
        ... )
        >>> round(float(updates["x"]), 3)
        0.05
    """
    combine = epsilon_constraint(epsilon, **kwargs)
    if clip is not None:
        check_coefficients(clip=(clip, 0.0, False))
        base = optax.chain(optax.clip_by_global_norm(clip), base)
    base = optax.with_extra_args_support(base)

    def init_fn(params: optax.Params) -> SkipNonfiniteState:
        inner_state = (combine.init(params), base.init(params))
        return SkipNonfiniteState(inner_state, jnp.zeros((), jnp.int32))

    def update_fn(
        updates: optax.Updates,
        state: SkipNonfiniteState,
        params: optax.Params | None = None,
        **extra_args: Any,
    ) -> tuple[optax.Updates, SkipNonfiniteState]:
        rule, base_state = state.inner_state
        direction, moved_rule = combine.update(updates, rule, params, **extra_args)
        value = extra_args.get("value")
        finite = moved_rule.notfinite_count == rule.notfinite_count
        finite &= jnp.isfinite(tree_dot(value, value))
        updates, base_state = _update_if(finite, base, direction, base_state, params, extra_args)
        inner_state = (_selected(finite, moved_rule, rule), base_state)
        skipped = jnp.where(finite, 0, 1).astype(jnp.int32)
        return updates, SkipNonfiniteState(inner_state, state.notfinite_count + skipped)

    return optax.GradientTransformationExtraArgs(init_fn, update_fn)


def _update_if(
    condition: jax.Array,
    tx: optax.GradientTransformationExtraArgs,
    updates: Any,
    state: Any,
    params: Any,
    extra_args: dict[str, Any],
) -> tuple[Any, Any]:
    """One update, or zeros and the same state.

    A branch, not a choice between two results: those would both be in memory, moments included.
    """

    def update() -> tuple[Any, Any]:
        return tx.update(updates, state, params, **extra_args)

    def stay() -> tuple[Any, Any]:
        like, like_state = jax.eval_shape(update)
        zeros = jax.tree.map(lambda u: _of_type(jnp.zeros_like(u), u), like)
        return zeros, jax.tree.map(_of_type, state, like_state)

    if not isinstance(condition, jax.core.Tracer):  # outside jit a branch would compile each time
        return update() if condition else stay()
    return jax.lax.cond(condition, update, stay)


def _of_type(value: Any, like: Any) -> Any:
    """The value in the dtype of ``like`` and, inside ``shard_map``, varying over the same axes."""
    if jnp.result_type(value) != like.dtype:
        value = jnp.asarray(value, like.dtype)
    wanted = getattr(like, "manual_axis_type", None)
    if wanted is None or not wanted.varying:
        return value
    missing = wanted.varying - jax.typeof(value).manual_axis_type.varying
    return jax.lax.pcast(value, tuple(missing), to="varying") if missing else value


def _selected(condition: jax.Array, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


def _nonfinite_steps(opt_state: Any) -> Any:
    """Steps that the transforms inside answered with a zero direction; 0 if there are none."""

    def is_state(node: Any) -> bool:
        return isinstance(node, EpsilonConstraintState)

    found = jax.tree.leaves(opt_state, is_leaf=is_state)
    return sum(node.notfinite_count for node in found if is_state(node))
