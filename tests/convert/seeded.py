"""Seeded weights, pictures and masks in the published layout, the same on every machine.

``RandomState`` because its streams never change; uniform draws because they are exact everywhere.
"""

from typing import NamedTuple

import numpy as np

from cu_jax.convert.mae import fixed_positions
from cu_jax.convert.mae_layout import PUBLISHED, MaeSizes, layout

SMALL = MaeSizes(32, 8, 3, 48, 3, 32, 2, 4.0)
MODELS = {"small": (SMALL, (4, 2)), "ViT-B/16": (PUBLISHED["ViT-B/16"], (12, 16))}
"""Name to sizes and heads."""
KEPT = 4  # One patch in four is visible.


class Case(NamedTuple):
    arrays: dict[str, np.ndarray]  # as published
    images: np.ndarray  # [batch, height, width, channels], normalized
    noise: np.ndarray  # [batch, patches]; the patches with the least are kept


def make(sizes, seed=0, batch=2):
    """Weights as large as a trained model's, so that nothing vanishes and no unit is idle."""
    draw = np.random.RandomState(seed)

    def uniform(shape, deviation):
        return ((draw.random_sample(shape) - 0.5) * (deviation * 12**0.5)).astype(np.float32)

    arrays = {}
    for key, shape in layout(sizes).items():
        if key.endswith("pos_embed"):
            arrays[key] = fixed_positions(sizes)[key]
        elif "norm" in key and key.endswith("weight"):
            arrays[key] = 1 + uniform(shape, 0.2)
        elif key.endswith("weight"):
            fan_out, fan_in = shape[0], np.prod(shape[1:])
            arrays[key] = uniform(shape, (2 / (fan_in + fan_out)) ** 0.5)
        else:
            arrays[key] = uniform(shape, 0.1)
    side = sizes.image_size
    images = uniform((batch, side, side, sizes.channels), 1.0)
    # A permutation each, so that no two patches have equal noise.
    noise = [draw.permutation(sizes.grid**2) / sizes.grid**2 for _ in range(batch)]
    return Case(arrays, images, np.array(noise, np.float32))


def sample(array, values=4096):
    """The array, or evenly spaced values of a large one."""
    flat = np.asarray(array).reshape(-1)
    return flat[:: max(1, -(-flat.size // values))]
