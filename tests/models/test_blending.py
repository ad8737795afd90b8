"""Holes on the grid of patches, and the soft edge of what is pasted over them."""

import math

import jax
import numpy as np
import pytest

from cu_jax.corruptions import center_hole, outpaint_hole
from cu_jax.models.blending import blend, soft_mask
from cu_jax.models.patches import grown, touched_patches


def test_masks_grow_by_squares():
    mask = np.zeros((9, 12), bool)
    mask[2, 3] = mask[8, 11] = True
    expected = np.zeros((9, 12), bool)
    expected[:5, 1:6] = expected[6:, 9:] = True
    np.testing.assert_array_equal(grown(mask, 2), expected)
    np.testing.assert_array_equal(grown(mask, 0), mask)


@pytest.mark.parametrize(
    ("hole", "masked"),
    [(center_hole(256, 64), 36), (center_hole(256, 128), 100)]
    + [
        (outpaint_hole(256, 128), 220),
        (outpaint_hole(256, 240), 87),
        (outpaint_hole(256, 48), 255),
    ],
)
def test_the_published_holes_hide_as_many_tokens(hole, masked):
    assert touched_patches(hole, 16, margin=1).sum() == masked


def test_a_patch_that_is_touched_at_a_corner_is_touched():
    hole = np.zeros((32, 48, 1), np.float32)
    hole[15:17, 15:17] = 1
    expected = [[True, True, False], [True, True, False]]
    np.testing.assert_array_equal(touched_patches(hole, 16), expected)


@pytest.mark.parametrize(
    ("hole", "margin", "sentence"),
    [
        (np.zeros((64, 64, 1)), 1, "touches 0 of 16: give a larger hole"),
        (np.ones((64, 64, 1)), 0, "but it touches 16 of 16: give a smaller hole"),
        (center_hole(64, 32), 1, "but with a margin of 1 it touches 16 of 16: give a smaller hole"),
    ],
)
def test_holes_that_hide_all_or_nothing_are_refused(hole, margin, sentence):
    with pytest.raises(ValueError, match=sentence):
        touched_patches(hole, 16, margin)


def test_a_hard_edge_is_the_hole():
    hole = center_hole(64, 20)
    np.testing.assert_array_equal(soft_mask(hole, 0, 0.0), hole)


def test_a_soft_edge_is_the_normal_distribution_of_the_distance():
    hole = np.zeros((96, 80, 1), np.float32)
    hole[:30] = 1  # The whole width, so that one edge alone counts.
    soft = soft_mask(hole, grow=14, blur=7.0)[..., 0]
    np.testing.assert_array_equal(soft[:30], 1)
    pixels = np.arange(30, 72)
    normal = [0.5 * (1 + math.erf((44 - 0.5 - y) / 7 / 2**0.5)) for y in pixels]
    np.testing.assert_allclose(soft[pixels], np.tile(np.array(normal)[:, None], 80), atol=1e-3)
    np.testing.assert_array_equal(soft[44 + 28 :], 0)  # Four deviations further on.


def test_the_picture_shows_where_the_mask_does_not():
    original, painted = jax.random.uniform(jax.random.key(0), (2, 3, 32, 32, 2))
    soft = soft_mask(center_hole(32, 8), grow=2, blur=1.0)
    out = np.asarray(blend(original, 3 * painted - 1, soft))
    original, painted = np.asarray(original), np.asarray(painted)
    keeps, covers = soft[..., 0] == 0, center_hole(32, 8)[..., 0] > 0
    assert keeps.sum() > 300
    np.testing.assert_array_equal(out[:, keeps], original[:, keeps])
    np.testing.assert_array_equal(out[:, covers], np.clip(3 * painted - 1, 0, 1)[:, covers])
    between = ~keeps & ~covers
    mixed = original + (3 * painted - 1 - original) * soft
    np.testing.assert_allclose(out[:, between], np.clip(mixed, 0, 1)[:, between], atol=1e-6)
