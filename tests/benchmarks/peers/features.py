"""Features for Fréchet distances: the Inception-v3 of cu_jax against the same net in PyTorch.

    python tests/benchmarks/peers/features.py [--batch 16] [--side 256]

Both get float pictures in [0, 1] that lie on the device, resize them to 299 pixels and give 2,048
features. cu_jax computes in full float32. On CUDA `eager` and `compiled` round the factors of
convolutions to TF32, PyTorch's default, and `eager, float32` does not. The weights are random.
"""

import argparse
import os

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs room beside JAX.

import jax
import numpy as np
import timing
import torch
from inception import Inception

from cu_jax.convert.exchange_inception import renaming
from cu_jax.convert.inception_layout import COUNTER, layout
from cu_jax.metrics.inception import init, see
from cu_jax.startup import start_jax


def peer(params):
    """The module with cu_jax's parameters."""
    shapes = layout()
    beside = {key: np.zeros(shape) for key, shape in shapes.items()
              if key.endswith(COUNTER) or key == "fc.bias"}  # fmt: skip
    arrays = renaming(shapes).from_tree(jax.device_get(params), beside)
    module = Inception()
    module.load_state_dict({key: torch.from_numpy(np.array(x)) for key, x in arrays.items()})
    return module.to(timing.DEVICE).eval()


def torch_run(module, pictures, full=False):
    """A function that computes features and waits for them."""

    @torch.inference_mode()
    def run():
        torch.backends.cudnn.allow_tf32 = not full
        features, _ = module(pictures)
        timing.wait()
        return features

    return run


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=256, help="of the pictures, in pixels")
    timing.add_arguments(parser, rounds=5)
    args = parser.parse_args()
    start_jax()
    timing.settle(args)
    params = jax.jit(init)(jax.random.key(0))
    images = np.random.default_rng(0).random((args.batch, args.side, args.side, 3), np.float32)
    given, compiled = jax.device_put(images), jax.jit(see)
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(timing.DEVICE)
    module = peer(params)
    runs = {
        "ours": lambda: jax.block_until_ready(compiled(params, given)),
        "eager": torch_run(module, pictures),
        "compiled": torch_run(torch.compile(module), pictures),
    }
    if timing.CUDA:
        runs["eager, float32"] = torch_run(module, pictures, full=True)
    rows = {name: {"first": timing.warm(run)} for name, run in runs.items()}
    for name, seconds in timing.in_turns(runs, args.rounds).items():
        rows[name]["seconds"] = seconds
    print(f"\nFeatures of {args.batch} pictures of {args.side} pixels, {timing.where()}\n")
    records = timing.table(rows, "ours", "pictures", args.batch)
    timing.write(args.json, arguments=vars(args), rows=records)


if __name__ == "__main__":
    main()
