"""The kernel distance between two sets of features, called KID with Inception's: in float64."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cu_jax.metrics.features import checked_pair


class KernelDistance(NamedTuple):
    """Mean and standard deviation of the estimate over random subsets."""

    mean: float
    deviation: float


def kernel_distance(
    first: Any, second: Any, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    r"""Squared maximum mean discrepancy under a cubic kernel, unbiased.

    .. math:: k(x, y) = \Big(\frac{x^\top y}{D} + 1\Big)^3, \qquad
        \frac{\sum_{i \ne j} k(x_i, x_j) + k(y_i, y_j)}{m (m - 1)}
        - \frac{2 \sum_{i, j} k(x_i, y_j)}{m^2}

    over m pictures of each set, averaged over random subsets. Unlike the Fréchet distance it has
    no bias that grows as pictures become few.

    Args:
        first: Array-like [N, D] of finite numbers, N >= 2.
        second: Array-like [M, D] likewise.
        subsets: How many subsets, at least 1.
        subset_size: Pictures of each set in one, at least 2; the smaller set's size at most.
        seed: Of the choice of subsets.

    Returns:
        Mean and deviation over the subsets. The mean may be below 0 where the sets agree.

    Raises:
        ValueError: The features do not fit each other or are not finite, or a number is too small.

    Example:
        >>> one, other = np.zeros((4, 1)), np.ones((4, 1))  # k: 1 within one, 8 within other
        >>> kernel_distance(one, other, subsets=1).mean  # 1 + 8 - 2 * 1
        7.0

    References:
        Bińkowski et al., Demystifying MMD GANs, ICLR 2018.
    """
    first, second = checked_pair(first, second)
    size = min(subset_size, len(first), len(second))
    if subsets < 1 or size < 2:
        raise ValueError(
            f"There must be at least 1 subset of at least 2 pictures, got {subsets} of {size}: "
            "raise subsets or subset_size."
        )
    if size == len(first) == len(second):
        subsets = 1  # All would be the whole sets.
    rng = np.random.default_rng(seed)
    estimates = [
        _discrepancy(
            first[rng.choice(len(first), size, replace=False)],
            second[rng.choice(len(second), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(estimates)), float(np.std(estimates)))


def _discrepancy(x: Float[np.ndarray, "m d"], y: Float[np.ndarray, "m d"]) -> float:
    size, width = x.shape

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray((a @ b.T / width + 1.0) ** 3)

    within = kernel(x, x), kernel(y, y)
    same = sum(float(values.sum() - np.trace(values)) for values in within)
    return same / (size * (size - 1)) - 2.0 * float(kernel(x, y).mean())
