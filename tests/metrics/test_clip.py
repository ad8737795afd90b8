"""CLIP's network of features: gray pictures, sizes, and settings that are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from cu_jax.metrics import clip

SETTINGS = {
    **{"image_size": 8, "patch_size": 4, "width": 8, "depth": 1, "heads": 2},
    **{"mlp_width": 16, "projection": 5, "activation": "gelu", "eps": 1e-5},
}


@pytest.fixture(scope="module")
def bytes_of():
    draw = np.random.RandomState(0)
    return lambda *shape: draw.randint(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(31, 23), (24, 48)])
def test_pictures_are_resized_and_cut_as_by_pillow(bytes_of, height, width):
    """Byte by byte; twice as large or small, many sums lie between two bytes."""
    picture, side = bytes_of(height, width, 3), 12
    size = [side * length // min(height, width) for length in (width, height)]
    resized = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    top, left = (size[1] - side) // 2, (size[0] - side) // 2
    expected = resized[top : top + side, left : left + side]
    prepared = clip.prepare(picture[None] / np.float32(255), side)[0]
    found = (np.asarray(prepared) * np.array(clip.STD) + np.array(clip.MEAN)) * 255
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_gray_picture_is_one_of_three_equal_channels(bytes_of):
    gray = jnp.asarray(bytes_of(2, 8, 8, 1) / np.float32(255))
    network, draw = clip.network(SETTINGS), np.random.RandomState(1)
    params = jax.tree.map(
        lambda leaf: jnp.asarray(draw.uniform(-1, 1, leaf.shape), jnp.float32),
        clip.template(SETTINGS),
    )
    apply = jax.jit(network.apply)
    seen = apply(params, gray)
    assert seen.features.shape == (2, network.size) and seen.logits is None
    np.testing.assert_allclose(seen.features, apply(params, gray.repeat(3, -1)).features, atol=1e-6)
    assert np.abs(np.diff(seen.features, axis=0)).max() > 1e-3


@pytest.mark.parametrize(
    "wrong", [{"heads": 3}, {"patch_size": 3}, {"activation": "relu"}, {"heads": 0}]
)
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match="import it again"):
        clip.network(SETTINGS | wrong)


def test_other_axes_are_refused():
    with pytest.raises(ValueError, match=r"1 or 3 channels, but their shape is \(2, 8, 8, 4\)"):
        clip.prepare(jnp.zeros((2, 8, 8, 4)), 8)
