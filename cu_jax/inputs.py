"""A model's inputs, made once for all passes: the tokens of pictures that do not change."""

import contextlib
import dataclasses
from pathlib import Path

import jax
import numpy as np

from cu_jax import convert, preemption, sharding
from cu_jax.data import SETS, Data, InputSource, evaluation_batches
from cu_jax.digest import digest
from cu_jax.logs import Progress
from cu_jax.methods import to_model_range
from cu_jax.models import Model, Params


def keep_inputs(workdir: Path, data: Data, model: Model, rest: Params, batch_size: int) -> Data:
    """The data with the model's inputs in place of the training pictures.

    Every training picture is prepared once, without augmentation, and its inputs are written to
    ``<workdir>/inputs.safetensors``. A later call with the same pictures, model and parameters
    finds them there; with others it makes them anew.

    Args:
        workdir: the run's folder.
        data: both sets.
        model: one whose ``prepare`` draws nothing and gives one array.
        rest: the part of its parameters that ``prepare`` reads.
        batch_size: pictures at once.

    Returns:
        The same manifest and validation pictures; the training sources are
        :class:`~cu_jax.data.InputSource`.
    """
    path = workdir / "inputs.safetensors"
    images = jax.ShapeDtypeStruct((1, *model.image_shape), np.float32)
    one = jax.eval_shape(model.prepare, rest, images, jax.random.key(0))
    counts = {name: len(data.source(name, "train")) for name in SETS}
    template = {
        name: jax.ShapeDtypeStruct((count, *one.shape[1:]), one.dtype)
        for name, count in counts.items()
    }
    # A run that ended before its first stage leaves no record of what these were made of.
    made_of = {"manifest": data.manifest.hash, "model": repr(model), "rest": str(digest(rest))}
    kept = None
    with contextlib.suppress(FileNotFoundError, ValueError):  # none yet, or damaged: made anew
        if convert.read_metadata(path) == made_of:
            kept = convert.load_weights(path, template)
    usable = sharding.everywhere(kept is not None)
    if kept is None or not usable:
        kept = _made(data, model, rest, batch_size, counts)
        convert.save_weights(path, kept, made_of)
    sources = dict(data.sources)
    for name in SETS:
        sources[f"{name}/train"] = InputSource(kept[name], data.source(name, "train").label)
    return dataclasses.replace(data, sources=sources)


def _made(
    data: Data, model: Model, rest: Params, batch_size: int, counts: dict[str, int]
) -> dict[str, np.ndarray]:
    prepare = jax.jit(
        lambda rest, images: model.prepare(rest, to_model_range(images, model), jax.random.key(0))
    )
    kept = {}
    with Progress("Tokens of the pictures", sum(counts.values()), unit="pictures") as progress:
        done = 0
        for name, count in counts.items():
            parts = []
            for batch in evaluation_batches(data.source(name, "train"), batch_size):
                parts.append(sharding.on_host(prepare(rest, batch["image"])))
                done += int(batch["weight"].sum())
                progress.update(done)
                preemption.check()
            kept[name] = np.concatenate(parts)[:count]
    return kept
