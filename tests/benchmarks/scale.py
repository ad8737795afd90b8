"""What an update of each published model needs: memory and FLOPs, from its compiled program.

    python tests/benchmarks/scale.py [--models mae:large palette] [--dtype bfloat16] [--batch 32]

Nothing is run and no weights are needed: the step of the Pareto phase is compiled for this machine
from the shapes alone. A row says the parameters (all, and those that are trained), the bytes of the
state (parameters, the optimizer's moments, the teacher), the bytes that the step takes besides, the
FLOPs of an update, and the time of an update and of a whole run (both boundaries and the controls)
on cards that reach 45 % of their peak: a model of cards, not a measurement. With `--fsdp N` the
state is that on one of N devices. GPUs pack and fuse otherwise than a CPU: the bytes besides the
state are a guide, not a promise.
"""

import argparse
import importlib.util
import math
from pathlib import Path

import jax
import jax.numpy as jnp

from cu_jax import sharding
from cu_jax.methods import frozen_parts
from cu_jax.models import MODELS
from cu_jax.speed import programs
from cu_jax.speed.peaks import sheet_peak
from cu_jax.stages import loss_config, stage_methods, stage_steps

CONFIGS = Path(__file__).parents[2] / "configs"
MODELS_HERE = (
    *("mae:base", "mae:large", "mae:huge"),
    *("vqgan:base", "vqgan:large"),
    "palette",
)
CARDS = {"A40 48 GB": "NVIDIA A40", "A100 80 GB": "NVIDIA A100", "H100 80 GB": "NVIDIA H100"}
SHARE = 0.45


def load(name):
    """The config of a published model on ImageNet."""
    model, _, size = name.partition(":")
    path = CONFIGS / f"{model}_imagenet.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(size) if size else module.get_config()


def bytes_of(tree, fsdp=1):
    """Bytes of a tree on one device."""
    where = sharding.shardings(jax.sharding.AbstractMesh((1, fsdp), sharding.AXES), tree)
    return sum(
        math.prod(lies.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf, lies in zip(jax.tree.leaves(tree), where, strict=True)
    )


def measure(name, dtype, batch, fsdp):
    """A row of the table."""
    config = load(name)
    config.model.dtype = dtype
    config.batch_size = batch or config.batch_size
    model = MODELS[config.model.name](config.model)
    channels = model.image_shape[-1]
    loss = loss_config(config, [0.5] * channels, [0.25] * channels)

    def begin(key):
        teacher = model.init(key)
        methods = stage_methods(config, loss, model, frozen_parts(loss, model, teacher))
        return teacher, methods["pareto"].init(teacher, steps=10, epsilon=0.5)

    teacher, state = jax.eval_shape(begin, jax.random.key(0))
    leaves, form = jax.tree.flatten(state)
    pictures = {
        "image": jax.ShapeDtypeStruct((config.batch_size, *model.image_shape), jnp.uint8),
        "label": jax.ShapeDtypeStruct((config.batch_size,), jnp.int32),
    }
    key = jax.eval_shape(lambda: jax.random.key(1))
    methods = stage_methods(config, loss, model, None)
    step = programs.update_of(methods["pareto"], sharding.make_mesh(), form)
    program = programs.compiled(step, leaves, pictures, pictures, key, donate_argnums=0)
    flops, besides = program.flops, program.run.memory_analysis().temp_size_in_bytes
    count = 10_000  # pictures to forget
    steps = 2 * stage_steps(config, "boundary", count) + len(config.controls) * stage_steps(
        config, "pareto", count
    )
    sizes = [leaf.size for leaf in jax.tree.leaves(teacher)]
    trained = [leaf.size for leaf in jax.tree.leaves(state.params)]
    row = [
        name,
        f"{sum(sizes) / 1e6:.0f} / {sum(trained) / 1e6:.0f}",
        config.batch_size,
        f"{bytes_of(state, fsdp) / 2**30:.1f}",
        f"{besides / 2**30:.1f}",
        f"{flops / 1e12:.2f}",
    ]
    for card in CARDS.values():
        seconds = flops / (SHARE * sheet_peak(card, dtype))
        row.append(f"{1e3 * seconds:.0f} ms, {steps * seconds / 60:.0f} min")
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=MODELS_HERE, choices=MODELS_HERE)
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument(
        "--batch", type=int, default=0, help="pictures of each set; 0: the config's"
    )
    parser.add_argument("--fsdp", type=int, default=1)
    given = parser.parse_args()
    head = ["model", "parameters, trained (10⁶)", "batch", "state (GiB)", "besides (GiB)", "TFLOP"]
    print("| " + " | ".join([*head, *CARDS]) + " |")
    print("|---" * (len(head) + len(CARDS)) + "|")
    for name in given.models:
        row = measure(name, given.dtype, given.batch, given.fsdp)
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


if __name__ == "__main__":
    main()
