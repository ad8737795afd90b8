"""What every network that looks at pictures for a measure has in common."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Float

Params = Any


class Seen(NamedTuple):
    """What a network says of a batch of pictures.

    Attributes:
        features: float32 ``[b, d]``.
        logits: float32 ``[b, classes]``, or None for a network that names no classes.
    """

    features: Float[Array, "b d"]
    logits: Float[Array, "b c"] | None


class FeatureNetwork(NamedTuple):
    """A network whose features a measure is made of.

    Attributes:
        name: as it stands in metric names, ``inception``: letters and digits.
        size: features a picture.
        apply: ``(params, pictures) → Seen``; pictures are float32 ``[b, h, w, c]`` in [0, 1] of any
            size and 1 or 3 channels: resizing and normalizing are the network's own. Pure, meant
            for ``jax.jit``.
        aligned: whether the angle between the features of two pictures says how alike these are,
            as with CLIP: it then becomes a measure, ``cosine``.

    Example:
        >>> import jax.numpy as jnp
        >>> mean = FeatureNetwork("mean", 1, lambda _, x: Seen(x.mean((1, 2, 3))[:, None], None))
        >>> mean.apply(None, jnp.ones((2, 4, 4, 3))).features.shape
        (2, 1)
    """

    name: str
    size: int
    apply: Callable[[Params, Float[Array, "b h w c"]], Seen]
    aligned: bool = False
