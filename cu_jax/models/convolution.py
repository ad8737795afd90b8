r"""Convolutions of 3 x 3 pixels, with half as many multiplications on a CPU.

Winograd's minimal filtering F(m, 3) gives m neighboring sums of three products each for m + 2
multiplications in place of 3 m:

.. math:: y = A^T \left[ (G g) \odot (B^T d) \right]

of m + 2 inputs d and three taps g. Here d, g and y are whole rows (or columns) of maps, and the
multiplications are convolutions along the other side, or products of matrices of channels.

References:
    Winograd, Arithmetic Complexity of Computations, 1980.
    Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016,
    https://arxiv.org/abs/1509.09308.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cu_jax.devices import one_cpu

_LAYOUT = ("NHWC", "HWIO", "NHWC")
_FEWEST_CHANNELS = 64  # With fewer, or fewer products (b h w c d), the sums before and after the
_FEWEST_PRODUCTS = 2**21  # multiplications take longer than what is saved.


class Filter(NamedTuple):
    """The matrices of F(m, 3)."""

    inputs: np.ndarray
    """Bᵀ, ``[m + 2, m + 2]``."""
    taps: np.ndarray
    """G, ``[m + 2, 3]``."""
    outputs: np.ndarray
    """Aᵀ, ``[m, m + 2]``."""

    @property
    def size(self) -> int:
        """m, how many outputs there are at a time."""
        return len(self.outputs)

    def backwards(self) -> "Filter":
        """The same for taps in the other order: inputs and outputs are counted from the end."""
        return Filter(self.inputs[:, ::-1], self.taps, self.outputs[::-1])


TWO = Filter(
    inputs=np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    taps=np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]),
    outputs=np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
)
"""F(2, 3), as exact in float32 as the sums it replaces."""

FOUR = Filter(
    inputs=np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
    taps=np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
    outputs=np.array(
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    ),
)
"""F(4, 3): half of the multiplications, and an error of some 3e-6 of the largest output."""


def convolution(
    x: Array, kernel: Array, strides: Sequence[int], padding: Any, **settings: Any
) -> Array:
    """What ``jax.lax.conv_general_dilated`` does, for ``flax.linen.Conv(conv_general_dilated=…)``.

    On a single CPU a float32 convolution of 3 x 3 pixels that keeps the sides is done by
    :func:`filtered` where that is faster; all others, and those on other devices, are XLA's.

    Args:
        x: ``[b, h, w, c]``.
        kernel: ``[kh, kw, c, d]``, same dtype.
        strides: of both sides.
        padding: as ``conv_general_dilated`` takes it.
        **settings: the rest of what Flax hands over.

    Returns:
        ``[b, h', w', d]``.

    Example:
        >>> from flax.linen import Conv
        >>> layer = Conv(5, (3, 3), conv_general_dilated=convolution)
        >>> layer.init_with_output(jax.random.key(0), jnp.ones((1, 4, 6, 2)))[0].shape
        (1, 4, 6, 5)
    """
    dilations = (settings["lhs_dilation"], settings["rhs_dilation"])
    ordinary = padding == "SAME" and settings["feature_group_count"] == 1
    ordinary &= all(tuple(each) == (1, 1) for each in (strides, *dilations))
    if one_cpu() and ordinary and kernel.shape[:2] == (3, 3) and _is_worth_it(x, kernel):
        return filtered(x, kernel)
    return jax.lax.conv_general_dilated(x, kernel, strides, padding, **settings)


def _is_worth_it(x: Array, kernel: Array) -> bool:
    if not x.dtype == kernel.dtype == jnp.float32 or _filter_of(x.shape, kernel.shape) is None:
        return False
    products = math.prod(x.shape[:3]) * math.prod(kernel.shape[2:])
    return min(kernel.shape[2:]) >= _FEWEST_CHANNELS and products >= _FEWEST_PRODUCTS


@jax.custom_vjp
def filtered(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"]
) -> Float[Array, "b h w d"]:
    """A convolution that keeps the sides, by minimal filtering, as are its gradients.

    Maps larger than the kernel take :data:`FOUR` along the height and a convolution along the
    width; small ones, where reading the kernel is what takes time, :data:`TWO` along both.

    Args:
        x: float32; h a multiple of four, or h and w even where ``b h w < 9 max(c, d)``.
        kernel: float32.

    Raises:
        ValueError: if h and w are not of that kind.

    Note:
        As any function with a gradient of its own it has no forward-mode derivative (``jax.jvp``).

    Example:
        >>> x, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 1))
        >>> filtered(x, kernel)[0, :, :, 0].round()
        Array([[ 8., 12., 12.,  8.],
               [12., 18., 18., 12.],
               [12., 18., 18., 12.],
               [ 8., 12., 12.,  8.]], dtype=float32)
    """
    return _applied(x, kernel, transposed=False)


def _forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return filtered(x, kernel), (x, kernel)


def _backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    return _applied(gradient, kernel, transposed=True), _kernel_gradient(x, gradient)


filtered.defvjp(_forward, _backward)


def _filter_of(maps: Sequence[int], kernel: Sequence[int]) -> Filter | None:
    b, height, width, _ = maps
    if b * height * width < 9 * max(kernel[2:]) and height % 2 == width % 2 == 0:
        return TWO
    return FOUR if height % 4 == 0 else None


def _chosen(maps: Sequence[int], kernel: Sequence[int]) -> Filter:
    if (found := _filter_of(maps, kernel)) is None:
        raise ValueError(
            "The height of maps that are filtered must be a multiple of four, but is "
            f"{maps[1]}: call cu_jax.models.convolution.convolution, which leaves them to XLA."
        )
    return found


def _applied(x: Array, kernel: Array, *, transposed: bool) -> Array:
    """The convolution, or its transpose: with the kernel turned around, from d channels to c."""
    chosen = _chosen(x.shape, kernel.shape)
    f = chosen.backwards() if transposed else chosen

    def along_width(rows: Array, taps: Array) -> Array:
        """One of the multiplications along the height: rows by taps ``[3, c, d]``."""
        if chosen is TWO:
            return _minimal(rows, taps, f, 2, by_channels)
        taps = taps[::-1].swapaxes(1, 2) if transposed else taps
        return jax.lax.conv_general_dilated(rows, taps[None], (1, 1), "SAME", None, None, _LAYOUT)

    def by_channels(pixels: Array, tap: Array) -> Array:
        channels = ((3,), (1 if transposed else 0,))
        return jax.lax.dot_general(pixels, tap, (channels, ((), ())))

    return _minimal(x, kernel, f, 1, along_width)


def _minimal(
    x: Array, taps: Array, f: Filter, axis: int, multiply: Callable[[Array, Array], Array]
) -> Array:
    """F(m, 3) along ``axis``, with zeros beyond the ends; ``multiply`` takes care of the rest."""
    pairs = zip(_inputs(x, f, axis), _sums(f.taps, list(taps)), strict=True)
    outputs = jnp.stack(_sums(f.outputs, [multiply(*pair) for pair in pairs]), axis + 1)
    return outputs.reshape(*x.shape[: axis + 1], *outputs.shape[axis + 2 :])


def _inputs(x: Array, f: Filter, axis: int) -> list[Array]:
    """The m + 2 combinations of neighbors, each an mth as long along ``axis``."""
    padded, span = _padded(x, axis), x.shape[axis] - f.size + 1
    starts = range(f.size + 2)
    neighbors = [jax.lax.slice_in_dim(padded, n, n + span, f.size, axis) for n in starts]
    return _sums(f.inputs, neighbors)


def _padded(x: Array, axis: int) -> Array:
    return jnp.pad(x, [(1, 1) if n == axis else (0, 0) for n in range(x.ndim)])


def _sums(factors: np.ndarray, terms: Sequence[Array]) -> list[Array]:
    """A matrix by a vector of arrays; terms with a factor of zero are left out."""
    sums = []
    for row in factors:
        kept = [(factor, term) for factor, term in zip(row, terms, strict=True) if factor]
        scaled = [term if factor == 1 else term * np.float32(factor) for factor, term in kept]
        sums.append(functools.reduce(jnp.add, scaled))
    return sums


def _kernel_gradient(x: Array, gradient: Array) -> Array:
    """The gradient for the kernel, ``[3, 3, c, d]``: transposed, F(m, 3) takes m to three sums."""
    f = _chosen(x.shape, (3, 3, x.shape[-1], gradient.shape[-1]))
    gradients = _sums(f.outputs.T, [gradient[:, n :: f.size] for n in range(f.size)])
    products = [_correlated(*pair) for pair in zip(_inputs(x, f, 1), gradients, strict=True)]
    return jnp.stack(_sums(f.taps.T, products))


def _correlated(rows: Array, gradient: Array) -> Array:
    """Products of rows with a gradient, summed over pixels, for three taps: ``[3, c, d]``.

    A convolution along the width whose pictures are the channels and whose channels are the rows.
    """
    c, d, width = rows.shape[-1], gradient.shape[-1], rows.shape[2]
    images = _padded(rows, 2).transpose(2, 3, 0, 1).reshape(1, width + 2, c, -1)
    kernel = gradient.transpose(2, 0, 1, 3).reshape(width, 1, -1, d)
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", None, None, _LAYOUT)[0]
