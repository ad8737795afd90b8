"""What a solution restores of the validation pictures: measures of each hole, and some pictures."""

import collections
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from cu_jax import metrics, sharding
from cu_jax.data import SETS, Data, evaluation_batches
from cu_jax.feature_networks import LoadedNetwork
from cu_jax.holes import NamedHole
from cu_jax.methods import to_model_range
from cu_jax.models import Model, Params
from cu_jax.references import Reference, Seer, joined, reference

_Found = dict[str, Any]

_AHEAD = 2
"""Batches given to the device before the oldest one's numbers are waited for: enough that it is
never idle, and few enough that pictures do not pile up in its memory."""


class Measured(NamedTuple):
    """What is known of a solution's restored pictures.

    Attributes:
        values: ``set/metric`` → value.
        pictures: for the figures, with the main hole: uint8; labels int32; names of classes.
        embeddings: features of some pictures, restored (main hole) and original, of the first
            network: ``network``, ``retain``, ``retain_original``, ``retain_label``, and likewise
            for ``forget``; empty without a network.
    """

    values: dict[str, float]
    pictures: dict[str, np.ndarray]
    embeddings: dict[str, np.ndarray]


class Validation:
    """Restores the validation pictures' holes and measures what comes out, batch by batch.

    Of all pictures only numbers stay in memory, whatever the size of the sets: the pictures are
    read anew for each solution, and each is restored, measured and forgotten on the device.

    Args:
        model: the model.
        networks: those that look at the pictures, the digits' classifier among them; of the first
            one features are kept.
        data: both sets.
        holes: the main one first; its measures have plain names, those of the others end in the
            hole's name.
        batch_size: pictures at once.
        seed: of the keys that pictures are restored with, one a picture.
        mesh: the devices; None: all, with the parameters whole on each.
        pictures: how many pictures of each set to keep for the figures.
        legacy_reference: whether Inception compares with whole files squashed to a square.
    """

    def __init__(
        self,
        model: Model,
        networks: Sequence[LoadedNetwork],
        data: Data,
        *,
        holes: Sequence[NamedHole],
        batch_size: int,
        seed: int,
        mesh: Mesh | None = None,
        pictures: int,
        legacy_reference: bool = False,
    ) -> None:
        self._data, self._batch_size = data, batch_size
        self._mesh = mesh or sharding.make_mesh()
        self._holes = holes
        self._key = jax.random.key(seed)
        # One program a hole, shared by every solution; the main hole's gives the pictures too.
        self._programs = [
            jax.jit(_measured(model, hole, self._mesh, show=hole is holes[0])) for hole in holes
        ]
        # And one a network, shared by all holes and the originals.
        self._seers = [Seer(network, self._mesh) for network in networks]
        self._references = {
            name: reference(data, name, self._seers, batch_size, pictures, legacy_reference)
            for name in SETS
        }

    @property
    def clean_accuracy(self) -> float | None:
        """The classifier's accuracy on the uncorrupted pictures of both sets; None without one."""
        sizes = [len(reference.labels) for reference in self._references.values()]
        scores = [reference.clean_accuracy for reference in self._references.values()]
        accuracy = float(np.average(scores, weights=sizes))
        return None if math.isnan(accuracy) else accuracy

    @property
    def pictures(self) -> int:
        """How many pictures one evaluation looks at."""
        return sum(len(reference.labels) for reference in self._references.values())

    def __call__(
        self, params: Params, done: Callable[[int], None] = lambda count: None
    ) -> Measured:
        """Measures a whole model's parameters.

        Args:
            params: the parameters.
            done: hears of each batch's pictures when they are measured.

        Returns:
            Measures, and some pictures and features.
        """
        values: dict[str, float] = {}
        mask = self._holes[0].mask
        pictures = {"mask": mask[..., 0].astype(np.uint8)}
        embeddings: dict[str, np.ndarray] = {}
        for name, originals in self._references.items():
            numbers, restored = self._measure(name, params, done)
            for hole, found in zip(self._holes, numbers, strict=True):
                suffix = "" if hole is self._holes[0] else f"_{hole.name}"
                measures = self._summary(found, originals)
                values |= {f"{name}/{key}{suffix}": value for key, value in measures.items()}
            shown = originals.pictures | {
                "corrupted": (originals.pictures["original"] * (1 - mask)).astype(np.uint8),
                "restored": restored,
            }
            pictures |= {f"{name}_{key}": array for key, array in shown.items()}
            embeddings |= self._embeddings(name, numbers[0], originals)
        return Measured(values, pictures, embeddings)

    def _measure(
        self, name: str, params: Params, done: Callable[[int], None]
    ) -> tuple[list[_Found], np.ndarray]:
        """What is found of each picture for each hole, and the chosen pictures as restored."""
        chosen, count = self._references[name].chosen, len(self._references[name].labels)
        restored = np.zeros((len(chosen), *self._data.image_shape), np.uint8)
        parts: list[list[_Found]] = [[] for _ in self._holes]
        for start, results in self._results(name, params):
            here = np.flatnonzero((chosen >= start) & (chosen < start + self._batch_size))
            if len(here):
                restored[here] = np.asarray(results[0]["shown"])[chosen[here] - start]
            for part, found in zip(parts, results, strict=True):
                seen = {key: joined(value) for key, value in found["seen"].items()}
                part.append(jax.device_get(found["numbers"]) | seen)
            done(min(self._batch_size, count - start))
        # Without the padding of the last batch.
        return [
            jax.tree.map(lambda *arrays: np.concatenate(arrays)[:count], *part) for part in parts
        ], restored

    def _results(self, name: str, params: Params) -> Iterator[tuple[int, list[_Found]]]:
        """Index of a batch's first picture and what each program says, on the device."""
        waiting: collections.deque[tuple[int, list[_Found]]] = collections.deque()
        source, size = self._data.source(name, "validation"), self._batch_size
        rows = sharding.rows(self._mesh, size)
        for index, batch in enumerate(evaluation_batches(source, size, rows=rows)):
            images = sharding.put_batch(self._mesh, batch["image"], size)
            first = index * size
            found = [
                self._seen(run(params, images, hole.mask, self._key, first))
                for run, hole in zip(self._programs, self._holes, strict=True)
            ]
            waiting.append((first, found))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        yield from waiting

    def _seen(self, found: _Found) -> _Found:
        """What the networks say in place of the restored pictures, which are let go of."""
        restored = found.pop("restored")
        return found | {"seen": {seer.network.name: seer(restored) for seer in self._seers}}

    def _summary(self, found: _Found, originals: Reference) -> dict[str, float]:
        means: dict[str, float] = {
            key: float(found[key].mean(dtype=np.float64))
            for key in ("psnr", "ssim", "loss_hole")
            if key in found
        }
        loss = {"loss_hole": means.pop("loss_hole")}
        for network in (seer.network for seer in self._seers):
            seen = found[network.name]
            if network.name == metrics.DIGITS.name:
                consistency = metrics.class_consistency(seen.logits, originals.labels)
                means["class_consistency"] = consistency
            real = originals.features[network.name]
            means |= metrics.feature_measures(network, seen.features, real, seen.logits)
        return means | loss

    def _embeddings(self, name: str, found: _Found, originals: Reference) -> dict[str, np.ndarray]:
        if not self._seers:
            return {}
        network, kept = self._seers[0].network.name, originals.embedded
        return {
            "network": np.array(network),
            name: np.asarray(found[network].features[kept], np.float32),
            f"{name}_original": np.asarray(originals.features[network][kept], np.float32),
            f"{name}_label": originals.labels[kept],
        }


def _measured(model: Model, hole: NamedHole, mesh: Mesh, show: bool) -> Callable[..., _Found]:
    """Measures of each picture of a batch, and the restored pictures; with ``show`` as uint8 too.

    The hole's mask is an argument too: as a constant, XLA would count its pixels while compiling.
    """
    restored_of = restoration(model, hole.mask)
    large = min(model.image_shape[:2]) >= metrics.structure.WINDOW

    def measured(params: Params, images: Array, mask: Array, key: Any, first: Any) -> _Found:
        numbers = first + jnp.arange(len(images))  # of the pictures in their set
        keys = jax.vmap(partial(jax.random.fold_in, key))(numbers)
        restored = restored_of(params, images, keys)
        original = images / jnp.float32(255)
        found = {
            "psnr": metrics.psnr(restored, original, mask),
            "loss_hole": metrics.hole_mse(restored, original, mask),
        }
        if large:
            found["ssim"] = metrics.ssim(restored, original, mask)
        shown = {"shown": jnp.round(restored * 255).astype(jnp.uint8)} if show else {}
        return {"restored": restored} | sharding.whole(mesh, {"numbers": found} | shown)

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
