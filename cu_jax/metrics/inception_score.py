"""The inception score: how sure a classifier is of each picture, and how different pictures are."""

from typing import Any, NamedTuple

import numpy as np


class InceptionScore(NamedTuple):
    """Mean and standard deviation over the parts."""

    mean: float
    deviation: float


def inception_score(logits: Any, splits: int = 10) -> InceptionScore:
    r"""The exponential of the mean divergence of each picture's classes from those of all.

    .. math:: \exp \frac{1}{n} \sum_i \mathrm{KL}\Big(p_i \,\Big\|\, \frac{1}{n} \sum_j p_j\Big)

    in each of ``splits`` parts of the pictures, in their order; mean and deviation over the parts.

    Args:
        logits: Array-like [N, K] of finite numbers, a classifier's answers.
        splits: How many parts, at least 1 and at most N; the first are larger where they can't be
            equal.

    Returns:
        Mean in [1, K], and deviation.

    Raises:
        ValueError: Another shape, a number that is not finite, or another number of splits.

    Note:
        It judges with the classes of whatever network gave the logits: name that beside a score.

    Example:
        >>> inception_score(100.0 * np.eye(4), splits=1).mean.__round__(3)  # sure, of four classes
        4.0

    References:
        Salimans et al., Improved Techniques for Training GANs, NeurIPS 2016.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2 or not 1 <= splits <= len(logits):
        raise ValueError(
            "Logits must be [N, K], with at least as many pictures as splits, but the shape is "
            f"{logits.shape} and there are {splits} splits: give one row per picture."
        )
    if not np.isfinite(logits).all():
        raise ValueError(
            "Logits must be finite, but some are not: look at the pictures or the network."
        )
    scores = []
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    for part in np.array_split(logs, splits):
        shares = np.exp(part)
        # A class that no picture of the part has at all counts nothing, whatever its logarithm.
        together = np.log(np.maximum(shares.mean(axis=0), np.finfo(np.float64).tiny))
        divergence = (shares * (part - together)).sum(axis=1)
        scores.append(float(np.exp(divergence.mean())))
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))
