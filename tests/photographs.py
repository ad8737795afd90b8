"""Real photographs for the tests, from packages that carry some: nothing is downloaded."""

import importlib.util
import io
from pathlib import Path

import numpy as np
from PIL import Image

_SCIKIT_IMAGE = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")


def _folder(package):
    """The folder of a package's pictures, without importing the package."""
    return Path(importlib.util.find_spec(package).origin).parent / "data"


def imagenet_files():
    """Twenty pictures of ImageNet as they were published: JPEG bytes, 18 to 130 KB each."""
    return [path.read_bytes() for path in sorted(_folder("foolbox").glob("imagenet_*.jpg"))]


def photographs():
    """Five color photographs, uint8 ``[height, width, 3]``, at least 300 pixels a side."""
    pictures = [Image.open(_folder("skimage") / name) for name in _SCIKIT_IMAGE]
    return [np.asarray(picture.convert("RGB")) for picture in pictures]


def jpegs(count, *, width=500, height=375, quality=90, seed=0):
    """Different pictures of one size: seeded crops of the photographs, resized, as JPEG bytes."""
    rng = np.random.default_rng(seed)
    sources = [Image.fromarray(picture) for picture in photographs()]
    made = []
    for number in range(count):
        source = sources[number % len(sources)]
        share = rng.uniform(0.5, 1.0)
        # The largest box of the wanted shape, then a random part of it.
        scale = min(source.width / width, source.height / height) * share
        box_width, box_height = width * scale, height * scale
        left = rng.uniform(0, source.width - box_width)
        top = rng.uniform(0, source.height - box_height)
        box = (left, top, left + box_width, top + box_height)
        picture = source.resize((width, height), Image.Resampling.BICUBIC, box=box)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        made.append(file.getvalue())
    return made
