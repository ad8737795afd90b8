"""Published masked autoencoders without PyTorch: golden outputs, positions, what they predict."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from cu_jax import load_solution, restore
from cu_jax.convert import mae, model_weights
from cu_jax.convert.__main__ import main
from cu_jax.convert.mae_settings import model_settings
from cu_jax.corruptions import PatchCorruption
from cu_jax.models import MODELS

HERE = Path(__file__).parent
TOLERANCE = 2e-5


def corruption_of(noise):
    """The mask that the noise means: the quarter of the patches with the least is kept."""
    order = np.argsort(noise, axis=1, kind="stable").astype(np.int32)
    restore = np.argsort(order, axis=1, kind="stable").astype(np.int32)
    kept = noise.shape[1] // 4
    return PatchCorruption(order[:, :kept], restore, (restore >= kept).astype(np.float32))


def outputs(sizes, heads, case):
    """Features and patches of our model."""
    model = MODELS["mae"](model_settings(sizes, heads, False))
    corruption = jax.tree.map(jax.numpy.asarray, corruption_of(case.noise))
    params = jax.tree.map(jax.numpy.asarray, mae.to_tree(case.arrays, sizes))
    features = jax.jit(model.encode)(params["encoder"], case.images, corruption)
    (patches,) = jax.jit(model.decode)(params, features, corruption)
    return np.asarray(features[0]), np.asarray(patches)


@pytest.mark.parametrize("name", ["small", "ViT-B/16"])
def test_outputs_are_those_of_transformers(seeded, name):
    sizes, heads = seeded.MODELS[name]
    case = seeded.make(sizes)
    features, patches = outputs(sizes, heads, case)
    with np.load(HERE / "golden" / f"mae_{name.replace('/', '_').lower()}.npz") as golden:
        for key, ours in (("features", features), ("patches", patches)):
            assert np.abs(golden[key]).max() > 0.5
            assert np.abs(seeded.sample(ours) - golden[key]).max() <= TOLERANCE


def test_positions_of_another_library_come_back(cases, mae_case, tmp_path, capsys):
    """A rounding apart from ours."""
    arrays = dict(mae_case.arrays)
    arrays["pos_embed"] = np.nextafter(arrays["pos_embed"], np.float32(2))
    folder = mae_case.imported(tmp_path, arrays=arrays)
    out = tmp_path / "out.safetensors"
    assert main(mae_case.exporting(folder, out)) == 0
    assert "Note" not in capsys.readouterr().err
    back = safetensors.numpy.load_file(out)
    cases.check_equal({key: back[key] for key in arrays}, arrays)


def test_an_import_is_read_like_a_run(mae_case, tmp_path, seeded):
    folder = mae_case.imported(tmp_path)
    model, params = load_solution(folder)
    assert model.image_shape == (32, 32, 3) and model.encoder_heads == 4
    assert model.std == (0.229, 0.224, 0.225) and not model.norm_pix_loss
    np.testing.assert_array_equal(params["encoder"]["cls_token"], mae_case.arrays["cls_token"])
    settings = model_settings(seeded.SMALL, (4, 2), False)
    for name in (folder, folder / "solutions" / "original"):
        with model_weights(str(name), settings) as path:
            assert path.name == "params.safetensors"
    with pytest.raises(ValueError, match="theirs has decoder_heads 2 instead of 4"):
        with model_weights(str(folder), settings | {"decoder_heads": 4}):
            pass


def test_an_import_restores_pictures(mae_case, tmp_path):
    folder = mae_case.imported(tmp_path)
    Image.effect_noise((40, 32), 80).convert("RGB").save(tmp_path / "one.png")
    command = [f"--workdir={folder}", str(tmp_path / "one.png"), f"--out={tmp_path / 'out'}"]
    assert restore.main(command) == 0
    assert Image.open(tmp_path / "out" / "one.png").size == (40, 32)


def test_a_run_without_its_import_leaves_with_computed_positions(mae_case, tmp_path, capsys):
    folder = mae_case.imported(tmp_path)
    (folder / "solutions" / "original" / "positions.safetensors").unlink()
    (folder / "solutions" / "original").rename(folder / "solutions" / "control_0.25")
    out = tmp_path / "out.safetensors"
    assert main(mae_case.exporting(folder, out, solution="control_0.25")) == 0
    assert "positions are computed" in capsys.readouterr().err
    back = safetensors.numpy.load_file(out)
    for key, array in mae_case.arrays.items():
        np.testing.assert_array_equal(back[key], array)


@pytest.mark.parametrize(
    "inside", ["", "solutions/original", "solutions/original/params.safetensors"]
)
def test_a_run_that_names_its_import_leaves_with_its_positions(mae_case, tmp_path, inside):
    arrays = dict(mae_case.arrays)
    arrays["decoder_pos_embed"] = np.nextafter(arrays["decoder_pos_embed"], np.float32(2))
    folder = mae_case.imported(tmp_path, arrays=arrays)
    run = tmp_path / "run"
    (run / "solutions" / "complete").mkdir(parents=True)
    for name in ("params.safetensors", "model.json"):
        written = folder / "solutions" / "original" / name
        (run / "solutions" / "complete" / name).write_bytes(written.read_bytes())
    config = {"config": {"pretrain": {"weights": str(folder / inside)}}}
    (run / "config.json").write_text(json.dumps(config))
    out = tmp_path / "out.safetensors"
    assert main(mae_case.exporting(run, out, solution="complete")) == 0
    back = safetensors.numpy.load_file(out)
    np.testing.assert_array_equal(back["decoder_pos_embed"], arrays["decoder_pos_embed"])


WRONG = {
    "an encoder alone": (
        lambda p: p.without("mask_token", "decoder_"),
        "holds an encoder alone",
    ),
    "a classifier": (
        lambda p: p.without("mask_token", "decoder_") | {"head.bias": np.zeros(9, np.float32)},
        "holds an encoder alone",
    ),
    "transformers' names": (
        lambda p: {f"vit.{key}": value for key, value in p.arrays.items()},
        "has those of the transformers library",
    ),
    "another model": (
        lambda p: {"features.0.weight": np.zeros(3, np.float32)},
        "lacks cls_token, mask_token, pos_embed and 3 more and has features.0.weight",
    ),
    "trained positions": (
        lambda p: p.arrays | {"pos_embed": p.arrays["pos_embed"] + np.float32(1e-3)},
        "pos_embed in",
    ),
    "no square of patches": (
        lambda p: p.arrays | {"pos_embed": np.zeros((1, 16, 48), np.float32)},
        "15 patches, which are no square",
    ),
    "an odd rank": (
        lambda p: p.arrays | {"cls_token": p.arrays["cls_token"][0]},
        "cls_token must have 3 axes",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_whole_autoencoder_is_refused(mae_case, tmp_path, capsys, wrong):
    change, sentence = WRONG[wrong]
    source = mae_case.written(tmp_path, change(mae_case))
    assert main(mae_case.importing(source, tmp_path / "in")) == 2
    error = capsys.readouterr().err
    assert sentence in error and str(source) in error and error.count("\n") == 2


def test_normalized_patches_are_told_by_the_name(mae_case, tmp_path, capsys):
    source = mae_case.written(tmp_path)
    full = source.rename(tmp_path / "mae_pretrain_vit_base_full.safetensors")
    command = mae_case.importing(full, tmp_path / "in")
    assert main(command) == 2
    assert "trained to predict patches normalized" in capsys.readouterr().err
    assert main([*command, "--norm-pix"]) == 0
    assert "lack their brightness and contrast" in capsys.readouterr().err
    assert load_solution(tmp_path / "in")[0].norm_pix_loss


def test_a_file_that_does_not_say_gets_a_note(mae_case, tmp_path, capsys):
    mine = mae_case.written(tmp_path).rename(tmp_path / "mine.safetensors")
    assert main(mae_case.importing(mine, tmp_path / "in")) == 0
    assert "says whether it predicts pixels" in capsys.readouterr().err
