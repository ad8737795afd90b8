"""CLIP's image tower against the transformers library's, and how pictures are prepared for it.

Needs PyTorch and transformers; without them these tests are errors. Leave them out with
-m 'not torch'.
"""

import jax
import numpy as np
import pytest
from PIL import Image

from cu_jax.convert import clip as conversion
from cu_jax.metrics import clip

pytestmark = pytest.mark.torch
TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def seeded(load_module):
    return load_module("convert/seeded")


@pytest.fixture(scope="module")
def oracle(load_module):
    return load_module("convert/torch_clip")


def embeddings(sizes, arrays, pictures):
    """Ours, of bytes."""
    network = clip.network(conversion.model_settings(sizes))
    params = jax.tree.map(jax.numpy.asarray, conversion.renaming(sizes).to_tree(arrays))
    return np.asarray(jax.jit(network.apply)(params, pictures / np.float32(255)).features)


@pytest.mark.parametrize("resized", [False, True])
@pytest.mark.parametrize("name", ["small", "heads and patches of ViT-H/14"])
def test_parity(seeded, oracle, capsys, name, resized):
    sizes = seeded.CLIPS[name]
    case = seeded.make_clip(sizes)
    side = sizes.image_size
    pictures = case.pictures if resized else case.pictures[:, :side, :side]
    model = oracle.build(sizes, case.arrays)
    expected = oracle.embeddings(model, oracle.prepared(pictures, side))
    difference = np.abs(embeddings(sizes, case.arrays, pictures) - expected).max()
    with capsys.disabled():
        print(f"\n{name}, {'resized' if resized else 'its own size'}: largest difference "
              f"{difference:.2g}, up to {np.abs(expected).max():.2g}")  # fmt: skip
    assert np.abs(expected).max() > 0.5 and np.std(expected, axis=0).max() > 0.01
    assert difference <= TOLERANCE


@pytest.mark.parametrize("size", [(300, 240), (225, 224), (224, 224), (448, 448), (64, 99)])
def test_pictures_are_prepared_alike(oracle, photographs, size):
    """Larger and smaller ones, upright and wide, by the library's own rounding."""
    made = [
        np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
        for picture in photographs.photographs()
    ]
    pictures = np.stack(made)
    ours = np.asarray(clip.prepare(pictures / np.float32(255), 224))
    expected = oracle.prepared(pictures, 224)
    bytes_apart = np.abs(ours - expected) * np.array(clip.STD) * 255
    assert bytes_apart.max() < 1e-3
