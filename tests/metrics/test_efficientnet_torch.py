"""EfficientNet-Lite0 with its published weights: parity with PyTorch, and what it recognizes.

Needs PyTorch and the package with the weights; without them these tests are errors. Leave them out
with -m 'not torch'.
"""

import importlib.util
import io
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from cu_jax.convert import efficientnet_layout, load_weights
from cu_jax.convert.__main__ import main
from cu_jax.metrics import efficientnet

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def pictures(photographs):
    """The middles of twenty pictures of ImageNet, bytes ``[20, 224, 224, 3]``."""
    return np.stack([middle(Image.open(io.BytesIO(x))) for x in photographs.imagenet_files()])


def middle(picture):
    """By Pillow what :func:`cu_jax.metrics.center_crop.center_crop` makes."""
    size = [224 * length // min(picture.size) for length in picture.size]
    resized = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    left, top = ((length - 224) // 2 for length in size)
    return np.asarray(resized.crop((left, top, left + 224, top + 224)))


@pytest.fixture(scope="module")
def seen(pictures, tmp_path_factory):
    """What ours says of them, with weights from the installed package."""
    folder = tmp_path_factory.mktemp("weights") / "in"
    assert main(["import", "efficientnetlite0", str(folder)]) == 0
    template = jax.eval_shape(efficientnet.init, jax.random.key(0))
    params = load_weights(folder / "solutions/original/params.safetensors", template)
    return jax.device_get(jax.jit(efficientnet.see)(params, pictures / np.float32(255)))


def test_parity(seen, pictures, load_module, capsys):
    import torch

    path = efficientnet_layout.installed_file()
    state = torch.load(path, weights_only=True, map_location="cpu")
    pixels = (pictures.astype(np.float32) - 127) / 128
    expected = load_module("convert/torch_efficientnet").outputs(state, pixels)
    for name, ours, theirs in zip(("features", "logits"), seen, expected, strict=True):
        error = np.abs(ours - theirs).max() / np.abs(theirs).max()
        with capsys.disabled():
            print(f"\n{name}: largest difference {error:.2g} of {np.abs(theirs).max():.3g}")
        assert error <= 1e-4


def test_it_recognizes_pictures_of_imagenet(seen):
    """17 of 20 at the least; classes are in the files' names."""
    folder = Path(importlib.util.find_spec("foolbox").origin).parent / "data"
    names = [path.name for path in sorted(folder.glob("imagenet_*.jpg"))]
    labels = np.array([int(re.search(r"_(\d+)\.jpg", name)[1]) for name in names])
    assert (seen.logits.argmax(axis=1) == labels).sum() >= 17
    best = np.argsort(-seen.logits, axis=1)[:, :5]
    assert (best == labels[:, None]).any(axis=1).all()
