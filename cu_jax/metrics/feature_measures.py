"""Every measure that is made of one network's features, by its name in results."""

from typing import Any

import numpy as np

from cu_jax.metrics.frechet import frechet_distance, moments
from cu_jax.metrics.inception_score import inception_score
from cu_jax.metrics.kernel_distance import kernel_distance
from cu_jax.metrics.networks import FeatureNetwork
from cu_jax.metrics.precision_recall import precision_recall

SPLITS = 10
"""Of the inception score."""
NEIGHBORS = 3
"""Of precision and recall."""


def feature_measures(
    network: FeatureNetwork, made: Any, real: Any, logits: Any = None
) -> dict[str, float]:
    """The Fréchet and the kernel distance, precision and recall, and what else the network allows.

    Args:
        network: which one.
        made: array-like ``[n, network.size]``, the features of restored pictures.
        real: the same of the originals, in the same order.
        logits: array-like ``[n, classes]`` of the restored pictures; None for a network without.

    Returns:
        ``fid_…``, ``kid_…``, ``precision_…``, ``recall_…`` with the network's name, its size and
        the number of pictures, ``inception2048_5000``; ``cosine_…`` likewise for an ``aligned``
        network; and ``is_…`` (with the network's name and the number) for one with classes.
        Measures that so few pictures do not have are left out: the distances need 2, precision and
        recall 4, the score 10.

    Raises:
        ValueError: features or logits are not finite.

    Example:
        >>> from cu_jax.metrics.networks import Seen
        >>> network = FeatureNetwork("mean", 1, lambda _, x: Seen(x.mean((1, 2, 3))[:, None], None))
        >>> values = feature_measures(network, [[0.0], [2.0]], [[1.0], [3.0]])
        >>> round(values["fid_mean1_2"], 3)  # the means differ by 1, the variances do not
        1.0
    """
    made, real = np.asarray(made), np.asarray(real)
    name = f"{network.name}{network.size}_{len(made)}"
    values = {}
    if len(made) >= 2:
        values[f"fid_{name}"] = frechet_distance(moments(made), moments(real))
        values[f"kid_{name}"] = kernel_distance(made, real).mean
    if len(made) > NEIGHBORS:
        shares = precision_recall(real, made, NEIGHBORS)
        values[f"precision_{name}"], values[f"recall_{name}"] = shares
    if logits is not None and len(made) >= SPLITS:
        values[f"is_{network.name}_{len(made)}"] = inception_score(logits, SPLITS).mean
    if network.aligned:
        values[f"cosine_{name}"] = mean_cosine(made, real)
    return values


def mean_cosine(made: Any, real: Any) -> float:
    r"""How alike pictures and their originals are, on average.

    .. math:: \frac{1}{n} \sum_i \frac{\langle x_i, y_i \rangle}{\|x_i\| \|y_i\|}

    Args:
        made: array-like ``[n, d]``; a row of zeros counts as at a right angle.
        real: the same, row by row of the same pictures.

    Returns:
        A number in [-1, 1].

    Example:
        >>> mean_cosine([[2.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [3.0, 0.0]])
        0.5
    """
    x, y = np.asarray(made, np.float64), np.asarray(real, np.float64)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    lengths = np.maximum(lengths, np.finfo(np.float64).tiny)
    return float(((x * y).sum(axis=1) / lengths).mean())
