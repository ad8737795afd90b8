"""The Inception-v3 whose features the Fréchet Inception distance is defined by."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.metrics.inception_blocks import ConvNorm, Inner, Outer, Reduction, Stretched, Top, pool
from cu_jax.metrics.networks import FeatureNetwork, Params, Seen
from cu_jax.metrics.resizing import resize_bicubic

SIDE = 299
"""Pixels a side of the pictures that the network reads."""
FEATURES = 2048
CLASSES = 1008


class InceptionV3(nn.Module):
    """The network of 2015-12-05, as published for TensorFlow: 23,884,384 numbers.

    It is not the Inception-v3 of most libraries: its averages of neighborhoods leave out what lies
    beyond the picture's edge, its last block takes a maximum where others take an average, and it
    names 1,008 classes. Names of layers are those of the published file.

    Note:
        The published bias of the class layer is left out: the inception score is by custom computed
        of logits without it (``logits_unbiased`` of torch-fidelity, as the first program had it).

    References:
        Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016.
    """

    @nn.compact
    def __call__(
        self, pictures: Float[Array, "b 299 299 3"]
    ) -> tuple[Float[Array, "b 2048"], Float[Array, "b 1008"]]:
        """Features and logits.

        Args:
            pictures: float32 in [-1, 1), 299 pixels a side: (x - 128) / 128 of bytes.

        Returns:
            Features (the last maps' means, >= 0) and logits without bias, float32.
        """
        x = ConvNorm(32, (3, 3), stride=2, padding="VALID", name="Conv2d_1a_3x3")(pictures)
        x = ConvNorm(32, (3, 3), padding="VALID", name="Conv2d_2a_3x3")(x)
        x = ConvNorm(64, (3, 3), name="Conv2d_2b_3x3")(x)
        x = pool(x, "max", stride=2)
        x = ConvNorm(80, (1, 1), name="Conv2d_3b_1x1")(x)
        x = ConvNorm(192, (3, 3), padding="VALID", name="Conv2d_4a_3x3")(x)
        x = pool(x, "max", stride=2)  # [b, 35, 35, 192]
        x = Inner(32, name="Mixed_5b")(x)
        x = Inner(64, name="Mixed_5c")(x)
        x = Inner(64, name="Mixed_5d")(x)
        x = Reduction(name="Mixed_6a")(x)  # [b, 17, 17, 768]
        x = Stretched(128, name="Mixed_6b")(x)
        x = Stretched(160, name="Mixed_6c")(x)
        x = Stretched(160, name="Mixed_6d")(x)
        x = Stretched(192, name="Mixed_6e")(x)
        x = Top(name="Mixed_7a")(x)  # [b, 8, 8, 1280]
        x = Outer("mean", name="Mixed_7b")(x)
        x = Outer("max", name="Mixed_7c")(x)
        features = x.mean(axis=(1, 2))
        # In full precision, which accelerators otherwise round to 10 bits.
        logits = nn.Dense(CLASSES, use_bias=False, precision=jax.lax.Precision.HIGHEST, name="fc")(
            features
        )
        return features, logits


def see(params: Params, pictures: Float[Array, "b h w c"]) -> Seen:
    """Features and logits of pictures.

    Args:
        params: of :class:`InceptionV3`.
        pictures: float32 ``[b, h, w, c]`` in [0, 1], any size, 1 or 3 channels (gray is repeated).

    Returns:
        2,048 features and 1,008 logits a picture.

    Raises:
        ValueError: the pictures have other channels.

    Note:
        The pictures are resized as :func:`cu_jax.metrics.resizing.resize_bicubic` does, clipped to
        their range, and not rounded to bytes: the definition of clean-fid.

    Example:
        >>> params = jax.eval_shape(init, jax.random.key(0))
        >>> seen = jax.eval_shape(see, params, jax.ShapeDtypeStruct((2, 28, 28, 1), jnp.float32))
        >>> seen.features.shape, seen.logits.shape
        ((2, 2048), (2, 1008))
    """
    if pictures.shape[-1] not in (1, 3):
        raise ValueError(
            f"Pictures must have 1 or 3 channels, but the shape is {pictures.shape}: give gray or "
            "RGB."
        )
    resized = jnp.clip(resize_bicubic(pictures, (SIDE, SIDE)), 0.0, 1.0)
    rgb = jnp.broadcast_to(resized, (*resized.shape[:-1], 3))
    return Seen(*InceptionV3().apply({"params": params}, (255.0 * rgb - 128.0) / 128.0))


def init(key: Array) -> Params:
    """Random parameters: their shapes are what one wants of them.

    Example:
        >>> jax.eval_shape(init, jax.random.key(0))["fc"]["kernel"].shape
        (2048, 1008)
    """
    return InceptionV3().init(key, jnp.zeros((1, SIDE, SIDE, 3), jnp.float32))["params"]


INCEPTION = FeatureNetwork("inception", FEATURES, see)
"""Its weights: ``python -m cu_jax.convert import inception``."""
