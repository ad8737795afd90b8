"""Published masked autoencoders without PyTorch: layout, golden outputs, round trips, refusals."""

import json
import os
import pickle
import re
import shlex
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from cu_jax import load_solution, restore
from cu_jax.convert import mae, model_weights
from cu_jax.convert.__main__ import _parser, main
from cu_jax.convert.mae_layout import PUBLISHED, layout, recognize
from cu_jax.convert.mae_settings import model_settings
from cu_jax.corruptions import PatchCorruption
from cu_jax.models import MODELS

HERE = Path(__file__).parent
FILES = {"ViT-B/16": "base_patch16", "ViT-L/16": "large_patch16", "ViT-H/14": "huge_patch14"}
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
    encoder, decoder = model.split(params)
    features = jax.jit(model.encode)(encoder, case.images, corruption)
    (patches,) = jax.jit(model.decode)(decoder, features, corruption)
    return np.asarray(features[0]), np.asarray(patches)


@pytest.fixture
def source(tmp_path, case):
    """A file of the small model."""
    path = tmp_path / "mae_visualize_vit_base.safetensors"
    safetensors.numpy.save_file(case.arrays, path)
    return path


def imported(source, folder, *options):
    command = ["import", "mae", str(source), str(folder), "--heads=4,2", *options]
    assert main(command) == 0
    return folder


@pytest.mark.parametrize("name", FILES)
def test_the_layout_is_the_published_one(name):
    stored = json.loads((HERE / "layouts" / f"mae_vit_{FILES[name]}.json").read_text())
    shapes = {key: tuple(shape) for key, shape in stored.items()}
    ours = layout(PUBLISHED[name])
    assert list(ours.items()) == list(shapes.items())  # the order too
    assert recognize(shapes, "it") == PUBLISHED[name]


@pytest.mark.parametrize("name", FILES)
def test_the_tree_is_that_of_our_model_for_the_config(name):
    sizes = PUBLISHED[name]
    heads = {"ViT-B/16": (12, 16)}.get(name, (16, 16))
    model = MODELS["mae"](model_settings(sizes, heads, False))
    template = jax.eval_shape(model.init, jax.random.key(0))
    assert jax.tree.structure(template) == jax.tree.structure(mae.template(sizes))
    same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), template,
                        mae.template(sizes))  # fmt: skip
    assert all(jax.tree.leaves(same))


@pytest.mark.parametrize("name", ["small", "ViT-B/16"])
def test_outputs_are_those_of_transformers(seeded, name):
    sizes, heads = seeded.MODELS[name]
    case = seeded.make(sizes)
    features, patches = outputs(sizes, heads, case)
    with np.load(HERE / "golden" / f"mae_{name.replace('/', '_').lower()}.npz") as golden:
        for key, ours in (("features", features), ("patches", patches)):
            assert np.abs(golden[key]).max() > 0.5
            assert np.abs(seeded.sample(ours) - golden[key]).max() <= TOLERANCE


def test_there_and_back_keeps_every_bit(case, seeded):
    tree = mae.to_tree(case.arrays, seeded.SMALL)
    positions = {key: case.arrays[key] for key in mae.POSITIONS}
    back = mae.from_tree(tree, seeded.SMALL, positions)
    assert list(back) == list(case.arrays)
    for key, array in case.arrays.items():
        assert back[key].dtype == array.dtype
        np.testing.assert_array_equal(back[key], array, err_msg=key)


def test_a_file_in_and_out_is_the_same_file(source, case, tmp_path, capsys):
    # Positions of another library, a rounding apart.
    arrays = dict(case.arrays)
    arrays["pos_embed"] = np.nextafter(arrays["pos_embed"], np.float32(2))
    safetensors.numpy.save_file(arrays, source)
    folder = imported(source, tmp_path / "in")
    out = tmp_path / "out.safetensors"
    assert main(["export", "mae", str(folder), "--solution=original", str(out)]) == 0
    assert "Note" not in capsys.readouterr().err
    back = safetensors.numpy.load_file(out)
    assert back.keys() == arrays.keys()
    for key, array in arrays.items():
        assert back[key].tobytes() == array.tobytes() and back[key].shape == array.shape


def test_an_import_is_read_like_a_run(source, case, tmp_path, seeded):
    folder = imported(source, tmp_path / "in")
    model, params = load_solution(folder)
    assert model.image_shape == (32, 32, 3) and model.encoder_heads == 4
    assert model.std == (0.229, 0.224, 0.225) and not model.norm_pix_loss
    np.testing.assert_array_equal(params["encoder"]["cls_token"], case.arrays["cls_token"])
    settings = model_settings(seeded.SMALL, (4, 2), False)
    for name in (folder, folder / "solutions" / "original"):
        with model_weights(str(name), settings) as path:
            assert path.name == "params.safetensors"
    with pytest.raises(ValueError, match="theirs has decoder_heads 2 instead of 4"):
        with model_weights(str(folder), settings | {"decoder_heads": 4}):
            pass


def test_an_import_restores_pictures(source, tmp_path):
    folder = imported(source, tmp_path / "in")
    Image.effect_noise((40, 32), 80).convert("RGB").save(tmp_path / "one.png")
    command = [f"--workdir={folder}", str(tmp_path / "one.png"), f"--out={tmp_path / 'out'}"]
    assert restore.main(command) == 0
    assert Image.open(tmp_path / "out" / "one.png").size == (40, 32)


def test_a_run_without_its_import_leaves_with_computed_positions(source, case, tmp_path, capsys):
    folder = imported(source, tmp_path / "in")
    (folder / "solutions" / "original" / "positions.safetensors").unlink()
    (folder / "solutions" / "original").rename(folder / "solutions" / "control_0.25")
    out = tmp_path / "out.safetensors"
    command = ["export", "mae", str(folder), str(out), "--solution"]
    assert main([*command, "original"]) == 2
    assert "there are control_0.25" in capsys.readouterr().err
    assert main([*command, "control_0.25"]) == 0
    assert "positions are computed" in capsys.readouterr().err
    back = safetensors.numpy.load_file(out)
    for key, array in case.arrays.items():
        np.testing.assert_array_equal(back[key], array)


@pytest.mark.parametrize(
    "inside", ["", "solutions/original", "solutions/original/params.safetensors"]
)
def test_a_run_that_names_its_import_leaves_with_its_positions(source, case, tmp_path, inside):
    arrays = dict(case.arrays)
    arrays["decoder_pos_embed"] = np.nextafter(arrays["decoder_pos_embed"], np.float32(2))
    safetensors.numpy.save_file(arrays, source)
    folder = imported(source, tmp_path / "in")
    run = tmp_path / "run"
    (run / "solutions").mkdir(parents=True)
    solution = folder / "solutions" / "original"
    (run / "solutions" / "complete").mkdir()
    for name in ("params.safetensors", "model.json"):
        (run / "solutions" / "complete" / name).write_bytes((solution / name).read_bytes())
    config = {"config": {"pretrain": {"weights": str(folder / inside)}}}
    (run / "config.json").write_text(json.dumps(config))
    out = tmp_path / "out.safetensors"
    assert main(["export", "mae", str(run), "--solution=complete", str(out)]) == 0
    back = safetensors.numpy.load_file(out)
    np.testing.assert_array_equal(back["decoder_pos_embed"], arrays["decoder_pos_embed"])


def without(arrays, *starts):
    return {key: value for key, value in arrays.items() if not key.startswith(starts)}


WRONG = {
    "an encoder alone": (lambda a: without(a, "mask_token", "decoder_"), "holds an encoder alone"),
    "a classifier": (
        lambda a: without(a, "mask_token", "decoder_") | {"head.bias": np.zeros(9, np.float32)},
        "holds an encoder alone",
    ),
    "transformers' names": (
        lambda a: {f"vit.{key}": value for key, value in a.items()},
        "has those of the transformers library",
    ),
    "another model": (
        lambda a: {"features.0.weight": np.zeros(3, np.float32)},
        "lacks cls_token, mask_token, pos_embed and 3 more and has features.0.weight",
    ),
    "a missing key": (lambda a: without(a, "blocks.1.norm1.bias"), "lacks blocks.1.norm1.bias"),
    "one key too many": (
        lambda a: a | {"head.weight": np.zeros(3, np.float32)},
        "has the unexpected head.weight",
    ),
    "a far block": (
        lambda a: a | {"blocks.999999999.norm1.bias": np.zeros(3, np.float32)},
        "has the unexpected blocks.999999999.norm1.bias",
    ),
    "a wrong shape": (
        lambda a: a | {"norm.bias": np.zeros(3, np.float32)},
        r"differs in norm.bias ([3] instead of [48])",
    ),
    "trained positions": (
        lambda a: a | {"pos_embed": a["pos_embed"] + np.float32(1e-3)},
        "pos_embed in",
    ),
    "no square of patches": (
        lambda a: a | {"pos_embed": np.zeros((1, 16, 48), np.float32)},
        "15 patches, which are no square",
    ),
    "halves": (
        lambda a: a | {"norm.bias": a["norm.bias"].astype(np.float16)},
        "holds norm.bias (F16)",
    ),
    "an odd rank": (
        lambda a: a | {"cls_token": a["cls_token"][0]},
        "cls_token must have 3 axes",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_whole_published_model_is_refused(case, tmp_path, capsys, kind):
    change, sentence = WRONG[kind]
    source = tmp_path / "mae.safetensors"
    safetensors.numpy.save_file(change(case.arrays), source)
    assert main(["import", "mae", str(source), str(tmp_path / "in"), "--heads=4,2"]) == 2
    error = capsys.readouterr().err
    assert sentence in error and str(source) in error and error.count("\n") == 2
    assert os.listdir(tmp_path) == ["mae.safetensors"]  # nothing was written


def test_normalized_patches_are_told_by_the_name(source, tmp_path, capsys):
    full = source.rename(tmp_path / "mae_pretrain_vit_base_full.safetensors")
    command = ["import", "mae", str(full), str(tmp_path / "in"), "--heads=4,2"]
    assert main(command) == 2
    assert "trained to predict patches normalized" in capsys.readouterr().err
    assert main([*command, "--norm-pix"]) == 0
    assert "lack their brightness and contrast" in capsys.readouterr().err
    assert load_solution(tmp_path / "in")[0].norm_pix_loss


def test_a_file_that_does_not_say_gets_a_note(source, tmp_path, capsys):
    mine = source.rename(tmp_path / "mine.safetensors")
    imported(mine, tmp_path / "in")
    assert "says whether it predicts pixels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "give --heads=ENCODER,DECODER"),
        (["--heads=5,2"], "5 heads and width 48"),
        (["--heads=4,0"], "0 heads and width 32"),
    ],
)
def test_heads_must_be_told_and_fit(source, tmp_path, capsys, options, sentence):
    assert main(["import", "mae", str(source), str(tmp_path / "in"), *options]) == 2
    assert sentence in capsys.readouterr().err


def test_nothing_is_written_over(source, tmp_path, capsys):
    folder = imported(source, tmp_path / "in")
    command = ["import", "mae", str(source), str(folder), "--heads=4,2"]
    assert main(command) == 2
    assert "holds an import: give another, or --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    (folder / "config.json").write_text("{}")
    assert main([*command, "--force"]) == 2
    assert "holds other files" in capsys.readouterr().err

    out = tmp_path / "out.safetensors"
    out.write_text("mine")
    command = ["export", "mae", str(folder), "--solution=original", str(out)]
    assert main(command) == 2
    assert "exists: give another DST, or --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main([*command, "--force"]) == 0
    inside = folder / "solutions" / "original" / "params.safetensors"
    before = inside.read_bytes()
    assert main(["export", "mae", str(folder), "--solution=original", str(inside), "--force"]) == 2
    assert "must lie outside" in capsys.readouterr().err and inside.read_bytes() == before


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_truncated_file_is_refused(source, tmp_path, capsys, kept):
    source.write_bytes(source.read_bytes()[:kept])
    assert main(["import", "mae", str(source), str(tmp_path / "in"), "--heads=4,2"]) == 2
    assert "must be a whole safetensors file" in capsys.readouterr().err
    assert not (tmp_path / "in").exists()


def test_a_folder_that_cannot_be_made_is_said(source, tmp_path, capsys):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "in"
    assert main(["import", "mae", str(source), str(folder), "--heads=4,2"]) == 2
    assert "DIR must be a folder that can be written to" in capsys.readouterr().err


class Writes:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ["mae.pth", "mae.pt", "mae.safetensors"])
def test_a_pickle_is_never_run(tmp_path, capsys, name):
    source, written = tmp_path / name, tmp_path / "written"
    source.write_bytes(pickle.dumps({"model": Writes(written)}, protocol=2))
    assert main(["import", "mae", str(source), str(tmp_path / "in")]) == 2
    # Without PyTorch the sentence is that it is missing.
    assert str(source) in capsys.readouterr().err
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["no_such.safetensors", "no_such.pth", "mae.npz"])
def test_no_file_and_no_kind_of_file(tmp_path, capsys, name):
    assert main(["import", "mae", str(tmp_path / name), str(tmp_path / "in")]) == 2
    assert "must" in capsys.readouterr().err


def test_without_pytorch_a_pth_is_refused_in_words(source, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    pth = source.rename(tmp_path / "mae.pth")
    assert main(["import", "mae", str(pth), str(tmp_path / "in")]) == 2
    assert 'pip install "cu-jax[convert]", or give a .safetensors' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("imported/none", "there is no imported/none"),
        ("none.safetensors", "there is no none.safetensors"),
        ("none", "there is no none: check the path, or import the weights first"),
    ],
)
def test_config_weights_that_are_not_there(name, sentence):
    with pytest.raises(FileNotFoundError, match=sentence):
        with model_weights(name, {}):
            pass


def test_a_packaged_name_wins_over_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mae_mnist").mkdir()
    with model_weights("mae_mnist", {}) as path:
        assert path.is_file()
    with pytest.raises(ValueError, match="must be that of an import, a run or a solution"):
        with model_weights("." + os.sep + "mae_mnist", {}):
            pass


def test_the_commands_of_weights_md_are_commands():
    text = (HERE.parents[1] / "docs" / "weights.md").read_text("utf-8")
    commands = re.findall(r"^    python -m cu_jax\.convert (.*)$", text, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        args = _parser().parse_args(shlex.split(command))
        assert args.kind == "mae" and not args.force
