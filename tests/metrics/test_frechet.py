"""The Fréchet distance against closed forms and against a general matrix square root."""

import numpy as np
import pytest
import scipy.linalg

from cu_jax.metrics import Moments, frechet_distance, moments


def gaussian(mean, covariance):
    return Moments(100, np.asarray(mean, np.float64), np.asarray(covariance, np.float64))


def random_covariance(rng, size, rank):
    factor = rng.normal(size=(size, rank))
    return factor @ factor.T / rank


def test_moments_agree_with_numpy():
    features = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    result = moments(features)
    assert result.size == 50
    assert result.mean.dtype == result.covariance.dtype == np.float64
    np.testing.assert_allclose(result.mean, features.astype(np.float64).mean(axis=0))
    np.testing.assert_allclose(
        result.covariance, np.cov(features.astype(np.float64), rowvar=False), atol=1e-14
    )


def test_moments_of_features_far_from_zero_keep_their_precision():
    features = np.random.default_rng(0).normal(size=(200, 3))
    np.testing.assert_allclose(
        moments(features + 1e6).covariance, moments(features).covariance, atol=1e-8
    )


def test_diagonal_gaussians():
    first = gaussian([0.0, 1.0], np.diag([1.0, 9.0]))
    second = gaussian([2.0, 1.0], np.diag([16.0, 4.0]))
    # |m1 - m2|^2 + (1 - 4)^2 + (3 - 2)^2
    assert frechet_distance(first, second) == pytest.approx(4.0 + 9.0 + 1.0, rel=1e-12)


def test_scaled_covariance_that_is_not_diagonal():
    covariance = random_covariance(np.random.default_rng(0), 6, 20)
    first, second = gaussian(np.zeros(6), covariance), gaussian(np.zeros(6), 9.0 * covariance)
    assert frechet_distance(first, second) == pytest.approx(4.0 * np.trace(covariance), rel=1e-12)


@pytest.mark.parametrize("rank", [3, 12])
def test_identical_sets_are_at_zero(rank):
    covariance = random_covariance(np.random.default_rng(0), 12, rank)
    one = gaussian(np.ones(12), covariance)
    # Without the threshold on roundoff eigenvalues the singular case would be near 1e-7.
    assert frechet_distance(one, one) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_against_scipy_sqrtm(seed):
    rng = np.random.default_rng(seed)
    a, b = random_covariance(rng, 16, 40), random_covariance(rng, 16, 40)
    mean_a, mean_b = rng.normal(size=(2, 16))
    root = scipy.linalg.sqrtm(a @ b)
    expected = np.sum((mean_a - mean_b) ** 2) + np.trace(a + b - 2.0 * root.real)
    distance = frechet_distance(gaussian(mean_a, a), gaussian(mean_b, b))
    assert distance == pytest.approx(expected, rel=1e-9)


def test_singular_covariances():
    rng = np.random.default_rng(0)
    # Orthogonal supports: the two roots do not meet, and the distance is the sum of both traces.
    basis = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    a, b = basis[:, :3] @ basis[:, :3].T, 2.0 * basis[:, 3:5] @ basis[:, 3:5].T
    distance = frechet_distance(gaussian(np.zeros(8), a), gaussian(np.zeros(8), b))
    assert distance == pytest.approx(3.0 + 4.0, rel=1e-12)
    # One support: rank one, tr sqrt(uu' vv') = |u . v|.
    u, v = rng.normal(size=(2, 8))
    distance = frechet_distance(
        gaussian(np.zeros(8), np.outer(u, u)), gaussian(np.zeros(8), np.outer(v, v))
    )
    assert distance == pytest.approx(u @ u + v @ v - 2.0 * abs(u @ v), rel=1e-12)


def test_no_variance_leaves_the_means():
    first, second = gaussian([0.0, 3.0], np.zeros((2, 2))), gaussian([4.0, 0.0], np.zeros((2, 2)))
    assert frechet_distance(first, second) == 25.0


def test_symmetric_and_unchanged_by_rotation():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 8)), 2.0 * rng.normal(size=(30, 8)) + 1.0  # a: fewer than features
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    distance = frechet_distance(moments(a), moments(b))
    assert frechet_distance(moments(b), moments(a)) == pytest.approx(distance, rel=1e-12)
    turned = frechet_distance(moments(a @ rotation), moments(b @ rotation))
    assert turned == pytest.approx(distance, rel=1e-10)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"at least two examples.*\(1, 4\)"):
        moments(np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r"\[N, D\].*\(4,\)"):
        moments(np.zeros(4))
    with pytest.raises(ValueError, match="finite, but 1 of 3 rows"):
        moments([[0.0, 1.0], [np.nan, np.inf], [1.0, 2.0]])
    with pytest.raises(ValueError, match="same number of features.*2 and 3"):
        frechet_distance(gaussian(np.zeros(2), np.eye(2)), gaussian(np.zeros(3), np.eye(3)))
