"""What the model sees, what is pasted back, and how it is shown."""

import numpy as np
import pytest
from PIL import Image

from cu_jax.restoring import (
    centered_square,
    central,
    eight_bits,
    has_color,
    model_mask,
    pasted,
    seen,
    side_by_side,
    with_hole,
)

MODES = ["L", "LA", "RGB", "RGBA", "I;16"]
SIZES = [(28, 28), (100, 60), (61, 97), (20, 9), (1, 7), (300, 301)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_outside_the_hole_every_bit_stays_and_inside_all_is_restored(
    make_noise, mode, size, channels
):
    image = make_noise(*size, mode)
    hole = np.random.default_rng(0).random(image.size[::-1]) < 0.4
    left, top, side = centered_square(*size)
    square = np.zeros_like(hole)
    square[top : top + side, left : left + side] = True
    hole &= square
    before = np.asarray(image)
    out = pasted(image, hole, np.full((28, 28, channels), 0.5, np.float32))
    assert out.mode == mode and out.size == image.size
    after = np.asarray(out)
    np.testing.assert_array_equal(after[~hole], before[~hole])
    np.testing.assert_array_equal(np.asarray(image), before)  # The given one is left alone.
    middle = 32768 if mode == "I;16" else 128
    inside = after[hole] if after.ndim == 2 else after[hole][:, : 1 if mode == "LA" else 3]
    assert np.abs(inside.astype(int) - middle).max(initial=0) <= 1
    if mode in ("LA", "RGBA"):
        assert (after[hole][:, -1] == 255).all()


def test_at_the_models_own_size_pixels_go_through_unchanged(make_noise):
    image, restored = make_noise(28, 28, "RGB"), make_noise(28, 28, "RGB", seed=1)
    hole = np.random.default_rng(0).random((28, 28)) < 0.3
    shown = seen(image, hole, (28, 28, 3))
    np.testing.assert_array_equal(shown[~hole], np.asarray(image)[~hole])
    assert not shown[hole].any()
    out = np.asarray(pasted(image, hole, np.asarray(restored, np.float32) / 255))
    np.testing.assert_array_equal(out[hole], np.asarray(restored)[hole])


def test_what_is_restored_comes_to_its_place_at_the_pictures_resolution():
    # A ramp over the model's square: its value says where it came from.
    ramp = np.broadcast_to(((np.arange(28) + 0.5) / 28).astype(np.float32)[:, None], (28, 28))
    image = Image.new("I;16", (500, 280))
    hole = np.zeros((280, 500), bool)
    hole[40:241:7, 123:350:5] = True
    found = np.asarray(pasted(image, hole, ramp[..., None]))
    rows, columns = np.nonzero(hole)
    np.testing.assert_allclose(found[rows, columns] / 65535, (rows + 0.5) / 280, atol=2e-3)
    across = np.asarray(pasted(image, hole, ramp.T[..., None]))
    np.testing.assert_allclose(
        across[rows, columns] / 65535, (columns - 110 + 0.5) / 280, atol=2e-3
    )


@pytest.mark.parametrize("size", [(28, 28), (57, 90), (280, 280), (9, 9)])
@pytest.mark.parametrize("mode", MODES)
def test_the_model_learns_nothing_of_removed_pixels(make_noise, size, mode):
    hole = np.random.default_rng(3).random(size[::-1]) < 0.3
    one, other = (np.array(make_noise(*size, mode, seed=seed)) for seed in (0, 1))
    other[~hole] = one[~hole]
    shown = [seen(Image.fromarray(pixels), hole, (28, 28, 3)) for pixels in (one, other)]
    np.testing.assert_array_equal(*shown)
    if min(size) >= 28:
        visible = model_mask(hole, 28)[..., 0] == 0
        assert visible.sum() == 0 or shown[0][visible].any()


def test_resizing_averages_all_pixels_and_takes_the_centered_square():
    # A checkerboard of single pixels is gray from afar; picking pixels would show black or white.
    board = (np.indices((280, 280)).sum(0) % 2 * 255).astype(np.uint8)
    wide = np.pad(board, ((0, 0), (100, 100)))
    shown = seen(Image.fromarray(wide), np.zeros((280, 480), bool), (28, 28, 1))
    assert np.abs(shown.astype(int) - 127).max() <= 3


def test_a_gray_model_sees_luminance_and_a_color_model_equal_channels(make_noise):
    image = Image.new("RGB", (28, 28), (250, 120, 10))
    nothing = np.zeros((28, 28), bool)
    assert (seen(image, nothing, (28, 28, 1)) == image.convert("L").getpixel((0, 0))).all()
    gray = seen(make_noise(28, 28, "L"), nothing, (28, 28, 3))
    np.testing.assert_array_equal(gray[..., 0], gray[..., 2])


def test_a_color_models_restoration_of_a_gray_picture_is_its_luminance():
    color = np.broadcast_to(np.array([0.9, 0.2, 0.4], np.float32), (28, 28, 3))
    out = pasted(Image.new("L", (28, 28)), central(0.5, 28).over(28, 28), color)
    expected = 255 * (0.299 * 0.9 + 0.587 * 0.2 + 0.114 * 0.4)
    assert out.getpixel((14, 14)) == round(expected)


def test_transparent_pixels_look_white_to_the_model():
    image = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    assert (seen(image, np.zeros((28, 28), bool), (28, 28, 1)) == 255).all()
    half = Image.new("LA", (28, 28), (0, 128))
    assert (seen(half, np.zeros((28, 28), bool), (28, 28, 1)) == 127).all()


def test_values_outside_black_and_white_are_clipped():
    hole = central(0.5, 28).over(28, 28)
    for value, expected in ((-3.0, 0), (7.0, 255)):
        out = pasted(Image.new("L", (28, 28), 9), hole, np.full((28, 28, 1), value, np.float32))
        assert out.getpixel((14, 14)) == expected


def test_sixteen_bits_as_eight():
    image = Image.fromarray(np.array([[0, 255, 256, 32768, 65535]], np.uint16))
    assert np.asarray(eight_bits(image)).tolist() == [[0, 0, 0, 127, 255]]


def test_a_color_profile_goes_along():
    image = Image.new("L", (4, 4))
    image.info = {"icc_profile": b"profile"}
    hole = np.eye(4, dtype=bool)
    assert pasted(image, hole, np.zeros((2, 2, 1), np.float32)).info == image.info


def test_whether_a_picture_has_color(make_noise):
    assert has_color(make_noise(8, 8)) and not has_color(make_noise(8, 8, "L"))
    assert not has_color(make_noise(8, 8, "L").convert("RGB"))
    assert not has_color(Image.new("RGBA", (4, 4), (90, 90, 90, 255)))
    assert has_color(Image.new("RGBA", (4, 4), (90, 90, 250, 255)))


def test_the_hole_is_shown_in_gray_and_nothing_else_changes(make_noise):
    image, hole = make_noise(12, 8), np.zeros((8, 12), bool)
    hole[2:4, 5:9] = True
    shown = np.asarray(with_hole(image, hole))
    assert (shown[hole] == 128).all()
    np.testing.assert_array_equal(shown[~hole], np.asarray(image)[~hole])


@pytest.mark.parametrize(
    ("size", "shown"),
    [((28, 28), (224, 224)), ((50, 100), (150, 300)), ((400, 300), (400, 300))]
    + [((4096, 2048), (1024, 512)), ((1, 1), (224, 224))],
)
def test_panels_are_of_a_size_to_look_at(size, shown):
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    labels = ["a", "b", "a longer label"]
    images = [Image.new("RGB", size, color) for color in colors]
    pixels = np.asarray(side_by_side(list(zip(labels, images, strict=True))))
    lefts = []
    for color in colors:
        rows, columns = np.nonzero((pixels == color).all(-1))
        assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == shown
        assert len(rows) == shown[0] * shown[1]
        lefts.append(columns.min())
    assert lefts == sorted(lefts) and lefts[1] - lefts[0] >= shown[0] + 12


def test_labels_stand_above_their_panels():
    sheet = np.asarray(side_by_side([("one", Image.new("L", (28, 28))) for _ in range(2)]))
    head = sheet[:26]
    dark = np.flatnonzero((head < 128).all(-1).any(0))
    assert (dark < 100).any() and ((dark >= 12 + 224 + 12) & (dark < 400)).any()
    assert not ((dark > 100) & (dark < 12 + 224 + 12)).any()
