"""Square crops of encoded pictures."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from cu_jax.data.decoding import decode


def center_crop(data: bytes, size: int, channels: int = 3) -> UInt8[np.ndarray, "size size c"]:
    """The middle square."""
    image = Image.fromarray(decode(data, channels).squeeze())
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), box=box)).reshape(size, size, channels)


def random_crop(
    data: bytes, size: int, rng: np.random.Generator, channels: int = 3
) -> UInt8[np.ndarray, "size size c"]:
    """A random square."""
    image = Image.fromarray(decode(data, channels).squeeze())
    side = min(image.size) * rng.uniform(0.5, 1)
    left, top = rng.uniform(0, image.width - side), rng.uniform(0, image.height - side)
    box = (left, top, left + side, top + side)
    cut = np.asarray(image.resize((size, size), box=box)).reshape(size, size, channels)
    return cut[:, ::-1] if rng.random() < 0.5 else cut
