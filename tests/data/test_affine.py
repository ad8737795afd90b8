"""The random affine maps against pictures moved by hand."""

import numpy as np
import pytest

from cu_jax.data.affine import affine, warp


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 6, 5, 2)).astype(np.uint8)


def _eyes(count):
    return np.tile(np.eye(2), (count, 1, 1))


def test_the_identity_changes_nothing(pictures):
    np.testing.assert_array_equal(warp(pictures, _eyes(3), np.zeros((3, 2))), pictures)


@pytest.mark.parametrize("rows", [-7, -2, 0, 1])
@pytest.mark.parametrize("columns", [-1, 0, 3, 9])
def test_whole_shifts_move_whole_pixels(pictures, rows, columns):
    expected = np.zeros_like(pictures)
    for row in range(6):
        for column in range(5):
            if 0 <= row + rows < 6 and 0 <= column + columns < 5:
                expected[:, row, column] = pictures[:, row + rows, column + columns]
    shift = np.tile([float(rows), float(columns)], (3, 1))
    np.testing.assert_array_equal(warp(pictures, _eyes(3), shift), expected)


def test_a_quarter_turn(pictures):
    square = pictures[:, :5]
    turn = np.tile([[0.0, 1.0], [-1.0, 0.0]], (3, 1, 1))
    expected = np.rot90(square, axes=(1, 2))
    np.testing.assert_array_equal(warp(square, turn, np.zeros((3, 2))), expected)


def test_half_a_pixel_is_the_mean_of_two(pictures):
    shift = np.tile([0.5, 0.0], (3, 1))
    ink = pictures.astype(np.float64)
    below = np.concatenate([ink[:, 1:], np.zeros_like(ink[:, :1])], 1)
    expected = np.floor((ink + below) / 2 + 0.5)
    np.testing.assert_array_equal(warp(pictures, _eyes(3), shift), expected)


def test_each_picture_has_its_own_map(pictures):
    shift = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    moved = warp(pictures, _eyes(3), shift)
    np.testing.assert_array_equal(moved[[0, 2]], pictures[[0, 2]])
    np.testing.assert_array_equal(moved[1, :-1], pictures[1, 1:])


def test_randomness_comes_from_the_generator_alone(pictures):
    one, two, other = (affine(pictures, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any((1, 2, 3)).all()


def test_maps_are_centered_on_average():
    # One bright square in the middle; the mean over many draws stays in the middle.
    image = np.zeros((4000, 15, 15, 1), np.uint8)
    image[:, 6:9, 6:9] = 255
    mean = affine(image, np.random.default_rng(0)).astype(np.float64).mean(0)[..., 0]
    grid = np.arange(15) - 7
    # Shifts are uniform within 1.2 pixels: the mean's standard error is 0.7 / sqrt(4000) = 0.011.
    assert abs((mean.sum(1) * grid).sum() / mean.sum()) < 0.06
    assert abs((mean.sum(0) * grid).sum() / mean.sum()) < 0.06
