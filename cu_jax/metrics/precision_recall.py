"""How much of one set of pictures lies among another, in features: precision and recall."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cu_jax.metrics.features import checked_pair

_ROWS = 1024
"""Rows of a matrix of distances that are in memory at once."""


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1].

    Attributes:
        precision: of the made pictures, those that lie among the real ones.
        recall: of the real pictures, those that lie among the made ones.
    """

    precision: float
    recall: float


def precision_recall(real: Any, made: Any, neighbors: int = 3) -> PrecisionRecall:
    """Both shares, where a set covers a ball around each of its pictures.

    A ball reaches to the picture's nearest neighbor but ``neighbors`` - 1 in its own set.

    Args:
        real: Array-like [N, D] of finite numbers.
        made: Array-like [M, D] likewise.
        neighbors: Which neighbor a ball reaches to, at least 1 and less than either set's size.

    Returns:
        Precision and recall.

    Raises:
        ValueError: The features do not fit each other or are not finite, or ``neighbors`` is not
            in the range.

    Example:
        >>> real, made = [[0.0], [1.0], [2.0]], [[0.5], [1.5], [9.0]]
        >>> shares = precision_recall(real, made, neighbors=1)
        >>> f"{shares.precision:.2f} {shares.recall:.2f}"
        '0.67 1.00'

    References:
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models,
        NeurIPS 2019.
    """
    real, made = checked_pair(real, made)
    least = min(len(real), len(made))
    if not 1 <= neighbors < least:
        raise ValueError(
            f"neighbors must be at least 1 and less than {least}, the size of the smaller set, got "
            f"{neighbors}: change it."
        )
    return PrecisionRecall(
        float(_covered(made, real, neighbors).mean()), float(_covered(real, made, neighbors).mean())
    )


def _covered(
    pictures: Float[np.ndarray, "n d"], by: Float[np.ndarray, "m d"], neighbors: int
) -> Bool[np.ndarray, " n"]:
    """Which pictures lie in a ball of ``by``."""
    # The picture itself is its own nearest, at distance 0.
    reach = [np.partition(block, neighbors)[:, neighbors] for block in _distances(by, by)]
    reaches = np.concatenate(reach)
    return np.concatenate([np.any(block <= reaches, 1) for block in _distances(pictures, by)])


def _distances(
    rows: Float[np.ndarray, "n d"], columns: Float[np.ndarray, "m d"]
) -> Iterator[Float[np.ndarray, "rows m"]]:
    """The matrix of squared distances, a block of rows at a time."""
    squares = np.square(columns).sum(axis=1)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        distances = np.square(part).sum(axis=1)[:, None] + squares - 2.0 * part @ columns.T
        yield np.maximum(distances, 0.0)
