"""Structural similarity against scikit-image's, and what it must not depend on."""

import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from cu_jax.metrics import ssim


@pytest.fixture(scope="module")
def pair(load_module):
    """Three pictures in color, restored badly, nearly right, and as something flat; and a hole."""
    photographs = load_module("photographs").photographs()
    original = np.stack([p[:96:3, :96:3] for p in photographs[:3]]).astype(np.float32) / 255
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, original.shape).astype(np.float32)
    restored = np.clip(original + noise * np.array([0.5, 0.02, 0]).reshape(3, 1, 1, 1), 0, 1)
    restored[2] = 0.5
    mask = np.zeros((1, 32, 32, 1), np.float32)
    mask[:, 3:20, 8:32] = 1  # to an edge of the picture
    return restored.astype(np.float32), original, mask


def test_it_is_scikit_images_map_over_the_hole(pair):
    restored, original, mask = pair
    expected = []
    for one, other in zip(np.where(mask > 0, restored, original), original, strict=True):
        _, similarity = structural_similarity(
            one.astype(np.float64), other.astype(np.float64), data_range=1, channel_axis=-1,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True,
        )  # fmt: skip
        expected.append(similarity[mask[0, ..., 0] > 0].mean())
    np.testing.assert_allclose(ssim(restored, original, mask), expected, atol=2e-5)
    assert expected[1] > 0.9 > expected[0]


def test_visible_pixels_have_no_influence_even_as_nan(pair):
    restored, original, mask = pair
    spoiled = np.where(mask > 0, restored, np.nan)
    np.testing.assert_array_equal(ssim(spoiled, original, mask), ssim(restored, original, mask))


def test_without_a_hole_there_is_none_and_what_is_perfect_is_one(pair):
    _, original, mask = pair
    np.testing.assert_allclose(ssim(original, original, mask), 1, atol=1e-6)
    assert np.isnan(ssim(original, original, 0 * mask)).all()


def test_pictures_smaller_than_the_window_are_refused():
    small = jnp.zeros((1, 10, 12, 1))
    with pytest.raises(ValueError, match="at least 11 pixels a side.* got 10 x 12: use psnr"):
        ssim(small, small, small)
