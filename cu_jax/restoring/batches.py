"""Pictures through a model in batches of one size."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from cu_jax.models import Model, Params
from cu_jax.validation import restoration

Restore = Callable[[Params, UInt8[np.ndarray, "n h w c"]], Float[np.ndarray, "n h w c"]]
"""Parameters and uint8 pictures to the restored pictures in [0, 1], in order."""


def check_mask(model: Model, params: Params, mask: Float[np.ndarray, "h w 1"]) -> None:
    """Lets the model refuse a mask, without compiling or computing anything.

    Raises:
        ValueError: the model cannot restore pictures with this mask.

    Example:
        >>> from cu_jax.models.mae import Mae
        >>> mae = Mae(image_size=8, patch_size=4, channels=1, encoder_width=8, encoder_depth=1,
        ...           encoder_heads=2, decoder_width=8, decoder_depth=1, decoder_heads=2)
        >>> shapes = jax.eval_shape(mae.init, jax.random.key(0))
        >>> check_mask(mae, shapes, np.ones((8, 8, 1), np.float32))
        Traceback (most recent call last):
        ValueError: A hole must leave at least one patch of 4 x 4 pixels whole ...
    """
    images = jax.ShapeDtypeStruct((1, *model.image_shape), jnp.uint8)
    try:
        jax.eval_shape(_restored(model, mask), params, images)
    except ValueError as error:
        raise ValueError(str(error)) from error  # Without JAX's remarks on its own frames.


def restorer(model: Model, mask: Float[np.ndarray, "h w 1"], batch_size: int = 32) -> Restore:
    """A function that restores any number of pictures with one hole, compiled once.

    Args:
        model: the model.
        mask: 1 = removed, in the model's pixels.
        batch_size: pictures at once, at least 1; the last batch is filled up with black pictures.

    Returns:
        The function. It takes other parameters of the same model without a second compilation.

    Raises:
        ValueError: ``batch_size`` is below 1.

    Example:
        >>> from cu_jax.models.mae import Mae
        >>> mae = Mae(image_size=8, patch_size=4, channels=1, encoder_width=8, encoder_depth=1,
        ...           encoder_heads=2, decoder_width=8, decoder_depth=1, decoder_heads=2)
        >>> mask = np.zeros((8, 8, 1), np.float32)
        >>> mask[:4, :4] = 1
        >>> restore = restorer(mae, mask, batch_size=2)
        >>> shapes = jax.eval_shape(mae.init, jax.random.key(0))
        >>> params = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        >>> restore(params, np.zeros((3, 8, 8, 1), np.uint8)).shape
        (3, 8, 8, 1)
    """
    if batch_size < 1:
        raise ValueError(f"The batch size must be at least 1, got {batch_size}.")
    compiled = jax.jit(_restored(model, mask))

    def restore(params: Params, images: np.ndarray) -> np.ndarray:
        parts = [np.zeros((0, *model.image_shape), np.float32)]
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            gap = np.zeros((batch_size - len(batch), *batch.shape[1:]), np.uint8)
            parts.append(np.asarray(compiled(params, np.concatenate([batch, gap])))[: len(batch)])
        return np.concatenate(parts)

    return restore


def _restored(model: Model, mask: np.ndarray) -> Callable[[Params, Any], Array]:
    restored = restoration(model, mask)

    def with_keys(params: Params, images: Any) -> Array:
        # The same key for every picture: what becomes of one does not depend on the others.
        return restored(params, images, jnp.broadcast_to(jax.random.key(0), (len(images),)))

    return with_keys
