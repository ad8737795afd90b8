"""Resizing in float, against Pillow itself."""

import numpy as np
import pytest
from PIL import Image

from cu_jax.metrics.resizing import resize_bicubic, resizing_weights

TOLERANCE = 1e-4  # of 255: Pillow rounds to float32 between the two directions, as we do


def pillow(image, size):
    """Channel by channel in mode F, float in and out."""
    channels = [
        np.asarray(Image.fromarray(channel, "F").resize(size[::-1], Image.Resampling.BICUBIC))
        for channel in np.moveaxis(image, -1, 0).copy()
    ]
    return np.stack(channels, -1)


@pytest.mark.parametrize(
    "before, after",
    [
        ((28, 28), (299, 299)),
        ((224, 224), (299, 299)),
        ((500, 333), (299, 299)),
        ((11, 40), (40, 11)),
        ((7, 7), (1, 3)),
        ((300, 299), (299, 299)),
        ((1, 2), (5, 5)),
    ],
)
def test_pixels_are_pillows(before, after):
    images = np.random.default_rng(0).uniform(0, 255, (2, *before, 3)).astype(np.float32)
    images[0, :, : before[1] // 2] = 255 * (images[0, :, : before[1] // 2] > 128)  # sharp edges
    ours = np.asarray(resize_bicubic(images, after))
    assert ours.shape == (2, *after, 3)
    for image, resized in zip(images, ours, strict=True):
        assert np.abs(resized - pillow(image, after)).max() <= 255 * TOLERANCE


def test_a_picture_of_the_size_is_untouched():
    images = np.random.default_rng(0).uniform(0, 1, (1, 9, 5, 1)).astype(np.float32)
    np.testing.assert_array_equal(resize_bicubic(images, (9, 5)), images)


@pytest.mark.parametrize("before, after", [(10, 3), (3, 10), (1, 4), (4, 1)])
def test_weights_sum_to_one_and_mirror(before, after):
    weights = resizing_weights(before, after)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-14)
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-14)


@pytest.mark.parametrize("shape, size", [((3, 4, 5), (2, 2)), ((1, 4, 5, 3), (0, 2))])
def test_wrong_shapes_are_refused(shape, size):
    with pytest.raises(ValueError, match="must be .B, H, W, C. and go to a size"):
        resize_bicubic(np.zeros(shape, np.float32), size)
