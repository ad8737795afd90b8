"""The unlearning step of cu_jax against the same step in PyTorch, eager and compiled.

    python tests/benchmarks/peers/steps.py --config configs/mae_imagenet.py:base --batch 4

Same model, weights, batch and machine, one process; the variants run in turns. `ours` is the
update of the Pareto phase as a stage compiles it, `composite` that of the composite loss, which
takes one backward pass. `eager` and `compiled` are the ordinary PyTorch way: two backward passes,
the multiplier, fused AdamW, and `torch.compile` of both losses and of the rule. On CUDA there is
`graphs` besides, `torch.compile` with CUDA graphs (reduce-overhead), and where asked for `autotune`
(max-autotune-no-cudagraphs). test_parity.py shows that it is the same step.

Pictures lie on the device already, as uint8: this measures the step, not the pictures' way there.
A MAGE's noise is tokenized in every step of PyTorch's, the ordinary way; cu_jax draws tokens from a
pool that it made before, as PyTorch does with `--pool`. `kept` is ours with the pictures' tokens
made before as well, as with `config.data.cache_tokens`. A diffusion model's holes are drawn in the
step by cu_jax; PyTorch has them at hand, as from a loader. First runs include compiling, or reading
what an earlier process compiled. With `--dtype bfloat16` cu_jax computes in bfloat16 and PyTorch
under autocast; parameters, and a MAGE's tokenizer, are float32 in both.
"""

import argparse
import importlib.util
import os
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs room beside JAX.

import peers  # noqa: E402
import timing  # noqa: E402
import torch  # noqa: E402
from jax_step import PROGRAMS, Maker  # noqa: E402
from torch_step import Objectives, Step, pictures  # noqa: E402

from cu_jax.startup import start_jax  # noqa: E402

MODES = {
    "eager": None,
    "compiled": "default",
    "graphs": "reduce-overhead",
    "autotune": "max-autotune-no-cudagraphs",
}
"""Variant to the mode of ``torch.compile``."""
LAYOUTS = ("contiguous_format", "channels_last")
POOL = 16
"""Noise pictures whose tokens are made before: few, for to draw one costs the same."""


def load_config(name):
    """``configs/mae_imagenet.py:base``."""
    path, _, size = name.partition(":")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(size) if size else module.get_config()


def torch_variant(name, config, params, batches, args):
    """A function that makes an update of PyTorch's, with the seconds and bytes."""

    def build():
        dtype, layout = getattr(torch, args.dtype), getattr(torch, args.layout)
        peer, student = peers.build(config.model, params, layout)
        objectives = Objectives(peer, student, dtype=dtype, layout=layout)
        if args.pool:
            objectives.make_pool((POOL, *batches[0].shape[1:]))
        step = Step(objectives, config.pareto, compiled=MODES[name])
        return lambda: step(*batches)

    return timing.torch_memory(build)


def measure(config, variants, args):
    """Rows of the table: each variant's seconds, those of its first run, and bytes."""
    maker = Maker(config)
    batches = [pictures(args.batch, maker.setting.model.image_shape, seed) for seed in (0, 1)]
    images = [x.permute(0, 2, 3, 1).contiguous().cpu().numpy() for x in batches]
    runs, rows = {}, {}
    for name in variants:
        if name in PROGRAMS:
            run = maker.make(name, *images)
            first, memory = run.seconds + timing.warm(run), run.memory
        else:
            try:
                run, first, memory = torch_variant(
                    name, config, maker.setting.teacher, batches, args
                )
            except Exception as error:  # of its compiler; the other variants are still of use
                print(f"{name} is left out: {type(error).__name__}: {error}", flush=True)
                continue
        runs[name], rows[name] = run, {"first": first, "memory": memory}
        print(f"{name}: first run {first:.1f} s", flush=True)
    for name, seconds in timing.in_turns(runs, args.rounds).items():
        rows[name]["seconds"] = seconds
    return rows


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", default="configs/mae_imagenet.py:base")
    parser.add_argument("--batch", type=int, default=4, help="pictures of each set")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--image-size", type=int, help="another side of the pictures")
    parser.add_argument(
        "--layout", choices=LAYOUTS, default=LAYOUTS[0], help="of pictures in PyTorch"
    )
    parser.add_argument("--pool", action="store_true", help="of noise tokens in PyTorch too")
    parser.add_argument("--variants", nargs="+", choices=[*PROGRAMS, *MODES])
    timing.add_arguments(parser, rounds=5)
    args = parser.parse_args()
    start_jax()
    timing.settle(args)
    config = load_config(args.config)
    config.batch_size, config.model.dtype = args.batch, args.dtype
    if args.image_size:
        sizes = config.model.get("tokenizer", config.model)
        sizes.image_size = args.image_size
    if "noise_pool" in config.model:
        config.model.noise_pool = POOL
    ours = [name for name in PROGRAMS if name != "kept" or "tokenizer" in config.model]
    variants = args.variants or [*ours, "eager", "compiled", *["graphs"] * timing.CUDA]
    print(timing.where())
    rows = measure(config, variants, args)
    side = config.model.get("tokenizer", config.model).image_size
    print(f"\n{args.config}, {args.batch} + {args.batch} pictures of {side} pixels, {args.dtype}, "
          f"{timing.where()}\n")  # fmt: skip
    records = timing.table(rows, "ours", "pictures", 2 * args.batch)
    timing.write(args.json, arguments=vars(args), rows=records)


if __name__ == "__main__":
    main()
