"""How far a solution's restored pictures are from those of a model that never saw the forget set.

A solution that forgot like `retrain` restores like `retrain`: both sets' pictures, hole for hole.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Distance(NamedTuple):
    """Differences of pixels in [0, 1], over all removed pixels of all pictures.

    Attributes:
        rms: root of the mean squared difference.
        mean: mean absolute difference.
    """

    rms: float
    mean: float


def distance(restored: Float[np.ndarray, "n p c"], reference: Float[np.ndarray, "..."]) -> Distance:
    """The difference of two models' restored pixels.

    Args:
        restored: removed pixels as a solution restores them, in [0, 1].
        reference: the same pixels, restored by `retrain` with the same keys.

    Returns:
        Both differences.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> distance(np.zeros((1, 2, 1)), np.array([[[0.3], [-0.4]]]))
        Distance(rms=0.353..., mean=0.35)
    """
    if restored.shape != reference.shape:
        raise ValueError(
            f"Both models must restore the same pixels, got {restored.shape} and "
            f"{reference.shape}: give both the same pictures and hole."
        )
    difference = restored.astype(np.float64) - reference
    return Distance(
        float(np.sqrt(np.mean(np.square(difference)))), float(np.mean(np.abs(difference)))
    )
