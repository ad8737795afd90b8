"""Twenty steps of a narrow model on some layout of devices.

    XLA_FLAGS=--xla_force_host_platform_device_count=8 python tests/training/layouts.py mae 2 OUT

The second argument is ``config.mesh.fsdp``, a fourth one the steps to stop after. It is a stage as
a run has it, with augmentation, checkpoints and the loop, from a student that is not its teacher:
where both are the same, the retain gradient is rounding alone, which Adam makes large. The first
process writes OUT/params.npz and prints a line of JSON: arrays and elements that are trained, those
of them that are split, and what the compiled step's collectives carry.
"""

import json
import math
import re
import runpy
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from cu_jax import processes, sharding, training
from cu_jax.data import Data, Manifest, MemorySource
from cu_jax.logs import MetricLog
from cu_jax.methods import frozen_parts
from cu_jax.models import MODELS
from cu_jax.stages import loss_config, stage_methods

STEPS = 20
CONFIGS = Path(__file__).parents[2] / "configs"


def narrow(name):
    """The digits' config of a model, made narrow."""
    config = runpy.run_path(str(CONFIGS / f"{name}_mnist.py"))["get_config"]()
    if name == "mae":
        config.model.update(encoder_width=64, encoder_depth=1, decoder_width=32, decoder_depth=1)
    elif name == "vqgan":
        config.model.update(encoder_depth=1, decoder_depth=1)
        config.pareto.beta = 50.0  # or the multiplier is 0: both losses fall together at first
    else:
        config.model.update(multipliers=(1, 3))
    config.batch_size = 16
    config.data.augment = "affine"
    return config


def digits(shape):
    """Pictures of noise, three classes of a set each."""
    rng = np.random.default_rng(0)
    sources = {}
    for name, count in (("retain/train", 80), ("forget/train", 48)):
        images = rng.integers(0, 256, (count, *shape), np.uint8)
        sources[name] = MemorySource(images, np.zeros(count, np.int32))
    return Data(Manifest({}), ("0",), shape, sources)


def moved(tree, seed):
    """A tree a hundredth away from another."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda x: (
            np.asarray(x) + np.float32(0.01) * rng.standard_normal(x.shape, np.float32)
            if jnp.issubdtype(x.dtype, jnp.floating)
            else np.asarray(x)
        ),
        tree,
    )


def collectives(program):
    """Kind of a program's collectives to how many there are and the elements they carry."""
    found = {}
    kinds = "all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute"
    for shapes, kind in re.findall(rf"= (.+?) ({kinds})(?:-start)?\(", program):
        sizes = [
            math.prod(int(side) for side in sides.split(",") if side)
            for sides in re.findall(r"\w+\[([\d,]*)\]", shapes)
        ]
        count, elements = found.get(kind, (0, 0))
        found[kind] = (count + 1, elements + sum(sizes))
    return found


def compiled(method, mesh, state, image_shape, batch_size):
    """The text of the step's program."""
    pictures = {"image": np.zeros((batch_size, *image_shape), np.uint8)}
    pictures["label"] = np.zeros(batch_size, np.int32)
    batch = sharding.put_batch(mesh, pictures, batch_size)
    key = sharding.put_replicated(mesh, jax.random.key(0))
    step = training.compile_step(method, mesh)
    return step.lower(sharding.put(mesh, state), batch, batch, key).compile().as_text()


def main(name, fsdp, workdir, steps=STEPS):
    processes.join_processes()
    config = narrow(name)
    mesh = sharding.make_mesh(fsdp)
    model = MODELS[config.model.name](config.model)
    teacher = model.init(jax.random.key(0))
    student = sharding.put(mesh, moved(teacher, 1))
    loss = loss_config(config, [0.5], [0.25])
    frozen = sharding.put(mesh, frozen_parts(loss, model, teacher))
    method = stage_methods(config, loss, model, frozen)["pareto"]
    with processes.own_folder(workdir) as folder, MetricLog(folder) as log:
        runner = training.Runner(
            workdir, digits(model.image_shape), mesh, log, 0, checkpoint_every_steps=10
        )
        stage = training.Stage(
            "pareto",
            training.compile_step(method, mesh),
            lambda: method.init(student, steps=STEPS, epsilon=0.01),
            steps,
            config.batch_size,
            config.data.augment,
        )
        trained, _ = training.run_stage(runner, stage)
    state = method.init(student, steps=STEPS, epsilon=0.01)
    text = compiled(method, mesh, state, model.image_shape, config.batch_size)
    leaves = jax.tree.leaves(trained)
    split = [leaf for leaf in leaves if not leaf.is_fully_replicated]
    whole = jax.tree.leaves(sharding.on_host(trained))
    begun = jax.tree.leaves(sharding.on_host(method.trainable(student)[0]))
    if processes.is_first():
        np.savez(workdir / "params.npz", *whole)
        np.savez(workdir / "begun.npz", *begun)
        sizes = {"trained": leaves, "split": split, "frozen": jax.tree.leaves(state.frozen)}
        counts = {key: [len(a), sum(x.size for x in a)] for key, a in sizes.items()}
        print(json.dumps(counts | {"collectives": collectives(text)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
