"""What is said of a solution: losses on whole training sets, measures on validation pictures."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cu_jax import corruptions, metrics
from cu_jax.data import Data, evaluation_batches
from cu_jax.methods import Objectives, frozen_parts, to_model_range
from cu_jax.models import Model, Params
from cu_jax.report import spread

SETS = ("retain", "forget")

ROUNDING = 1e-9
"""A retain loss below this is rounding (student and teacher run through code that the compiler
fuses differently), and is stated as 0, its gradient with it."""


class FullSet(NamedTuple):
    """Both losses, norms of their gradients, and stationarity, on the whole training sets.

    ``multiplier``, ``cosine`` and ``stationarity`` follow from the full-set gradients: λ̂ =
    max(-⟨g_r, g_f⟩ / ‖g_f‖², 0), stationarity = ‖g_r + λ̂ g_f‖ / ‖g_r‖.
    """

    retain_loss: float
    forget_loss: float
    retain_grad_norm: float
    forget_grad_norm: float
    multiplier: float
    cosine: float
    stationarity: float


class FullSetLosses:
    """Losses and gradients over the whole training sets, training corruption, fixed keys.

    Args:
        objectives: the losses of each example.
        model: the model.
        teacher: the whole original model's parameters.
        data: both sets.
        batch_size: pictures at once.
        seed: of the fixed keys; every solution sees the same corruptions and noise.
    """

    def __init__(
        self,
        objectives: Objectives,
        model: Model,
        teacher: Params,
        data: Data,
        batch_size: int,
        seed: int,
    ) -> None:
        self._model = model
        self._frozen = frozen_parts(model, teacher)
        self._data, self._batch_size = data, batch_size
        self._key = jax.random.key(seed)
        # Two programs at the most: one for each set, shared by every solution.
        self._sums = {name: self._summed(getattr(objectives, name)) for name in SETS}

    @staticmethod
    def _summed(per_example: Callable[..., Any]) -> Callable[..., Any]:
        def loss(params: Params, batch: Any, frozen: Params, key: Any) -> Any:
            return jnp.sum(per_example(params, batch, frozen, key) * batch["weight"])

        return jax.jit(jax.value_and_grad(loss))

    @property
    def pictures(self) -> int:
        """How many pictures one evaluation looks at."""
        return sum(len(self._data.source(name, "train")) for name in SETS)

    def _mean(self, name: str, encoder: Params, done: Callable[[int], None]) -> Any:
        source = self._data.source(name, "train")
        total = None
        for index, batch in enumerate(evaluation_batches(source, self._batch_size)):
            key = jax.random.fold_in(self._key, index)
            part = self._sums[name](encoder, batch, self._frozen, key)
            total = part if total is None else jax.tree.map(jnp.add, total, part)
            jax.block_until_ready(part)  # or the batches of a large set would all wait in memory
            done(min(self._batch_size, len(source) - index * self._batch_size))
        return jax.tree.map(lambda x: x / len(source), total)

    def __call__(self, params: Params, done: Callable[[int], None] = lambda count: None) -> FullSet:
        """Evaluates a whole model's parameters; ``done`` hears of each batch's pictures."""
        encoder, _ = self._model.split(params)
        (f_r, g_r), (f_f, g_f) = (self._mean(name, encoder, done) for name in SETS)
        dot, sq_r, sq_f = (
            float(optax.tree.vdot(a, b)) for a, b in ((g_r, g_f), (g_r, g_r), (g_f, g_f))
        )
        if float(f_r) < ROUNDING:
            f_r, dot, sq_r = jnp.zeros(()), 0.0, 0.0
        state = metrics.stationarity(dot, sq_r, sq_f)
        return FullSet(
            retain_loss=float(f_r),
            forget_loss=float(f_f),
            retain_grad_norm=sq_r**0.5,
            forget_grad_norm=sq_f**0.5,
            multiplier=state.multiplier,
            cosine=state.cosine,
            stationarity=state.stationarity,
        )


class Validation:
    """Restores the validation pictures' centered hole and measures what comes out.

    Args:
        model: the model.
        classifier: parameters of the digits' classifier.
        data: both sets.
        hole: side of the hole in pixels.
        batch_size: pictures at once.
        seed: of the restoring key.
        pictures: how many pictures of each set to keep for the figures.
    """

    def __init__(
        self,
        model: Model,
        classifier: Params,
        data: Data,
        *,
        hole: int,
        batch_size: int,
        seed: int,
        pictures: int,
    ) -> None:
        self._mask = corruptions.center_hole(model.image_shape[0], hole)
        self._data, self._batch_size, self._kept = data, batch_size, pictures
        self._classifier = classifier
        self._key = jax.random.key(seed)

        def restored(params: Params, images: Any, key: Any) -> Any:
            low, high = (jnp.asarray(bound) for bound in model.pixel_range)
            out = model.restore(params, to_model_range(images, model), self._mask, key)
            return jnp.clip((out - low) / (high - low), 0, 1)

        self._restored = jax.jit(restored)
        self._classified = jax.jit(metrics.classifier.apply)
        self._references = {name: self._originals(name) for name in SETS}

    def _originals(self, name: str) -> dict[str, Any]:
        batches = list(evaluation_batches(self._data.source(name, "validation"), self._batch_size))
        real = np.concatenate([batch["weight"] for batch in batches]) > 0
        logits, features = self._classify([batch["image"] / np.float32(255) for batch in batches])
        labels = np.concatenate([batch["label"] for batch in batches])[real]
        return {
            "batches": batches,
            "real": real,
            "labels": labels,
            "moments": metrics.moments(features[real]),
            "clean_accuracy": metrics.class_consistency(logits[real], labels),
        }

    def _classify(self, batches: list[Any]) -> tuple[np.ndarray, np.ndarray]:
        out = jax.device_get([self._classified(self._classifier, images) for images in batches])
        logits, features = zip(*out, strict=True)
        return np.concatenate(logits), np.concatenate(features)

    @property
    def clean_accuracy(self) -> float:
        """The classifier's accuracy on the uncorrupted validation pictures of both sets."""
        sizes = [len(self._references[name]["labels"]) for name in SETS]
        scores = [self._references[name]["clean_accuracy"] for name in SETS]
        return float(np.average(scores, weights=sizes))

    @property
    def pictures(self) -> int:
        """How many pictures one evaluation looks at."""
        return sum(len(self._references[name]["labels"]) for name in SETS)

    def __call__(
        self, params: Params, done: Callable[[int], None] = lambda count: None
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Measures a whole model's parameters.

        Args:
            params: the parameters.
            done: hears how many pictures were measured, set by set.

        Returns:
            ``set/metric`` → value, and the pictures for the figures (uint8; labels int32).
        """
        values: dict[str, float] = {}
        pictures = {"mask": self._mask[..., 0].astype(np.uint8)}
        for name in SETS:
            reference = self._references[name]
            batches, real, labels = (reference[key] for key in ("batches", "real", "labels"))
            out = [self._restored(params, batch["image"], self._key) for batch in batches]
            logits, features = self._classify(out)
            restored = np.concatenate(jax.device_get(out))[real]
            original = np.concatenate([batch["image"] for batch in batches])[real]
            target = original / np.float32(255)
            values |= {
                f"{name}/psnr": float(np.mean(metrics.psnr(restored, target, self._mask))),
                f"{name}/class_consistency": metrics.class_consistency(logits[real], labels),
                f"{name}/fid_digits{features.shape[1]}_{len(labels)}": metrics.frechet_distance(
                    metrics.moments(features[real]), reference["moments"]
                ),
                f"{name}/loss_hole": float(np.mean(metrics.hole_mse(restored, target, self._mask))),
            }
            chosen = spread(labels, self._kept)
            pictures |= {
                f"{name}_original": original[chosen],
                f"{name}_corrupted": (original[chosen] * (1 - self._mask)).astype(np.uint8),
                f"{name}_restored": np.round(restored[chosen] * 255).astype(np.uint8),
                f"{name}_label": labels[chosen].astype(np.int32),
            }
            done(len(labels))
        return values, pictures
