"""Floating-point operations of a function's matrix products and convolutions, counted in its jaxpr.

The compiler's own count differs by platform, and leaves out what a library's kernel does.
"""

import math
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr


def count_flops(jaxpr: ClosedJaxpr) -> float:
    """Counts two operations for each multiplication with its addition; nothing else counts.

    Args:
        jaxpr: what ``jax.make_jaxpr`` gives, or the ``jaxpr`` of a traced function.

    Returns:
        FLOPs of one call. A loop counts as often as it runs, a branch as its costliest one, and a
        ``while`` loop, whose turns nobody knows, once.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> layer = jax.make_jaxpr(lambda a, b: jnp.tanh(a @ b))
        >>> count_flops(layer(jnp.ones((2, 3)), jnp.ones((3, 5))))
        60.0
    """
    return _of(jaxpr.jaxpr)


def _of(jaxpr: Jaxpr) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name == "dot_general":
            total += _dot(equation)
        elif name == "conv_general_dilated":
            total += _convolution(equation)
        else:
            inside = [_of(inner) for inner in _inner(equation.params)]
            if inside:
                times = equation.params["length"] if name == "scan" else 1
                total += times * (max(inside) if name == "cond" else sum(inside))
    return total


def _dot(equation: Any) -> float:
    ((contracted, _), _) = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    return 2.0 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[i] for i in contracted)


def _convolution(equation: Any) -> float:
    kernel = equation.invars[1].aval.shape
    numbers = equation.params["dimension_numbers"]
    outputs = kernel[numbers.rhs_spec[0]]
    # A picture dilated with zeros is not multiplied with them.
    zeros = math.prod(equation.params["lhs_dilation"])
    each = math.prod(kernel) / outputs / zeros
    return 2.0 * math.prod(equation.outvars[0].aval.shape) * each


def _inner(params: dict[str, Any]) -> list[Jaxpr]:
    """The jaxprs among an equation's parameters."""
    found = []
    for value in params.values():
        for one in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(one, ClosedJaxpr):
                found.append(one.jaxpr)
            elif isinstance(one, Jaxpr):
                found.append(one)
    return found
