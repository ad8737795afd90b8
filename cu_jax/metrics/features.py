"""What measures of sets of features ask of them."""

from typing import Any

import numpy as np
from jaxtyping import Float


def checked(features: Any) -> Float[np.ndarray, "n d"]:
    """A set of features as float64.

    Args:
        features: Array-like [N, D] of finite numbers, N >= 2 (padding removed by the caller).

    Returns:
        The array.

    Raises:
        ValueError: Not two-dimensional, fewer than two examples, or not finite.

    Example:
        >>> checked([[1], [2]]).dtype
        dtype('float64')
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            "features must be [N, D] with at least two examples, but the shape is "
            f"{features.shape}: give one row per picture."
        )
    if not np.isfinite(features).all():
        raise ValueError(
            f"features must be finite, but {int((~np.isfinite(features)).any(1).sum())} of "
            f"{len(features)} rows are not: look at the pictures or the network that made them."
        )
    return features


def checked_pair(
    first: Any, second: Any
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "m d"]]:
    """Two sets of features of one network as float64.

    Args:
        first: Array-like [N, D], see :func:`checked`.
        second: Array-like [M, D] likewise.

    Returns:
        Both arrays.

    Raises:
        ValueError: One is not as it must be, or the numbers of features differ.

    Example:
        >>> checked_pair([[1], [2]], [[3], [4], [5]])[1].shape
        (3, 1)
    """
    one, other = checked(first), checked(second)
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            "Both sets must have the same number of features, but they have "
            f"{one.shape[1]} and {other.shape[1]}: use one network for both."
        )
    return one, other
