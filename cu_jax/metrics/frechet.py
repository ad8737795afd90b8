"""The Fréchet distance between two sets of features, in float64 on the host."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cu_jax.metrics.features import checked


class Moments(NamedTuple):
    """What the Fréchet distance needs to know of a set of features.

    Attributes:
        size: Number of examples.
        mean: float64 [D].
        covariance: float64 [D, D], unbiased (divided by size - 1).

    Example:
        >>> Moments(2, np.zeros(1), np.ones((1, 1))).size
        2
    """

    size: int
    mean: Float[np.ndarray, " d"]
    covariance: Float[np.ndarray, "d d"]


def moments(features: Any) -> Moments:
    """Mean and unbiased covariance of a set of features.

    Args:
        features: Array-like [N, D] of finite numbers, N >= 2 (padding removed by the caller).

    Returns:
        The set's `Moments`, in float64.

    Raises:
        ValueError: Not two-dimensional, fewer than two examples, or not finite.

    Example:
        >>> moments([[0.0, 1.0], [2.0, 1.0]]).covariance
        array([[2., 0.],
               [0., 0.]])
    """
    features = checked(features)
    mean = features.mean(axis=0)
    centered = features - mean
    return Moments(len(features), mean, centered.T @ centered / (len(features) - 1))


def frechet_distance(first: Moments, second: Moments) -> float:
    r"""Squared Fréchet (2-Wasserstein) distance between the two fitted Gaussians.

    .. math:: d^2 = \|m_1 - m_2\|^2
        + \operatorname{tr} C_1 + \operatorname{tr} C_2 - 2 \operatorname{tr} (C_1 C_2)^{1/2}

    With :math:`C_i = F_i F_i^\top` from symmetric eigen-decompositions, the last trace is the sum
    of the singular values of :math:`F_1^\top F_2`. That holds for singular covariances too (fewer
    examples than features), and has neither the complex roundoff nor the failures of a general
    matrix square root.

    Args:
        first: Moments of one set.
        second: Moments of the other, the same D.

    Returns:
        The distance (called FID with Inception features), at least 0.

    Raises:
        ValueError: The numbers of features differ.

    Example:
        >>> one = Moments(2, np.zeros(1), np.array([[1.0]]))
        >>> other = Moments(2, np.array([3.0]), np.array([[4.0]]))
        >>> frechet_distance(one, other)  # 3 ** 2 + (2 - 1) ** 2
        10.0

    References:
        Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982.
        Heusel et al., GANs trained by a two time-scale update rule, 2017, equation (6).
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(
            "Both sets must have the same number of features, but they have "
            f"{first.mean.shape[0]} and {second.mean.shape[0]}: use one network for both."
        )
    cross = np.linalg.svd(
        _factor(first.covariance).T @ _factor(second.covariance), compute_uv=False
    ).sum()
    difference = first.mean - second.mean
    distance = difference @ difference - 2.0 * cross
    distance += np.trace(first.covariance) + np.trace(second.covariance)
    return max(float(distance), 0.0)


def _factor(covariance: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d rank"]:
    """F with F F^T = covariance, without the directions that are zero up to roundoff."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2.0)
    # The square root of an eigenvalue that is roundoff (1e-16) would be a visible 1e-8.
    threshold = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    kept = values > threshold
    return vectors[:, kept] * np.sqrt(values[kept])
