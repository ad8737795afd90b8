r"""What a linear classifier reads of a picture's class from the frozen encoder's features.

The features of a picture are the mean over positions of each map of ``model.encode`` under the
training corruption, side by side. Forgetting that only bends the way from features to pixels leaves
the classes in them.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Integer, UInt8

from cu_jax.methods import to_model_range
from cu_jax.models import Model, Params

PENALTIES = tuple(10.0**power for power in range(-5, 4))
"""The penalties μ to choose from, in units of a standardized feature's variance."""

_HELD = 5  # Every fifth picture is held back to choose the penalty.


def ridge_probe(
    features: Float[np.ndarray, "n d"],
    labels: Integer[np.ndarray, " n"],
    validation: Float[np.ndarray, "m d"],
    validation_labels: Integer[np.ndarray, " m"],
) -> float | None:
    r"""Accuracy of ridge regression from features to one-hot labels.

    Features are standardized to X (mean 0, deviation 1 over the n pictures), labels one-hot and
    centered, Y. The weights that minimize :math:`\|XW - Y\|^2/n + \mu\|W\|^2` are

    .. math:: W = (X^T X + n\mu I)^{-1} X^T Y = V\,\mathrm{diag}(s/(s^2 + n\mu))\,U^T Y

    with the singular values :math:`X = U\,\mathrm{diag}(s)\,V^T`, of which one decomposition
    serves every μ. The class read is the largest of :math:`xW + \bar y`. μ is that of
    :data:`PENALTIES` with the best accuracy on every fifth picture, fitted on the others (of equals
    the middle one); W is then fitted on all n.

    Args:
        features: of training pictures.
        labels: their classes.
        validation: features of validation pictures.
        validation_labels: their classes.

    Returns:
        The share of validation pictures read right; None where there is one class alone, of which
        nothing can be read.

    Example:
        >>> x = np.array([[0.0], [1.0], [0.1], [0.9], [0.05], [1.1], [0.2]])
        >>> ridge_probe(x, np.array([0, 1, 0, 1, 0, 1, 0]), x[:4], np.array([0, 1, 0, 1]))
        1.0
    """
    classes, targets = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        return None
    held = np.arange(len(labels)) % _HELD == _HELD - 1
    penalty = PENALTIES[len(PENALTIES) // 2]
    if held.any():
        fits = _fits(features[~held], targets[~held], len(classes), PENALTIES)
        scores = [np.mean(fit(features[held]) == targets[held]) for fit in fits]
        best = [p for p, score in zip(PENALTIES, scores, strict=True) if score == max(scores)]
        penalty = best[len(best) // 2]
    (fit,) = _fits(features, targets, len(classes), [penalty])
    return float(np.mean(classes[fit(validation)] == validation_labels))


def ridge_weights(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "n k"], penalties: Any
) -> list[Float[np.ndarray, "d k"]]:
    """W of :func:`ridge_probe` for each penalty, from one decomposition.

    Args:
        x: standardized features.
        y: centered targets.
        penalties: the μ, each greater than 0.

    Returns:
        One matrix a penalty.

    Example:
        >>> (weights,) = ridge_weights(np.array([[1.0], [-1.0]]), np.array([[1.0], [-1.0]]), [1.0])
        >>> weights.round(3).tolist()
        [[0.5]]
    """
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    seen = u.T @ y
    return [vt.T @ ((s / (s**2 + len(x) * penalty))[:, None] * seen) for penalty in penalties]


def _fits(
    features: np.ndarray, targets: np.ndarray, classes: int, penalties: Any
) -> list[Callable[[np.ndarray], np.ndarray]]:
    """For each penalty what reads the number of a class from features."""
    features = features.astype(np.float64)
    mean, deviation = features.mean(0), features.std(0)
    deviation[deviation == 0] = 1  # a feature that never changes says nothing
    hot = np.eye(classes)[targets]
    weights = ridge_weights((features - mean) / deviation, hot - hot.mean(0), penalties)

    def reader(w: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return lambda x: np.argmax((x - mean) / deviation @ w + hot.mean(0), axis=1)

    return [reader(w) for w in weights]


class Features:
    """The encoder's features of pictures, with one compiled program for all solutions.

    Args:
        model: the model.
        batch_size: pictures at once; the last batch is filled up with black ones.
        seed: of the corruptions: each batch of a set meets the same ones in every solution.
    """

    def __init__(self, model: Model, batch_size: int, seed: int) -> None:
        self._model, self._batch_size = model, batch_size
        self._key = jax.random.key(seed)
        self._program = jax.jit(self._features)

    def __call__(
        self, params: Params, images: UInt8[np.ndarray, "n h w c"]
    ) -> Float[np.ndarray, "n d"]:
        """The features of each picture."""
        parts = []
        for start in range(0, len(images), self._batch_size):
            batch = images[start : start + self._batch_size]
            gap = np.zeros((self._batch_size - len(batch), *batch.shape[1:]), np.uint8)
            key = jax.random.fold_in(self._key, start)
            found = self._program(params, np.concatenate([batch, gap]), key)
            parts.append(np.asarray(found)[: len(batch)])
        return np.concatenate(parts)

    def _features(self, params: Params, images: Array, key: Any) -> Array:
        encoder, rest = self._model.split(params)
        key_corrupt, key_prepare = jax.random.split(key)
        inputs = self._model.prepare(rest, to_model_range(images, self._model), key_prepare)
        corruption = self._model.corrupt(key_corrupt, len(images), "training")
        maps = self._model.encode(encoder, inputs, corruption)
        means = [x.astype(jnp.float32).mean(axis=tuple(range(1, x.ndim - 1))) for x in maps]
        return jnp.concatenate(means, axis=-1)
