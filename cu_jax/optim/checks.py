"""Checks of the transform's arguments; each message names the argument, the rule and the value."""

import math
import numbers
from typing import Any

import jax
import jax.numpy as jnp


def check_coefficients(**bounds: tuple[Any, float, bool]) -> None:
    """Checks numbers that may be traced; a tracer has no value yet and passes.

    Args:
        **bounds: name of the argument to ``(given, lower bound, whether the bound itself is
            allowed)``.

    Raises:
        ValueError: if a number is not finite or lies outside its bound.

    Example:
        >>> check_coefficients(alpha=(5.0, 0.0, False))
    """
    for name, (given, lower, inclusive) in bounds.items():
        if isinstance(given, jax.core.Tracer):
            continue
        number = float(given)
        inside = number >= lower if inclusive else number > lower
        if not (inside and math.isfinite(number)):
            rule = "at least" if inclusive else "greater than"
            raise ValueError(
                f"{name} must be finite and {rule} {lower:g}, got {given!r}: pass such a number."
            )


def check_decay(name: str, decay: Any) -> None:
    """Checks a decay, which decides what the state holds and so cannot be traced.

    Args:
        name: of the argument.
        decay: a number in [0, 1).

    Raises:
        ValueError: if it is an array or a tracer, or outside [0, 1).

    Example:
        >>> check_decay("gradient_decay", 0.9)
    """
    _check_static(name, decay)
    if not 0 <= decay < 1:
        raise ValueError(
            f"{name} must be at least 0 and less than 1, got {decay!r}: 0 keeps no running mean, "
            "0.9 averages over about ten updates."
        )


def check_count(name: str, count: Any, lower: int) -> None:
    """Checks an integer that cannot be traced.

    Args:
        name: of the argument.
        count: an integer.
        lower: the smallest one allowed.

    Raises:
        ValueError: if it is traced, no integer, or smaller.

    Example:
        >>> check_count("boundary_steps", 100, 0)
    """
    _check_static(name, count)
    if not isinstance(count, numbers.Integral) or count < lower:
        raise ValueError(
            f"{name} must be an integer of at least {lower}, got {count!r}: pass such an integer."
        )


def check_epsilon(epsilon: Any, num_constraints: int | None) -> None:
    """Checks the bound, where it has a value or a shape already.

    Args:
        epsilon: ``None``, a schedule, a number or an array.
        num_constraints: m, or ``None`` for one constraint without an axis.

    Raises:
        ValueError: if it is NaN, or of a shape that does not fit the number of constraints.

    Example:
        >>> check_epsilon(0.5, None)
    """
    if epsilon is None or callable(epsilon):
        return
    shape = jnp.shape(epsilon)
    allowed = [()] if num_constraints is None else [(), (num_constraints,)]
    if shape not in allowed:
        raise ValueError(
            f"epsilon must have shape {' or '.join(map(str, allowed))}, got shape {shape}: pass "
            "one bound for each constraint and set num_constraints to their number."
        )
    if isinstance(epsilon, jax.core.Tracer):
        return
    with jax.ensure_compile_time_eval():  # the factory may be called while a program is traced
        undefined = bool(jnp.any(jnp.isnan(jnp.asarray(epsilon))))
    if undefined:
        raise ValueError(
            f"epsilon must not be NaN, got {epsilon!r}: pass a number, a schedule, or None for the "
            "boundary phase throughout."
        )


def _check_static(name: str, given: Any) -> None:
    if isinstance(given, (jax.Array, bool)) or not isinstance(given, numbers.Real):
        kind = "a traced or device array" if isinstance(given, jax.Array) else repr(given)
        raise ValueError(
            f"{name} must be a plain Python number because the shape of the state or of the "
            f"program depends on it, got {kind}: under optax.inject_hyperparams list it in "
            "static_args."
        )
