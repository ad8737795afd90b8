"""The blocks that the Inception-v3 of the Fréchet Inception distance is built of.

Each block runs several branches over the same maps and puts their channels side by side, in the
order in which they are written here. Names are those of the published file. Pictures are NHWC.
"""

from collections.abc import Callable
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Maps = Float[Array, "b h w c"]
Made = Float[Array, "b height width channels"]
"""Of another size, or with other channels."""

_EPS = 1e-3
"""Added to a channel's variance, as the network was trained."""


class ConvNorm(nn.Module):
    r"""A convolution without bias, its channels scaled and shifted by fixed statistics, and ReLU.

    .. math:: \max(0, \gamma (z - \mu) / \sqrt{\sigma^2 + 10^{-3}} + \beta)

    Attributes:
        width: channels of the result.
        window: height and width of the kernel.
        stride: pixels from one place to the next.
        padding: ``SAME`` pads with zeros, so that only the stride makes maps smaller; ``VALID``
            does not.
    """

    width: int
    window: tuple[int, int]
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: Maps) -> Made:
        """Maps to maps, float32."""
        # Padded maps whose edge is cut off: XLA takes a CPU to a 3 x 3 convolution without padding
        # for three to seven times as long.
        cut = self.padding == "VALID" and self.stride == 1
        x = nn.Conv(
            self.width,
            self.window,
            (self.stride, self.stride),
            "SAME" if cut else self.padding,
            use_bias=False,
            # Accelerators otherwise round to 10 bits, which distances of features would show.
            precision=jax.lax.Precision.HIGHEST,
            name="conv",
        )(x)
        if cut:
            top, left = (side // 2 for side in self.window)
            x = x[:, top : x.shape[1] - top, left : x.shape[2] - left]
        return nn.relu(_FixedNorm(name="bn")(x))


class _FixedNorm(nn.Module):
    """Batch normalization that is not trained any more; all four vectors are parameters."""

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        def vector(name: str, initial: Callable[..., Any]) -> Array:
            return jnp.asarray(self.param(name, initial, (x.shape[-1],)))

        scale = vector("scale", nn.initializers.ones) * jax.lax.rsqrt(
            vector("var", nn.initializers.ones) + _EPS
        )
        shift = vector("bias", nn.initializers.zeros) - scale * vector(
            "mean", nn.initializers.zeros
        )
        return x * scale + shift


def pool(x: Maps, kind: Literal["max", "mean"], stride: int = 1) -> Made:
    """Maximum or mean over 3 x 3 places.

    Args:
        x: maps.
        kind: which of them.
        stride: 1 keeps the maps' size, and places beyond the edge count in no mean; 2 halves it.

    Returns:
        Maps of the same channels.

    Note:
        Three slices a side, which XLA joins into one loop: Flax's pooling takes a CPU five times as
        long.

    Example:
        >>> pool(jnp.ones((1, 4, 4, 1)), "mean")[0, 0, 0].item()
        1.0
    """
    join, beyond = (jnp.maximum, -jnp.inf) if kind == "max" else (jnp.add, 0.0)
    edge = (1, 1) if stride == 1 else (0, 0)

    def pooled(values: Array) -> Array:
        values = jnp.pad(values, ((0, 0), edge, edge, (0, 0)), constant_values=beyond)
        for axis in (1, 2):
            end = values.shape[axis] - 2
            first, second, third = (
                jax.lax.slice_in_dim(values, start, start + end, stride, axis) for start in range(3)
            )
            values = join(join(first, second), third)
        return values

    return pooled(x) if kind == "max" else pooled(x) / pooled(jnp.ones((1, *x.shape[1:3], 1)))


def _chain(x: Maps, name: str, *layers: tuple[str, int, tuple[int, int]]) -> Made:
    """Layers one after another: the end of each name, its width, its window."""
    for end, width, window in layers:
        x = ConvNorm(width, window, name=f"{name}{end}")(x)
    return x


class Inner(nn.Module):
    """A block at 35 x 35; 224 channels and those of its pooled branch.

    Attributes:
        pooled: channels of the branch that begins with a mean.
    """

    pooled: int

    @nn.compact
    def __call__(self, x: Maps) -> Made:
        """Maps to maps of the same size."""
        one, three, five = (1, 1), (3, 3), (5, 5)
        branches = [
            _chain(x, "branch1x1", ("", 64, one)),
            _chain(x, "branch5x5", ("_1", 48, one), ("_2", 64, five)),
            _chain(x, "branch3x3dbl", ("_1", 64, one), ("_2", 96, three), ("_3", 96, three)),
            _chain(pool(x, "mean"), "branch_pool", ("", self.pooled, one)),
        ]
        return jnp.concatenate(branches, axis=-1)


class Reduction(nn.Module):
    """From 35 x 35 to 17 x 17: 480 channels more."""

    @nn.compact
    def __call__(self, x: Maps) -> Made:
        """Maps to maps of half the size."""
        double = _chain(x, "branch3x3dbl", ("_1", 64, (1, 1)), ("_2", 96, (3, 3)))
        branches = [
            ConvNorm(384, (3, 3), 2, "VALID", name="branch3x3")(x),
            ConvNorm(96, (3, 3), 2, "VALID", name="branch3x3dbl_3")(double),
            pool(x, "max", stride=2),
        ]
        return jnp.concatenate(branches, axis=-1)


class Stretched(nn.Module):
    """A block at 17 x 17, with windows of 7 x 1 and 1 x 7; 768 channels.

    Attributes:
        width: channels inside the stretched branches.
    """

    width: int

    @nn.compact
    def __call__(self, x: Maps) -> Made:
        """Maps to maps of the same size."""
        width, one, row, column = self.width, (1, 1), (1, 7), (7, 1)
        branches = [
            _chain(x, "branch1x1", ("", 192, one)),
            _chain(x, "branch7x7", ("_1", width, one), ("_2", width, row), ("_3", 192, column)),
            _chain(
                x,
                "branch7x7dbl",
                ("_1", width, one),
                ("_2", width, column),
                ("_3", width, row),
                ("_4", width, column),
                ("_5", 192, row),
            ),
            _chain(pool(x, "mean"), "branch_pool", ("", 192, one)),
        ]
        return jnp.concatenate(branches, axis=-1)


class Top(nn.Module):
    """From 17 x 17 to 8 x 8: 512 channels more."""

    @nn.compact
    def __call__(self, x: Maps) -> Made:
        """Maps to maps of half the size."""
        three = _chain(x, "branch3x3_1", ("", 192, (1, 1)))
        seven = _chain(
            x, "branch7x7x3", ("_1", 192, (1, 1)), ("_2", 192, (1, 7)), ("_3", 192, (7, 1))
        )
        branches = [
            ConvNorm(320, (3, 3), 2, "VALID", name="branch3x3_2")(three),
            ConvNorm(192, (3, 3), 2, "VALID", name="branch7x7x3_4")(seven),
            pool(x, "max", stride=2),
        ]
        return jnp.concatenate(branches, axis=-1)


class Outer(nn.Module):
    """A block at 8 x 8, whose branches part once more; 2,048 channels.

    Attributes:
        pooling: of the branch that begins with it: the mean, or in the last block the maximum.
    """

    pooling: Literal["max", "mean"]

    @nn.compact
    def __call__(self, x: Maps) -> Made:
        """Maps to maps of the same size."""
        one, three = (1, 1), (3, 3)
        single = _chain(x, "branch3x3", ("_1", 384, one))
        double = _chain(x, "branch3x3dbl", ("_1", 448, one), ("_2", 384, three))
        branches = [
            _chain(x, "branch1x1", ("", 320, one)),
            _chain(single, "branch3x3", ("_2a", 384, (1, 3))),
            _chain(single, "branch3x3", ("_2b", 384, (3, 1))),
            _chain(double, "branch3x3dbl", ("_3a", 384, (1, 3))),
            _chain(double, "branch3x3dbl", ("_3b", 384, (3, 1))),
            _chain(pool(x, self.pooling), "branch_pool", ("", 192, one)),
        ]
        return jnp.concatenate(branches, axis=-1)
