"""Two runs made by hand, of narrow models that nobody trained, and pictures to restore."""

import json

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from cu_jax.models import MODELS
from cu_jax.restore import main
from cu_jax.workdir import save_solution

WIDTHS = dict(encoder_width=16, encoder_depth=1, encoder_heads=2)
WIDTHS |= dict(decoder_width=16, decoder_depth=1, decoder_heads=2)
GRAY = dict(name="mae", image_size=28, patch_size=4, channels=1) | WIDTHS
COLOR = dict(name="mae", image_size=16, patch_size=4, channels=3) | WIDTHS
HOLES = {"holes": ["center:12", "outpaint:0.5"]}
COLOR |= dict(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25))


def make_run(workdir, model, solutions, evaluation):
    """A workdir as a run leaves it, so far as its solutions are concerned."""
    built = MODELS["mae"](model)
    rng = np.random.default_rng(0)
    pictures = {
        f"{kind}_original": rng.integers(0, 256, (10, *built.image_shape), np.uint8)
        for kind in ("retain", "forget")
    }
    template = jax.eval_shape(built.init, jax.random.key(0))  # Nothing is compiled.
    for name in solutions:
        params = jax.tree.map(lambda x: rng.normal(0, 0.2, x.shape).astype(x.dtype), template)
        # What the decoder predicts is neither all black nor all white.
        params["decoder"]["decoder_norm"]["scale"] += 1
        params["decoder"]["decoder_pred"]["bias"] += np.float32(0.5)
        folder = workdir / "solutions" / name
        save_solution(folder, ConfigDict({"model": model}), params, pictures)
    (workdir / "config.json").write_text(json.dumps({"config": {"evaluation": evaluation}}))
    return workdir


@pytest.fixture(scope="session")
def gray_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("gray") / "run"
    return make_run(workdir, GRAY, ("original", "control_0.25", "complete"), HOLES)


@pytest.fixture(scope="session")
def color_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("color") / "run", COLOR, ("original",), {})


def noise(width, height, mode="RGB", seed=0):
    """A picture whose pixels all differ."""
    shape = (height, width, len(mode)) if mode in ("LA", "RGB", "RGBA") else (height, width)
    most, kind = (65536, np.uint16) if mode == "I;16" else (256, np.uint8)
    return Image.fromarray(np.random.default_rng(seed).integers(0, most, shape, kind))


@pytest.fixture(scope="session")
def make_noise():
    return noise


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(gray_run):
    """Runs the command on the gray run."""

    def run(*arguments, workdir=gray_run):
        return main([f"--workdir={workdir}", *map(str, arguments)])

    return run


@pytest.fixture
def tree():
    """Reads all files below a folder, with their bytes."""

    def files(path):
        return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}

    return files
