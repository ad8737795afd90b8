"""Growth of one update: with the batch, the picture's side, the encoder's depth. Prints JSON.

    python tests/benchmarks/growth_axes/steps.py batch|patches|depth|pixels

An update is the compiled step of the Pareto phase, as an experiment compiles it, of a narrow
model. Programs of all points are timed in turn, so that a busy machine slows all of them; the
fastest round counts. Compilation is without a cache.
"""

import json
import runpy
import sys
import time
from pathlib import Path

import jax

from cu_jax.speed import programs

CONFIGS = Path(__file__).parents[3] / "configs"
ROUNDS = 7


def batch(config, value):
    config.batch_size = value


def patches(config, value):
    """As many patches of 4 x 4 pixels, a third of which the encoder sees."""
    config.batch_size = 2
    config.model.image_size = 4 * round(value**0.5)


def depth(config, value):
    config.batch_size = 8
    config.model.encoder_depth = value


def pixels(config, value):
    config.batch_size = 2
    config.model.image_size = round(value**0.5)


AXES = {
    "batch": ("mae_mnist", batch, (1, 2, 4, 8, 16, 32, 64)),
    "patches": ("mae_mnist", patches, (16, 64, 144, 256, 576, 1024, 2304, 4096)),
    "depth": ("mae_mnist", depth, (1, 2, 4, 8, 16, 32)),
    "pixels": ("palette_mnist", pixels, (16**2, 32**2, 48**2, 64**2, 96**2, 128**2)),
}
"""Name to the config, what changes in it, and the values."""


def program(name, value):
    """The compiled step, its state and its other arguments, and what compiling took."""
    file, change, _ = AXES[name]
    config = runpy.run_path(str(CONFIGS / f"{file}.py"))["get_config"]()
    change(config, value)
    setting = programs.set_up(config)
    wall, began = time.perf_counter(), time.process_time()
    made, arrays = programs.update(setting, "pareto", ROUNDS + 1)
    found = {
        "x": value,
        "compile": time.process_time() - began,
        "compile_wall": time.perf_counter() - wall,
        "memory": made.memory,
    }
    return made.run, arrays, (*setting.batches, setting.key), found


def measure(name):
    """A dict a point: processor and wall seconds of an update, bytes, seconds of compiling."""
    points = [program(name, value) for value in AXES[name][2]]
    for _ in range(ROUNDS):
        for number, (run, arrays, given, found) in enumerate(points):
            wall, began = time.perf_counter(), time.process_time()
            arrays, scalars = jax.block_until_ready(run(arrays, *given))
            now = {"seconds": time.process_time() - began, "wall": time.perf_counter() - wall}
            for key, value in now.items():
                found[key] = min(value, found.get(key, value))
            points[number] = (run, arrays, given, found)
    return [found for *_, found in points]


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
