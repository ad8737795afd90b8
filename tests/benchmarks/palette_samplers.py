"""How many steps of sampling a diffusion model needs: quality and time against all 2000 of DDPM.

    python tests/benchmarks/palette_samplers.py [--pictures 200] [--seed 0] [--quick]

The digits' original restores validation digits, a hole of half of their side, with DDPM and with
DDIM of more and more steps, without fresh noise (eta 0) and with DDPM's (eta 1). PSNR is over the
hole; the Fréchet distance is between the classifier's features of the restored and of the clean
digits. Seconds are the fastest of three batches of 100, all in one process. For each eta, the last
lines name the least steps with which all measures are within 2 % of DDPM's, or better. Another seed
shows how much is chance.
"""

import argparse
import dataclasses
import importlib.util
import time
from pathlib import Path

import jax
import numpy as np

from cu_jax import convert, metrics
from cu_jax.data import SETS, open_data
from cu_jax.holes import parse_holes
from cu_jax.models import MODELS
from cu_jax.startup import start_jax

ROOT = Path(__file__).parents[2]
BATCH = 100
STEPS = (2, 3, 4, 5, 7, 10, 20, 50, 100)
CLOSE = 0.02


def settings():
    """The digits' config."""
    path = ROOT / "configs" / "palette_mnist.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def restored(model, params, images, mask, seed):
    """Pictures with the hole filled, and the seconds of a batch."""
    restore = jax.jit(lambda images, keys: model.restore(params, images, mask, keys))
    keys = jax.random.split(jax.random.key(seed), len(images))
    parts = [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]
    compiled = restore.lower(images[parts[0]], keys[parts[0]]).compile()
    out, seconds = [], []
    for part in parts:
        began = time.perf_counter()
        out.append(np.asarray(compiled(images[part], keys[part])))
        seconds.append(time.perf_counter() - began)
    return np.concatenate(out), min(seconds[:3])


def main():
    """Prints the table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=200, help="of each set")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--quick", action="store_true", help="ddim, eta 1, to 20 steps alone")
    args = parser.parse_args()
    start_jax()
    config = settings()
    model = MODELS["palette"](config.model)
    template = jax.eval_shape(model.init, jax.random.key(0))
    with convert.model_weights(config.pretrain.weights, config.model.to_dict()) as shipped:
        params = convert.load_weights(shipped, template)
    shapes = jax.eval_shape(metrics.classifier.init, jax.random.key(0))
    with convert.packaged_weights(config.classifier.weights) as path:
        classifier = convert.load_weights(path, shapes)
    read = jax.jit(metrics.classifier.apply)
    data = open_data(config.data, model.image_shape)
    mask = parse_holes(("center:14",), 28, model.patch_size)[0].mask

    originals = {}
    for name in SETS:
        source = data.source(name, "validation")
        # Evenly, since a set's classes lie one behind the other.
        chosen = np.linspace(0, len(source) - 1, min(args.pictures, len(source))).astype(int)
        batch = source.gather(chosen)
        originals[name] = batch["image"].astype(np.float32) / 255, batch["label"]

    def measure(one):
        row = []
        for images, labels in originals.values():
            out, seconds = restored(one, params, 2 * images - 1, mask, args.seed)
            out = (out + 1) / 2
            logits, features = read(classifier, out)
            clean = metrics.moments(read(classifier, images)[1])
            row += [
                float(np.mean(metrics.psnr(out, images, mask))),
                100 * metrics.class_consistency(logits, labels),
                metrics.frechet_distance(metrics.moments(features), clean),
            ]
        return row, seconds

    print("| sampler | steps | s per 100 | retain dB | class | FID | forget dB | class | FID |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")

    def show(name, steps, row, seconds):
        cells = " | ".join(
            text
            for psnr, read, distance in (row[:3], row[3:])
            for text in (f"{psnr:.2f}", f"{read:.1f} %", f"{distance:.1f}")
        )
        print(f"| {name} | {steps} | {seconds:.2f} | {cells} |", flush=True)

    rows = {}
    for eta in (1.0,) if args.quick else (0.0, 1.0):
        for steps in [steps for steps in STEPS if steps <= 20 or not args.quick]:
            one = dataclasses.replace(model, sampler="ddim", steps=steps, eta=eta)
            rows[eta, steps], seconds = measure(one)
            show(f"ddim, eta {eta:g}", steps, rows[eta, steps], seconds)
    if args.quick:
        return
    for changes in ({"sampling_dtype": "bfloat16"}, {"paste": "end"}):
        one = dataclasses.replace(model, **changes)
        ((name, value),) = changes.items()
        show(f"as the config, {name} {value}", one.steps, *measure(one))
    full = dataclasses.replace(model, sampler="ddpm", steps=model.schedule.length)
    wanted, seconds = measure(full)
    show("ddpm", full.steps, wanted, seconds)

    def close(row):
        psnr = all(row[at] >= (1 - CLOSE) * wanted[at] for at in (0, 3))
        return psnr and all(row[at] <= (1 + CLOSE) * wanted[at] for at in (2, 5))

    for eta in (0.0, 1.0):
        fewest = min((steps for steps in STEPS if close(rows[eta, steps])), default=None)
        print(f"Least steps of ddim, eta {eta:g}, within {CLOSE:.0%} of ddpm or better: {fewest}")


if __name__ == "__main__":
    main()
