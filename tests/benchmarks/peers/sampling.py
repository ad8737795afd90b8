"""Sampling from the diffusion model: cu_jax's default sampler against PyTorch's published one.

    python tests/benchmarks/peers/sampling.py [--config configs/palette_imagenet.py] [--pictures 4]

The same UNet with the same weights fills the same hole. `ours` is the config's sampler (DDIM of a
few steps); `eager` and `compiled` are PyTorch with the same sampler. The rows `ddpm` take all steps
of the schedule, as published: a few dozen are timed and multiplied, for each step costs the same.
Random weights: what is measured is time alone.
"""

import argparse
import dataclasses
import os

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs room beside JAX.

import jax
import numpy as np
import peers
import timing
import torch
from steps import load_config
from unet import Unet

from cu_jax.corruptions import center_hole
from cu_jax.models import MODELS
from cu_jax.models.diffusion import ddim
from cu_jax.startup import start_jax


@torch.inference_mode()
def sample(unet, visible, mask, plan, noise=None):
    """Fills holes in by denoising.

    Args:
        unet: ``(condition and noisy picture [b, 2c, h, w], γ [b])`` to the noise.
        visible: pictures ``[b, c, h, w]`` in [-1, 1].
        mask: ``[1, 1, h, w]``, 1 = removed.
        plan: the sampler's table, of cu_jax.
        noise: index of a step to its noise; ``run`` is where sampling starts, ``run + 1`` what
            stands in the hole of the condition.
    """
    noise = noise or (lambda index: torch.randn_like(visible))
    hole, table = mask > 0, [column.tolist() for column in plan]
    condition = torch.where(hole, noise(plan.steps + 1), visible)
    y = noise(plan.steps)
    for index, (gamma, recip, recipm1, clean, kept, added) in enumerate(zip(*table, strict=True)):
        y = torch.where(hole, y, visible)
        told = torch.full((len(y),), gamma, device=y.device)
        predicted = unet(torch.cat([condition, y], dim=1), told)
        x = (recip * y - recipm1 * predicted).clamp(-1, 1)
        y = clean * x + kept * y
        if added:
            y = y + added * noise(index)
    return torch.where(hole, y, visible)


def ours(model, params, images, mask):
    """A function that restores and waits."""
    keys = jax.random.split(jax.random.key(1), len(images))
    restore = jax.jit(lambda params, images, keys: model.restore(params, images, mask, keys))
    given = jax.device_put(images)
    return lambda: jax.block_until_ready(restore(params, given, keys))


def theirs(unet, images, mask, plan):
    """The same in PyTorch."""
    visible, hole = (
        torch.from_numpy(x).permute(0, 3, 1, 2).contiguous().to(timing.DEVICE)
        for x in (images, mask[None])
    )

    def run():
        sample(unet, visible, hole, plan)
        timing.wait()

    return run


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", default="configs/palette_imagenet.py")
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--timed", type=int, default=20, help="steps of the long sampler")
    timing.add_arguments(parser, rounds=3)
    args = parser.parse_args()
    start_jax()
    timing.settle(args)
    config = load_config(args.config)
    config.model.image_size = args.image_size or config.model.image_size
    model = MODELS["palette"](config.model)
    params = jax.jit(model.init)(jax.random.key(0))
    unet = peers.load(Unet(config.model), peers.published(config.model, params)).eval()
    fast = torch.compile(unet)
    side = model.image_size
    images = np.random.default_rng(0).uniform(-1, 1, (args.pictures, *model.image_shape))
    images, mask = images.astype(np.float32), center_hole(side, side // 2)

    # The long sampler's steps cost what those of as many evenly spaced ones do.
    long = dataclasses.replace(model, sampler="ddim", steps=args.timed, eta=1.0)
    plans, share = (model.plan, ddim(model.schedule, args.timed, 1.0)), model.schedule.length
    runs = {"ours": ours(model, params, images, mask)}
    runs |= {"eager": theirs(unet, images, mask, plans[0])}
    runs |= {"compiled": theirs(fast, images, mask, plans[0])}
    runs |= {"ours, ddpm": ours(long, params, images, mask)}
    runs |= {"eager, ddpm": theirs(unet, images, mask, plans[1])}
    runs |= {"compiled, ddpm": theirs(fast, images, mask, plans[1])}
    rows = {name: {"first": timing.warm(run)} for name, run in runs.items()}
    for name, seconds in timing.in_turns(runs, args.rounds).items():
        whole = share / args.timed if name.endswith("ddpm") else 1
        rows[name]["seconds"] = whole * seconds
    print(f"\n{args.pictures} pictures of {side} pixels, {model.plan.steps} steps of "
          f"{model.sampler}; ddpm: {share} steps, "
          f"{args.timed} timed; {timing.where()}\n")  # fmt: skip
    records = timing.table(rows, "ours", "pictures", args.pictures)
    timing.write(args.json, arguments=vars(args), rows=records)


if __name__ == "__main__":
    main()
