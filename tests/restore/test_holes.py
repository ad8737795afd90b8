"""Holes: their geometry in the picture and in the model's pixels."""

import numpy as np
import pytest
from PIL import Image

from cu_jax.corruptions import center_hole
from cu_jax.restoring import Hole, centered_square, central, drawn, model_mask, outpainting


def box(mask):
    """First and last row and column that are removed, as a slice would name them."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


@pytest.mark.parametrize("side", [28, 29, 30, 56, 99, 100, 101, 1003])
@pytest.mark.parametrize("pixels", [1, 3, 12, 14, 27])
def test_a_hole_of_the_models_pixels_comes_back_from_any_larger_picture(side, pixels):
    hole = central(pixels / 28, 28)
    np.testing.assert_array_equal(model_mask(hole.over(side, side), 28), center_hole(28, pixels))
    frame = outpainting(1 - pixels / 28, 28)
    mask = model_mask(frame.over(side, side), 28)
    np.testing.assert_array_equal(mask, 1 - center_hole(28, pixels))


def test_a_half_is_half_the_side_of_the_centered_square():
    assert box(central(0.5, 28).over(100, 60)) == (15, 45, 35, 65)
    assert box(central(0.5, 28).over(60, 100)) == (35, 65, 15, 45)


def test_outpainting_takes_half_its_share_at_each_edge():
    # 0.5 of 28 pixels: 7 at each edge stay away; 256 pixels as in the literature: 64 at each edge.
    removed = outpainting(0.5, 28).over(256, 256)
    assert box(~removed) == (64, 192, 64, 192)
    wide = outpainting(0.5, 28).over(356, 256)
    assert box(~wide[:, 50:306]) == (64, 192, 64, 192)
    assert not wide[:, :50].any() and not wide[:, 306:].any()


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 1.5, 0.01, 0.99, float("nan"), float("inf")])
def test_a_share_that_leaves_or_removes_nothing_is_refused(share):
    for make in (central, outpainting):
        with pytest.raises(
            ValueError, match="between 0 and 1 and come to 1 to 27 of the model's 28"
        ):
            make(share, 28)


def test_a_picture_smaller_than_the_model():
    hole = central(0.5, 28).over(4, 4)
    assert box(hole) == (1, 3, 1, 3)
    assert box(model_mask(hole, 28)[..., 0] > 0) == (7, 21, 7, 21)


def test_one_removed_pixel_of_a_large_picture_touches_one_of_the_model():
    hole = np.zeros((1000, 1000), bool)
    hole[517, 3] = True
    assert box(model_mask(hole, 28)[..., 0] > 0) == (14, 15, 0, 1)


def test_no_removed_pixel_is_ever_shown_as_a_whole_pixel_of_the_model():
    rng = np.random.default_rng(1)
    for side in (28, 31, 64, 200):
        hole = rng.random((side, side)) < 0.02
        mask = model_mask(hole, 28)[..., 0]
        rows, columns = np.nonzero(hole)
        centers = [((2 * index + 1) * 28) // (2 * side) for index in (rows, columns)]
        assert mask[centers[0], centers[1]].all()


def test_a_mask_of_the_pictures_size_is_taken_pixel_by_pixel():
    grid = np.random.default_rng(0).random((40, 40)) < 0.3
    hole = drawn(Image.fromarray((grid * 255).astype(np.uint8)), "mask.png")
    np.testing.assert_array_equal(hole.over(40, 40), grid)


def test_a_mask_is_stretched_without_smoothing():
    mask = Image.new("L", (4, 2))
    mask.putpixel((3, 0), 255)
    hole = drawn(mask, "mask.png")
    assert box(hole.over(40, 40)) == (0, 20, 30, 40)
    # The picture is wide: its square is columns 20 to 60, and the mask's white part is outside.
    assert not hole.over(80, 40).any() and hole.leaves_square(80, 40)
    assert not hole.leaves_square(40, 40)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
def test_white_is_removed_in_every_mode(mode):
    most = 65535 if mode == "I;16" else 255
    white = {"LA": (255, 255), "RGB": (255,) * 3, "RGBA": (255,) * 4}.get(mode, most)
    mask = Image.new(mode, (2, 1), 0)
    mask.putpixel((1, 0), white)
    mask = mask.convert("L") if mode == "1" else mask
    np.testing.assert_array_equal(drawn(mask, "mask.png").grid, [[False, True]])


def test_white_that_is_transparent_is_not_white():
    mask = Image.new("LA", (2, 1), (255, 0))
    mask.putpixel((1, 0), (255, 255))
    np.testing.assert_array_equal(drawn(mask, "mask.png").grid, [[False, True]])


@pytest.mark.parametrize(
    ("level", "found"), [(0, "nowhere white"), (1, "nowhere"), (255, "white all")]
)
def test_an_empty_or_all_white_mask_is_refused(level, found):
    with pytest.raises(ValueError, match=f"mask.png is {found}"):
        drawn(Image.new("L", (5, 5), level), "mask.png")


def test_the_centered_square():
    assert centered_square(7, 4) == (1, 0, 4)
    assert centered_square(4, 7) == (0, 1, 4)
    assert centered_square(3, 3) == (0, 0, 3)


def test_a_square_hole_never_leaves_the_square():
    assert not Hole("", np.ones((2, 2), bool)).leaves_square(7, 4)
