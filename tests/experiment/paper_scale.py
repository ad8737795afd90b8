"""The paper's experiment on tiny archives, by the commands that a user types:

    python tests/experiment/paper_scale.py OUT               MAE, ViT-B/16 at 224 pixels
    python tests/experiment/paper_scale.py OUT --model=mage  MAGE, ViT-B at 256 pixels
    python tests/experiment/paper_scale.py OUT --model=palette    Palette at 256 pixels
    python tests/experiment/paper_scale.py OUT --narrow      a narrow model at 64 or 32 pixels

Archives of ImageNet's layout are made of real photographs, and weights of the published layout by a
seeded draw; then come the preparation, the import, the boundaries and two controls of three steps
each, and the report. Prints the time and the peak memory of every command.
"""

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.numpy import save_file

from cu_jax.convert import mae_layout, mage_layout, palette_layout
from cu_jax.convert.vqgan_layout import VqGanSizes

ROOT = Path(__file__).parents[2]
SPLIT = {"classes_per_set": 2, "train_per_class": 2, "validation_per_class": 1}


class Case(NamedTuple):
    """A model at two sizes, and its pictures."""

    config: str
    size: tuple[str, ...]  # What the config is asked for, behind a colon.
    kind: str  # Of weights.
    data: str  # Of pictures.
    published: Any  # Sizes of the weights.
    narrow: Any
    make: str  # The function in tests/convert/seeded.py.
    settings: dict[str, Any]  # Of the config's model, for the narrow one.
    holes: tuple[str, ...]  # Likewise.


CASES = {
    "mae": Case(
        "mae_imagenet",
        ("base",),
        "mae",
        "imagenet",
        mae_layout.PUBLISHED["ViT-B/16"],
        mae_layout.MaeSizes(64, 16, 3, 32, 2, 16, 1, 4.0),
        "make",
        {"image_size": 64, "encoder_width": 32, "encoder_depth": 2, "encoder_heads": 2}
        | {"decoder_width": 16, "decoder_depth": 1, "decoder_heads": 2},
        ("center:16", "center:32", "outpaint:0.5", "random:0.75"),
    ),
    "mage": Case(
        "vqgan_imagenet",
        ("base",),
        "mage",
        "imagenet",
        mage_layout.PUBLISHED["MAGE ViT-B"],
        mage_layout.MageSizes(VqGanSizes(3, 32, (1, 1, 1), 1, 32, 8), 8, 32, 2, 32, 1, 4.0, 150),
        "make_mage",
        {"tokenizer.image_size": 32, "tokenizer.width": 32, "tokenizer.multipliers": (1, 1, 1)}
        | {"tokenizer.res_blocks": 1, "tokenizer.codes": 32, "tokenizer.code_width": 8}
        | {"encoder_width": 32, "encoder_depth": 2, "encoder_heads": 2}
        | {"decoder_width": 32, "decoder_depth": 1, "decoder_heads": 2}
        | {"vocabulary": 150, "class_token": 108, "noise_pool": 4},
        ("center:8", "outpaint:0.5"),
    ),
}
CASES["palette"] = Case(
    "palette_places365",
    (),
    "palette",
    "places365",
    palette_layout.PUBLISHED,
    palette_layout.PaletteSizes(3, 32, (1, 2), 1, 16, 20),
    "make_palette",
    {"image_size": 16, "width": 32, "multipliers": (1, 2), "res_blocks": 1, "heads": 2}
    | {"embed_width": 16, "schedule.length": 20, "steps": 3},
    ("center:8", "outpaint:0.5"),
)
CASES["palette_imagenet"] = CASES["palette"]._replace(config="palette_imagenet", data="imagenet")
CASES["mage_places"] = CASES["mage"]._replace(config="vqgan_places365", data="places365")


class Used(NamedTuple):
    command: str
    seconds: float
    gigabytes: float  # The largest memory of any process so far.


def _module(*parts):
    path = ROOT.joinpath("tests", *parts).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_originals(out, case, narrow):
    """The two archives and a file of weights."""
    pictures = _module("photographs").imagenet_files()
    archives = _module("data", "tiny_archives")
    make = {"imagenet": archives.imagenet_archives, "places365": archives.places_archives}
    make[case.data](out / "archives", pictures, **SPLIT)
    made = getattr(_module("convert", "seeded"), case.make)
    save_file(made(case.narrow if narrow else case.published).arrays, out / "weights.safetensors")


def commands(out, case, narrow):
    """Arguments of ``python``, in order."""
    data = [f"--data-dir={out / 'data'}", "--classes=2", "--train=2", "--validation=1"]
    heads = ["--heads=2,2"] if narrow and case.kind != "palette" else []
    imported = str(out / "imported")
    named = ":".join([f"configs/{case.config}.py", *case.size])
    run = [f"--config={named}", f"--workdir={out / 'run'}"]
    run += [f"--config.data.{name}={value}" for name, value in SPLIT.items()]
    run += [f"--config.data.data_dir={out / 'data'}", f"--config.pretrain.weights={imported}"]
    run += ["--config.boundary.steps=3", "--config.pareto.steps=3", "--config.batch_size=2"]
    run += ["--config.controls=0.25,0.75", "--config.evaluation.batch_size=2"]
    run += ["--config.log_every_steps=1"]
    if case.kind == "mage" and not narrow:
        run += ["--config.model.noise_pool=4"]  # On a CPU each takes two seconds.
    if narrow:
        run += [f"--config.model.{name}={value}" for name, value in case.settings.items()]
        run += [f"--config.evaluation.holes={','.join(case.holes)}"]
    source = str(out / "weights.safetensors")
    return [
        ["-m", "cu_jax.data.prepare", case.data, f"--from={out / 'archives'}", *data],
        ["-m", "cu_jax.convert", "import", case.kind, source, imported, *heads],
        ["-m", "cu_jax.main", *run],
    ]


def run_all(out, case, narrow):
    """Runs everything in a folder; returns what each command took."""
    out.mkdir(parents=True)
    make_originals(out, case, narrow)
    used = []
    for command in commands(out, case, narrow):
        began = time.monotonic()
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
        used.append(Used(" ".join(command[1:3]), seconds, peak))
    return used


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="a folder that is not there yet")
    parser.add_argument("--model", choices=list(CASES), default="mae")
    parser.add_argument("--narrow", action="store_true", help="a narrow model")
    args = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    for used in run_all(args.out.absolute(), CASES[args.model], args.narrow):
        print(f"{used.command}: {used.seconds:.0f} s, up to {used.gigabytes:.1f} GB")
