"""Weights that are not there, not whole, or of another model."""

from pathlib import Path

import numpy as np
from faulty import MAIN, Case, cut, run, weights, write
from limits import obey_permissions, without_torch

OWN = f"{MAIN} --config.pretrain.weights=own.safetensors"
FOLDER = f"{MAIN} --config.pretrain.weights=imported"
IMPORT = "convert import mae published.safetensors imported"


def _cut():
    weights("own.safetensors")
    cut("own.safetensors", 5000)


def _locked():
    weights("own.safetensors")
    Path("own.safetensors").chmod(0)


def _changed(pick, change):
    return lambda: weights("own.safetensors", lambda key, x: change(x) if key == pick else x)


def _imported(**model):
    def prepare():
        weights("imported/params.safetensors")
        write("imported/model.json", {"format": 1, "model": model})

    return prepare


def _published(**arrays):
    def prepare():
        from safetensors.numpy import save_file

        save_file(arrays, "published.safetensors")

    return prepare


ONE = "decoder/decoder_norm/bias"

CASES = (
    Case("missing", "misspelt the weights", OWN, "there is no own.safetensors"),
    Case("cut", "gave weights whose copy broke off", OWN, "must be a whole safetensors file", _cut),
    Case(
        "empty",
        "gave an empty file of weights",
        OWN,
        "must be a whole safetensors file",
        lambda: write("own.safetensors", b""),
    ),
    Case(
        "locked",
        "gave weights that may not be read",
        OWN,
        "own.safetensors",
        _locked,
        limit=obey_permissions,
    ),
    Case(
        "other_model",
        "gave the weights of a wider model",
        f"{MAIN} --config.model.encoder_width=32",
        "use the file made for this configuration",
    ),
    Case(
        "lacking",
        "gave weights that lack an array",
        OWN,
        f"lacks {ONE}",
        _changed(ONE, lambda x: None),
    ),
    Case(
        "half",
        "gave weights in half precision",
        OWN,
        "float16",
        _changed(ONE, lambda x: x.astype(np.float16)),
    ),
    Case("nan", "gave weights that hold NaN", OWN, "finite", _changed(ONE, lambda x: x * np.nan)),
    Case(
        "no_import",
        "gave a folder that is no import",
        FOLDER,
        "model.json cannot be read",
        lambda: Path("imported").mkdir(),
    ),
    Case(
        "other_kind",
        "gave an import of another kind",
        FOLDER,
        "of the kind mage",
        _imported(name="mage"),
    ),
    Case(
        "other_heads",
        "gave an import with other heads",
        FOLDER,
        "encoder_heads 8 instead of 4",
        _imported(name="mae", encoder_heads=8),
    ),
    Case(
        "classifier",
        "misspelt the classifier",
        f"{MAIN} --config.classifier.weights=digits_clasifier",
        "digits_clasifier",
    ),
    Case(
        "network",
        "named a network that was not imported",
        f"{MAIN} --config.evaluation.networks.inception=imported",
        "python -m cu_jax.convert import inception",
    ),
    Case(
        "format",
        "imported a .npz file",
        "convert import mae mae.npz imported",
        "must end in",
        lambda: write("mae.npz", b"x"),
    ),
    Case("no_published", "misspelt a published file", IMPORT, "there is none"),
    Case(
        "published_keys",
        "imported a file of another model",
        IMPORT,
        "published.safetensors",
        _published(weight=np.zeros(3, np.float32)),
    ),
    Case(
        "published_half",
        "imported a file in half precision",
        IMPORT,
        "float32",
        _published(cls_token=np.zeros((1, 1, 8), np.float16)),
    ),
    Case(
        "no_torch",
        "imported a .pth file without PyTorch",
        "convert import mae mae.pth imported",
        "PyTorch must be installed",
        lambda: write("mae.pth", b"x"),
        limit=without_torch,
    ),
    Case(
        "import_there",
        "imported into a folder with other files",
        IMPORT,
        "holds other files",
        lambda: write("imported/notes.txt", "x"),
    ),
    Case(
        "export_there",
        "exported over a file",
        "convert export mae run --solution=complete own.safetensors",
        "exists",
        lambda: (run(), weights("own.safetensors")),
    ),
    Case(
        "export_folder",
        "exported into a folder that there is not",
        "convert export mae run --solution=complete no/mae.safetensors",
        "create it first",
        run,
    ),
    Case(
        "export_kind",
        "exported a solution as another kind",
        "convert export mage run --solution=complete mage.safetensors",
        "must describe",
        run,
    ),
    Case(
        "scratch_name",
        "gave a path as the name of weights to make",
        f"{MAIN} --config.pretrain.from_scratch=True --config.pretrain.weights=a/b",
        "must be a plain name",
    ),
)
