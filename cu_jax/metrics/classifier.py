"""A small digit classifier: the instrument that says whether a restored digit is still its class.

Its only state is its parameters (no batch statistics), so one safetensors file holds all of it.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from cu_jax.metrics.networks import FeatureNetwork, Seen

Params = Any

IMAGE_SHAPE = (28, 28, 1)
FEATURES = 64
CLASSES = 10


class DigitClassifier(nn.Module):
    """Three convolutions and two dense layers on 28x28 grey digits; 61,354 parameters.

    Attributes:
        width: Channels of the first convolution; the next ones have two and four times as many.
        groups: Groups of every group normalization; must divide `width`.

    Example:
        >>> pictures = jnp.zeros((1, 28, 28, 1))
        >>> shapes = jax.eval_shape(DigitClassifier().init, jax.random.key(0), pictures)
        >>> sum(leaf.size for leaf in jax.tree.leaves(shapes))
        61354

    Note:
        Group normalization, because running statistics of batch normalization would be a second
        kind of state. Pictures enter as they are, black = 0, so the zero padding of the
        convolutions continues the digits' background.
    """

    width: int = 16
    groups: int = 8

    @nn.compact
    def __call__(
        self, images: Float[Array, "b 28 28 1"]
    ) -> tuple[Float[Array, "b 10"], Float[Array, "b 64"]]:
        """Classifies pictures.

        Args:
            images: float [B, 28, 28, 1] in [0, 1].

        Returns:
            Logits [B, 10] and features [B, 64] (>= 0, the layer before the logits), float32.
        """
        x = images.astype(jnp.float32)
        x = self._block(nn.Conv(self.width, (5, 5), strides=(2, 2), name="conv_0")(x), 0)
        x = self._block(nn.Conv(2 * self.width, (3, 3), name="conv_1")(x), 1)
        x = _max_pool(x)
        x = self._block(nn.Conv(4 * self.width, (3, 3), name="conv_2")(x), 2)
        x = _max_pool(x)
        x = x.reshape(x.shape[0], -1)  # [B, 3 * 3 * 4 * width]
        features = nn.relu(nn.Dense(FEATURES, name="features")(x))
        return nn.Dense(CLASSES, name="logits")(features), features

    def _block(self, x: Float[Array, "b h w c"], index: int) -> Float[Array, "b h w c"]:
        return nn.relu(nn.GroupNorm(num_groups=self.groups, name=f"norm_{index}")(x))


def _max_pool(x: Float[Array, "b h w c"]) -> Float[Array, "b h//2 w//2 c"]:
    """Maximum over 2x2 blocks; an odd last row or column is left out."""
    batch, height, width, channels = x.shape
    height, width = height // 2, width // 2
    # A reshape, because on a CPU the gradient of a windowed maximum doubles the whole step's time.
    blocks = x[:, : 2 * height, : 2 * width].reshape(batch, height, 2, width, 2, channels)
    return blocks.max(axis=(2, 4))


def init(key: PRNGKeyArray) -> Params:
    """Draws the parameters of a `DigitClassifier`.

    Args:
        key: PRNG key; the same key gives the same parameters.

    Returns:
        A nested dict of float32 arrays.

    Example:
        >>> sorted(init(jax.random.key(0)))[:3]
        ['conv_0', 'conv_1', 'conv_2']
    """
    return DigitClassifier().init(key, jnp.zeros((1, *IMAGE_SHAPE), jnp.float32))["params"]


def apply(
    params: Params, images: Float[Array, "b 28 28 1"]
) -> tuple[Float[Array, "b 10"], Float[Array, "b 64"]]:
    """Classifies pictures with given parameters.

    Args:
        params: As from `init`.
        images: float [B, 28, 28, 1] in [0, 1].

    Returns:
        Logits float32 [B, 10] and features float32 [B, 64] (for the Fréchet distance).

    Raises:
        ValueError: The pictures have another shape, or are not floating point.

    Example:
        >>> logits, features = apply(init(jax.random.key(0)), jnp.zeros((3, 28, 28, 1)))
        >>> logits.shape, features.shape
        ((3, 10), (3, 64))
    """
    if images.ndim != 4 or images.shape[1:] != IMAGE_SHAPE:
        raise ValueError(
            f"Pictures must be [B, 28, 28, 1], but the shape is {images.shape}: this classifier "
            "reads MNIST digits alone."
        )
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"Pictures must be floating point in [0, 1], but the dtype is {images.dtype}: divide "
            "bytes by 255 first."
        )
    outputs: Any = DigitClassifier().apply({"params": params}, images)
    return outputs


def see(params: Params, pictures: Float[Array, "b 28 28 1"]) -> Seen:
    """The same as :func:`apply`, as measures of features want it.

    Example:
        >>> see(init(jax.random.key(0)), jnp.zeros((3, 28, 28, 1))).features.shape
        (3, 64)
    """
    logits, features = apply(params, pictures)
    return Seen(features, logits)


DIGITS = FeatureNetwork("digits", FEATURES, see)


def cross_entropy(
    params: Params, images: Float[Array, "b 28 28 1"], labels: Int[Array, " b"]
) -> Float[Array, ""]:
    r"""Mean cross-entropy of the classifier, the loss it is trained with.

    .. math:: -\frac{1}{B} \sum_b \log \operatorname{softmax}(z_b)_{y_b}

    Args:
        params: As from `init`.
        images: float [B, 28, 28, 1] in [0, 1].
        labels: Integers [B] in [0, 10).

    Returns:
        float32 scalar, in nats.

    Example:
        >>> params = jax.tree.map(jnp.zeros_like, init(jax.random.key(0)))
        >>> loss = cross_entropy(params, jnp.zeros((2, 28, 28, 1)), jnp.array([3, 7]))
        >>> round(float(loss), 4)  # log 10
        2.3026
    """
    log_probabilities = jax.nn.log_softmax(apply(params, images)[0])
    return -jnp.mean(jnp.take_along_axis(log_probabilities, labels[:, None], axis=1))


def class_consistency(logits: Any, labels: Any) -> float:
    """Share of restored pictures that the classifier still reads as their class.

    Args:
        logits: Array-like [N, K], the classifier's answers to the restored pictures.
        labels: Array-like of integers [N], the originals' classes (padding removed by the caller).

    Returns:
        A share in [0, 1]. Rows with a logit that is not finite count as wrong.

    Raises:
        ValueError: The lengths differ or there is no picture.

    Example:
        >>> class_consistency([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [0, 1, 1, 0])
        0.75
    """
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or len(labels) == 0:
        raise ValueError(
            "logits must be [N, K] and labels [N] with N >= 1, but their shapes are "
            f"{logits.shape} and {labels.shape}: give one row and one label per picture."
        )
    right = (logits.argmax(axis=1) == labels) & np.isfinite(logits).all(axis=1)
    return float(right.mean())
