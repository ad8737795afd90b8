"""Fronts and stationarity against closed forms and slow, obvious definitions."""

import math

import numpy as np
import pytest

from cu_jax.metrics import Stationarity, dominated, hypervolume, log_interpolate, stationarity


def test_dominated_points():
    points = [[1, 4], [2, 2], [4, 1], [2, 3], [3, 2], [4, 4], [2, 2]]
    expected = [False, False, False, True, True, True, False]  # equal points spare each other
    np.testing.assert_array_equal(dominated(points), expected)


def test_dominated_of_none_and_one():
    assert dominated(np.zeros((0, 2))).shape == (0,)
    np.testing.assert_array_equal(dominated([[1.0, 1.0]]), [False])


def test_dominated_agrees_with_the_definition():
    points = np.random.default_rng(0).integers(0, 6, size=(40, 2))
    expected = [any((q <= p).all() and (q < p).any() for q in points) for p in points]
    np.testing.assert_array_equal(dominated(points), expected)
    assert any(expected) and not all(expected)


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ([[1.0, 1.0]], 6.0),  # (4 - 1) (3 - 1)
        ([[1.0, 2.0], [2.0, 1.0]], 5.0),  # 3 * 1 + 2 * 1
        ([[2.0, 1.0], [1.0, 2.0], [2.0, 2.0], [2.0, 1.0]], 5.0),  # dominated, repeated
        ([[1.0, 2.0], [1.0, 1.0]], 6.0),  # a tie in f_f
        ([[4.0, 0.0], [0.0, 3.0], [9.0, 0.0]], 0.0),  # on or beyond the reference
        ([[-1.0, -1.0]], 20.0),
        (np.zeros((0, 2)), 0.0),
    ],
)
def test_hypervolume_by_hand(points, area):
    assert hypervolume(points, (4.0, 3.0)) == pytest.approx(area)


def test_hypervolume_agrees_with_counting_cells():
    points = np.random.default_rng(0).integers(0, 12, size=(15, 2))
    cells = np.stack(np.meshgrid(np.arange(10), np.arange(10)), axis=-1).reshape(-1, 2)
    covered = (points[None] <= cells[:, None]).all(axis=-1).any(axis=-1)
    assert hypervolume(points, (10, 10)) == covered.sum() > 0


def test_log_interpolation_is_exact_for_an_exponential():
    f = np.array([0.9, 0.5, 0.7])  # any order
    at = np.array([0.5, 0.55, 0.6, 0.8, 0.9])
    np.testing.assert_allclose(log_interpolate(f, 3 * np.exp(-4 * f), at), 3 * np.exp(-4 * at))


def test_log_interpolation_halfway_is_the_geometric_mean():
    value = log_interpolate([1.0, 2.0], [0.04, 0.01], 1.5)
    assert isinstance(value, float)
    assert value == pytest.approx(0.02)


def test_log_interpolation_outside_the_span_is_nan():
    values = log_interpolate([1.0, 2.0], [0.04, 0.01], np.array([0.999, 1.0, 2.0, 2.001]))
    np.testing.assert_array_equal(np.isnan(values), [True, False, False, True])


def test_log_interpolation_takes_the_best_of_equal_f():
    assert log_interpolate([1.0, 1.0, 2.0], [0.5, 0.25, 0.125], 1.0) == pytest.approx(0.25)


def test_log_interpolation_keeps_dominated_points():
    assert log_interpolate([1.0, 2.0, 3.0], [0.1, 0.2, 0.1], 2.0) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("g_r", "g_f"),
    [([3.0, 4.0], [-1.0, 0.5]), ([1.0, 0.0], [1.0, 1.0]), ([1e-9, 2e-9], [-3e-9, 1e-9])],
)
def test_stationarity_agrees_with_the_gradients(g_r, g_f):
    g_r, g_f = np.array(g_r), np.array(g_f)
    result = stationarity(g_r @ g_f, g_r @ g_r, g_f @ g_f)
    multiplier = max(-(g_r @ g_f) / (g_f @ g_f), 0.0)
    assert result.multiplier == pytest.approx(multiplier)
    assert result.cosine == pytest.approx(g_r @ g_f / np.linalg.norm(g_r) / np.linalg.norm(g_f))
    residual = np.linalg.norm(g_r + multiplier * g_f) / np.linalg.norm(g_r)
    assert result.stationarity == pytest.approx(residual)


def test_multiplier_is_the_least_squares_one():
    dot, rr, ff = -1.3, 2.0, 1.7
    best = min(np.linspace(0.0, 3.0, 30001), key=lambda m: rr + 2 * m * dot + m * m * ff)
    assert stationarity(dot, rr, ff).multiplier == pytest.approx(best, abs=1e-4)


def test_opposite_gradients_are_stationary_and_agreeing_ones_are_not():
    assert stationarity(-6.0, 9.0, 4.0) == Stationarity(1.5, -1.0, 0.0)
    assert stationarity(6.0, 9.0, 4.0) == Stationarity(0.0, 1.0, 1.0)
    # Float32 sums can break Cauchy-Schwarz by a little.
    assert stationarity(-6.000001, 9.0, 4.0).stationarity == 0.0


def test_zero_gradients():
    objective = stationarity(0.0, 0.0, 4.0)
    assert (objective.multiplier, objective.stationarity) == (0.0, 0.0)
    constraint = stationarity(0.0, 9.0, 0.0)
    assert (constraint.multiplier, constraint.stationarity) == (0.0, 1.0)
    both = stationarity(0.0, 0.0, 0.0)
    assert (both.multiplier, both.stationarity) == (0.0, 0.0)
    assert all(math.isnan(result.cosine) for result in (objective, constraint, both))


def test_norms_whose_product_underflows():
    result = stationarity(-1e-200, 1e-200, 1e-200)
    assert (result.cosine, result.stationarity) == (pytest.approx(-1.0), pytest.approx(0.0))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nonfinite_arguments_give_nan(bad):
    for arguments in ((bad, 1.0, 1.0), (1.0, bad, 1.0), (1.0, 1.0, bad)):
        assert all(map(math.isnan, stationarity(*arguments)))


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"points must be \[N, 2\].*\(3,\)"):
        dominated([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="finite, but 1 of 2"):
        hypervolume([[1.0, np.nan], [1.0, 1.0]], (2.0, 2.0))
    with pytest.raises(ValueError, match="reference must be one finite point"):
        hypervolume([[1.0, 1.0]], [(2.0, 2.0), (3.0, 3.0)])
    with pytest.raises(ValueError, match="reference must be one finite point"):
        hypervolume([[1.0, 1.0]], (1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match=r"every f_r > 0.*\[0.0, 0.1\]"):
        log_interpolate([2.0, 1.0], [0.0, 0.1], 1.5)
    with pytest.raises(ValueError, match="at least one point"):
        log_interpolate([], [], 1.5)
    with pytest.raises(ValueError, match="2 f_f and 1 f_r"):
        log_interpolate([1.0, 2.0], [0.1], 1.5)
    with pytest.raises(ValueError, match="Squared norms must be >= 0"):
        stationarity(1.0, -1.0, 1.0)
