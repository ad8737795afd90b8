"""What a solution restores of the validation pictures: measures of each hole, and some pictures."""

import collections
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from cu_jax import metrics
from cu_jax.data import SETS, Data, evaluation_batches
from cu_jax.holes import NamedHole
from cu_jax.methods import to_model_range
from cu_jax.models import Model, Params
from cu_jax.report import spread

_AHEAD = 2
"""Batches given to the device before the oldest one's numbers are waited for: enough that it is
never idle, and few enough that pictures do not pile up in its memory."""


class _Reference(NamedTuple):
    """What is known of a set's validation pictures themselves.

    Attributes:
        labels: int32 ``[n]``.
        chosen: indices of the pictures for the figures.
        pictures: arrays of these: ``original``, ``label``, ``name``.
        moments: of the originals' features; None without a classifier.
        clean_accuracy: the classifier's, on the originals.
    """

    labels: np.ndarray
    chosen: np.ndarray
    pictures: dict[str, np.ndarray]
    moments: metrics.Moments | None
    clean_accuracy: float


class Validation:
    """Restores the validation pictures' holes and measures what comes out, batch by batch.

    Of all pictures only numbers stay in memory, whatever the size of the sets: the pictures are
    read anew for each solution, and each is restored, measured and forgotten on the device.

    Args:
        model: the model.
        classifier: parameters of the digits' classifier; None: no measure asks for classes.
        data: both sets.
        holes: the main one first; its measures have plain names, those of the others end in the
            hole's name.
        batch_size: pictures at once.
        seed: of the keys that pictures are restored with, one a picture.
        pictures: how many pictures of each set to keep for the figures.
    """

    def __init__(
        self,
        model: Model,
        classifier: Params | None,
        data: Data,
        *,
        holes: Sequence[NamedHole],
        batch_size: int,
        seed: int,
        pictures: int,
    ) -> None:
        self._data, self._batch_size, self._kept = data, batch_size, pictures
        self._holes = holes
        self._classifier = classifier
        self._key = jax.random.key(seed)
        # One program a hole, shared by every solution; the main hole's gives the pictures too.
        self._programs = [jax.jit(_measured(model, hole, show=hole is holes[0])) for hole in holes]
        self._read = jax.jit(metrics.classifier.apply)
        self._references = {name: self._originals(name) for name in SETS}

    def _originals(self, name: str) -> _Reference:
        source = self._data.source(name, "validation")
        place = {label: index for index, label in enumerate(self._data.class_names)}
        records = self._data.manifest.records(name, "validation")
        labels = np.array([place[record.label] for record in records], np.int32)
        chosen = spread(labels, self._kept)
        shown = source.gather(chosen)
        pictures = {
            "original": shown["image"],
            "label": labels[chosen],
            "name": np.array([self._data.class_names[label] for label in labels[chosen]], np.str_),
        }
        if self._classifier is None:
            return _Reference(labels, chosen, pictures, None, float("nan"))
        found = [
            jax.device_get(self._read(self._classifier, batch["image"] / np.float32(255)))
            for batch in evaluation_batches(source, self._batch_size)
        ]
        logits, features = (
            np.concatenate(part)[: len(labels)] for part in zip(*found, strict=True)
        )
        accuracy = metrics.class_consistency(logits, labels)
        return _Reference(labels, chosen, pictures, metrics.moments(features), accuracy)

    @property
    def clean_accuracy(self) -> float | None:
        """The classifier's accuracy on the uncorrupted pictures of both sets; None without one."""
        if self._classifier is None:
            return None
        sizes = [len(reference.labels) for reference in self._references.values()]
        scores = [reference.clean_accuracy for reference in self._references.values()]
        return float(np.average(scores, weights=sizes))

    @property
    def pictures(self) -> int:
        """How many pictures one evaluation looks at."""
        return sum(len(reference.labels) for reference in self._references.values())

    def __call__(
        self, params: Params, done: Callable[[int], None] = lambda count: None
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Measures a whole model's parameters.

        Args:
            params: the parameters.
            done: hears of each batch's pictures when they are measured.

        Returns:
            ``set/metric`` → value, and the pictures for the figures, with the main hole: uint8;
            labels int32; names of classes.
        """
        values: dict[str, float] = {}
        mask = self._holes[0].mask
        pictures = {"mask": mask[..., 0].astype(np.uint8)}
        for name, reference in self._references.items():
            numbers, restored = self._measure(name, params, done)
            for hole, found in zip(self._holes, numbers, strict=True):
                suffix = "" if hole is self._holes[0] else f"_{hole.name}"
                measures = self._summary(found, reference)
                values |= {f"{name}/{key}{suffix}": value for key, value in measures.items()}
            shown = reference.pictures | {
                "corrupted": (reference.pictures["original"] * (1 - mask)).astype(np.uint8),
                "restored": restored,
            }
            pictures |= {f"{name}_{key}": array for key, array in shown.items()}
        return values, pictures

    def _measure(
        self, name: str, params: Params, done: Callable[[int], None]
    ) -> tuple[list[dict[str, np.ndarray]], np.ndarray]:
        """Numbers of each picture for each hole, and the chosen pictures as restored."""
        chosen, count = self._references[name].chosen, len(self._references[name].labels)
        restored = np.zeros((len(chosen), *self._data.image_shape), np.uint8)
        parts: list[dict[str, list[np.ndarray]]] = [
            collections.defaultdict(list) for _ in self._holes
        ]
        for start, results in self._results(name, params):
            here = np.flatnonzero((chosen >= start) & (chosen < start + self._batch_size))
            if len(here):
                restored[here] = np.asarray(results[0]["restored"])[chosen[here] - start]
            for part, found in zip(parts, results, strict=True):
                for key, value in found.items():
                    if key != "restored":
                        part[key].append(np.asarray(value))
            done(min(self._batch_size, count - start))
        # Without the padding of the last batch.
        joined = [{k: np.concatenate(v)[:count] for k, v in part.items()} for part in parts]
        return joined, restored

    def _results(self, name: str, params: Params) -> Iterator[tuple[int, list[dict[str, Array]]]]:
        """Index of a batch's first picture and what each program says, on the device."""
        waiting: collections.deque[tuple[int, list[dict[str, Array]]]] = collections.deque()
        source = self._data.source(name, "validation")
        for index, batch in enumerate(evaluation_batches(source, self._batch_size)):
            images, first = jnp.asarray(batch["image"]), index * self._batch_size
            found = [
                run(params, self._classifier, images, hole.mask, self._key, first)
                for run, hole in zip(self._programs, self._holes, strict=True)
            ]
            waiting.append((first, found))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        yield from waiting

    def _summary(self, found: dict[str, np.ndarray], reference: _Reference) -> dict[str, float]:
        values = {"psnr": float(found["psnr"].mean(dtype=np.float64))}
        if reference.moments is not None:
            features, labels = found["features"], reference.labels
            values["class_consistency"] = metrics.class_consistency(found["logits"], labels)
            values[f"fid_digits{features.shape[1]}_{len(labels)}"] = metrics.frechet_distance(
                metrics.moments(features), reference.moments
            )
        return values | {"loss_hole": float(found["loss_hole"].mean(dtype=np.float64))}


def _measured(model: Model, hole: NamedHole, show: bool) -> Callable[..., dict[str, Array]]:
    """Measures of each picture of a batch, and with ``show`` the restored pictures, uint8.

    The hole's mask is an argument too: as a constant, XLA would count its pixels while compiling.
    """
    restored_of = restoration(model, hole.mask)

    def measured(
        params: Params, classifier: Params | None, images: Array, mask: Array, key: Any, first: Any
    ) -> dict[str, Array]:
        numbers = first + jnp.arange(len(images))  # of the pictures in their set
        keys = jax.vmap(partial(jax.random.fold_in, key))(numbers)
        restored = restored_of(params, images, keys)
        original = images / jnp.float32(255)
        found = {
            "psnr": metrics.psnr(restored, original, mask),
            "loss_hole": metrics.hole_mse(restored, original, mask),
        }
        if classifier is not None:
            found["logits"], found["features"] = metrics.classifier.apply(classifier, restored)
        if show:
            found["restored"] = jnp.round(restored * 255).astype(jnp.uint8)
        return found

    return measured


def restoration(model: Model, mask: np.ndarray) -> Callable[[Params, Any, Any], Array]:
    """How a model restores uint8 pictures with a hole.

    Args:
        model: the model.
        mask: float32 ``[h, w, 1]``, 1 = removed, in the model's pixels.

    Returns:
        ``(params, images, keys)`` → float32 pictures in [0, 1]; pure, meant for ``jax.jit``. A key
        a picture.

    Raises:
        ValueError: when it is traced: the model cannot restore pictures with this mask.
    """

    def restored(params: Params, images: Any, keys: Any) -> Array:
        low, high = (jnp.asarray(bound) for bound in model.pixel_range)
        out = model.restore(params, to_model_range(images, model), mask, keys)
        return jnp.clip((out - low) / (high - low), 0, 1)

    return restored
