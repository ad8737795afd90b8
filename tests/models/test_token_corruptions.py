"""Masked and dropped tokens: how many, which, and how they are put back."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.token_corruptions import random_tokens, undropped


def test_the_corruption_masks_the_stated_tokens_and_drops_the_first_of_them():
    drawn = random_tokens(jax.random.key(3), 50, 256, 128, 0.55, 0.25, 0.5, 1.0)
    keep, restore, masked = (np.asarray(part) for part in drawn)
    assert keep.shape == (50, 128) and restore.shape == masked.shape == (50, 256)
    assert keep.dtype == restore.dtype == np.int32 and masked.dtype == np.float32
    counts = masked.sum(1)
    assert 128 <= counts[0] <= 256 and (counts == counts[0]).all()  # One rate for the batch.
    assert (np.diff(keep) > 0).all()
    for row in range(50):
        dropped = np.setdiff1d(np.arange(256), keep[row])
        assert masked[row, dropped].all()
        np.testing.assert_array_equal(restore[row, keep[row]], np.arange(128))
    # Uniform over the grid, and each picture's own: 128 of 256 kept, in 50 draws.
    read = np.bincount(keep.reshape(-1), minlength=256)
    assert abs(read - 25).max() < 5 * (50 * 0.25) ** 0.5 and (keep[0] != keep[1]).any()


def test_the_rate_follows_the_truncated_normal_distribution():
    def rate(key):
        return random_tokens(key, 1, 256, 128, 0.55, 0.25, 0.5, 1.0).masked.mean()

    rates = np.asarray(jax.jit(jax.vmap(rate))(jax.random.split(jax.random.key(4), 2000)))
    below, above = (0.5 * math.erf((x - 0.55) / 0.25 / 2**0.5) for x in (0.5, 1.0))
    density = [math.exp(-0.5 * ((x - 0.55) / 0.25) ** 2) for x in (0.5, 1.0)]
    mean = 0.55 + 0.25 * (density[0] - density[1]) / (2 * math.pi) ** 0.5 / (above - below)
    assert round(mean, 2) == 0.69  # As the ancestors state it.
    # Rounding up adds half a token; the deviation of one rate is at most 1/4.
    np.testing.assert_allclose(rates.mean(), mean + 0.5 / 256, atol=4 * 0.25 / 2000**0.5)
    assert rates.min() >= 0.5 and rates.max() <= 1.0 and rates.max() > 0.95


def test_the_number_of_masked_tokens_is_rounded_up():
    drawn = random_tokens(jax.random.key(5), 2, 10, 4, 0.45, 0.25, 0.41, 0.49)
    np.testing.assert_array_equal(drawn.masked.sum(1), 5)


def test_what_would_be_dropped_must_be_masked():
    with pytest.raises(ValueError, match="of 256 at least 0.25 are masked, but 128 would be"):
        random_tokens(jax.random.key(0), 2, 256, 128, 0.55, 0.25, 0.25, 1.0)


def test_nothing_is_dropped_of_given_masks():
    masked = jnp.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    given = undropped(masked)
    np.testing.assert_array_equal(given.masked, masked)
    np.testing.assert_array_equal(given.keep, [[0, 1, 2]] * 2)
    np.testing.assert_array_equal(given.restore, given.keep)
