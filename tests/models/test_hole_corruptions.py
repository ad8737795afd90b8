"""Holes drawn on the device: sizes and places, scaling, strokes against dense sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from cu_jax.hole_corruptions import HOLES, boxes, brushed, draw_holes, hybrid, strokes


def drawn(draw, seed, count, side):
    """Masks ``[count, side, side]``."""
    masks = jax.jit(lambda key: draw(key, count, side))(jax.random.key(seed))
    return np.asarray(masks)[..., 0]


def test_every_kind_removes_some_pixels_and_leaves_some():
    # Removed is 1; also in pictures so small that a stroke is thinner than a pixel.
    @jax.jit
    def every(key):
        return {kind: draw_holes(kind, key, 5, 8) for kind in HOLES}

    for masks in every(jax.random.key(0)).values():
        assert masks.shape == (5, 8, 8, 1) and masks.dtype == jnp.float32
        assert set(np.unique(masks)) == {0, 1}
        masks = np.asarray(masks)
        assert (masks.max((1, 2, 3)) == 1).all() and (masks.min((1, 2, 3)) == 0).all()


def test_fixed_holes_take_their_share_of_the_side():
    center = np.asarray(draw_holes("center", jax.random.key(0), 2, 16))
    assert center[:, 4:12, 4:12].all() and center.sum() == 2 * 64
    frame = np.asarray(draw_holes("outpaint", jax.random.key(0), 2, 16))
    np.testing.assert_array_equal(frame, 1 - center)


def test_boxes_are_whole_rectangles_of_every_size_away_from_the_border():
    masks = drawn(boxes, 1, 400, 64)
    rows, columns = masks.max(2), masks.max(1)
    np.testing.assert_array_equal(masks, rows[:, :, None] * columns[:, None])
    for lines in (rows, columns):
        assert set(lines.sum(1)) == {27, 28, 29, 30, 31, 32}
        first, last = lines.argmax(1), 63 - lines[:, ::-1].argmax(1)
        assert (last - first + 1 == lines.sum(1)).all()
        assert first.min() == 5 and last.max() == 63 - 5
    assert np.corrcoef(rows.argmax(1), columns.argmax(1))[0, 1] < 0.2


def test_strokes_cover_what_dense_points_along_them_reach():
    rng = np.random.default_rng(0)
    points = rng.random((4, 2, 2, 2)).astype(np.float32)
    points[3] = points[2]  # A stroke that stands still.
    width = np.array([[0.2, 0.07], [0.11, -1.0]], np.float32)
    masks = np.asarray(jax.jit(lambda *line: brushed(*line, 24))(points, width))[..., 0]
    center = (np.stack(np.meshgrid(np.arange(24), np.arange(24), indexing="ij"), -1) + 0.5) / 24
    share = np.linspace(0, 1, 400)[:, None]
    for picture in range(2):
        off = np.full((24, 24), np.inf)
        for stroke in range(2):
            if width[picture, stroke] > 0:
                line = points[:, picture, stroke]
                dense = [a + share * (b - a) for a, b in zip(line, line[1:], strict=False)]
                away = np.linalg.norm(center[:, :, None] - np.concatenate(dense), axis=-1).min(2)
                off = np.minimum(off, away - width[picture, stroke] / 2)
        np.testing.assert_array_equal(masks[picture] > 0, off <= 0)


def test_strokes_are_few_and_as_wide_as_stated_whatever_the_size():
    masks, small = (drawn(strokes, 2, 64, side) for side in (64, 32))
    assert {ndimage.label(one, np.ones((3, 3)))[1] for one in masks} == {1, 2, 3}
    # Zigzags meet themselves, but the thinnest brush, 12 of 256 pixels, is seen too.
    depths = [ndimage.distance_transform_edt(np.pad(one, 1)).max() for one in masks]
    assert 1 < min(depths) < 3
    share = masks.mean((1, 2))
    assert 0.005 < share.min() < 0.05 and 0.2 < share.max() < 0.7
    np.testing.assert_allclose(small.mean((1, 2)), share, atol=0.03)
    # They begin anywhere and run both ways: no half of the picture has more of them.
    for half in (masks[:, :32], masks[:, :, :32]):
        assert 0.4 < half.sum() / masks.sum() < 0.6


def test_a_hybrid_hole_is_a_box_and_strokes():
    @jax.jit
    def all_three(key):
        key_box, key_strokes = jax.random.split(key)
        return hybrid(key, 3, 32), boxes(key_box, 3, 32), strokes(key_strokes, 3, 32)

    both, box, stroke = (np.asarray(masks) for masks in all_three(jax.random.key(4)))
    np.testing.assert_array_equal(both, np.maximum(box, stroke))
    assert not np.array_equal(both[0], both[1])


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="one of hybrid, box, .*, got 'circle': change"):
        draw_holes("circle", jax.random.key(0), 1, 8)
