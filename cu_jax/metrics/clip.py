"""CLIP embeddings of pictures: the image tower of a published CLIP model, and what it is shown."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.metrics.center_crop import center_crop
from cu_jax.metrics.clip_networks import ACTIVATIONS, ClipImageTower
from cu_jax.metrics.networks import FeatureNetwork, Params, Seen

NAME = "clip"
"""In ``model.json`` and in metric names."""
MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Of red, green and blue in [0, 1], that all CLIP models subtract."""
STD = (0.26862954, 0.26130258, 0.27577711)
"""By which they then divide."""


def network(settings: Mapping[str, Any]) -> FeatureNetwork:
    """The image tower of an imported CLIP model as a network of features.

    Args:
        settings: the ``model`` section of an import's ``model.json``: ``image_size``,
            ``patch_size``, ``width``, ``depth``, ``heads``, ``mlp_width``, ``projection``,
            ``activation`` and ``eps``.

    Returns:
        Embeddings after the projection, float32 ``[b, projection]``, not normalized to length 1, of
        pictures that :func:`prepare` prepares; no logits.

    Raises:
        ValueError: a setting is missing, or sizes do not fit each other.

    Example:
        >>> sizes = dict(image_size=8, patch_size=4, width=8, depth=1, heads=2, mlp_width=16)
        >>> clip = network(sizes | dict(projection=5, activation="gelu", eps=1e-5))
        >>> clip.name, clip.size
        ('clip', 5)
        >>> network(sizes)
        Traceback (most recent call last):
        ValueError: The model.json of a CLIP model must have its sizes, and lacks 'projection':
        import it again.

    Note:
        Matrices are multiplied in float32 on accelerators too, which otherwise round to 10 bits or
        fewer: a measure should not depend on the machine.
    """
    tower, side = _tower(settings)

    def apply(params: Params, pictures: Float[Array, "b h w c"]) -> Seen:
        with jax.default_matmul_precision("highest"):
            features: Any = tower.apply({"params": params}, prepare(pictures, side))
        return Seen(features, None)

    return FeatureNetwork(NAME, tower.projection, apply, aligned=True)


def template(settings: Mapping[str, Any]) -> Params:
    """Shapes and dtypes of the parameters, for ``cu_jax.convert.load_weights``.

    Args:
        settings: as of :func:`network`.

    Raises:
        ValueError: as :func:`network`.

    Example:
        >>> sizes = dict(image_size=8, patch_size=4, width=8, depth=1, heads=2, mlp_width=16)
        >>> template(sizes | dict(projection=5, activation="gelu", eps=1e-5))["position_embedding"]
        ShapeDtypeStruct(shape=(5, 8), dtype=float32)
    """
    tower, side = _tower(settings)
    made = jax.eval_shape(tower.init, jax.random.key(0), jnp.zeros((1, side, side, 3)))
    return made["params"]


def prepare(pictures: Any, side: int) -> Float[Array, "b {side} {side} 3"]:
    r"""What a CLIP model is shown of a picture, as the transformers library prepares it.

    The shorter edge becomes ``side`` (bicubic, antialiased), the center is cut out, and each
    channel becomes :math:`(x - \mu) / \sigma`, with CLIP's :data:`MEAN` and :data:`STD`.

    Args:
        pictures: array-like float ``[b, h, w, c]`` in [0, 1], of 1 or 3 channels and any size.
        side: of the result in pixels.

    Returns:
        float32 ``[b, side, side, 3]``; gray pictures have three equal channels before the
        normalization.

    Raises:
        ValueError: the pictures have other axes or channels.

    Example:
        >>> prepare(jnp.ones((1, 12, 16, 1)), 6).shape
        (1, 6, 6, 3)

    Note:
        :func:`~cu_jax.metrics.center_crop.center_crop` rounds to bytes as the library does: what is
        prepared is the library's but for the last bits of float32.
    """
    shown = center_crop(pictures, side) / jnp.float32(255)
    return (shown - jnp.array(MEAN)) / jnp.array(STD)


def _tower(settings: Mapping[str, Any]) -> tuple[ClipImageTower, int]:
    """The module, and the side of the pictures that it takes."""
    try:
        tower = ClipImageTower(
            patch=int(settings["patch_size"]),
            width=int(settings["width"]),
            depth=int(settings["depth"]),
            heads=int(settings["heads"]),
            hidden=int(settings["mlp_width"]),
            projection=int(settings["projection"]),
            activation=settings["activation"],
            eps=float(settings["eps"]),
        )
        side = int(settings["image_size"])
    except KeyError as error:
        raise ValueError(
            f"The model.json of a CLIP model must have its sizes, and lacks {error}: import it "
            "again."
        ) from error
    if (
        min(tower.patch, tower.heads, side) < 1
        or tower.width % tower.heads
        or side % tower.patch
        or tower.activation not in ACTIVATIONS
    ):
        raise ValueError(
            "The model.json of a CLIP model must have a width that is a multiple of its heads, an "
            "image size that is one of its patches, and activation gelu or quick_gelu, and has "
            f"{dict(settings)}: import it again."
        )
    return tower, side
