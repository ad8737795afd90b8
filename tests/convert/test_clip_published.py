"""CLIP's image tower without PyTorch: golden outputs, what config.json says, what is refused."""

import json
import os
import re
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy

from cu_jax.convert import clip as conversion
from cu_jax.convert import clip_layout, load_weights
from cu_jax.convert.__main__ import main
from cu_jax.convert.clip_layout import PUBLISHED
from cu_jax.metrics import clip

GOLDEN = Path(__file__).parent / "golden" / "clip_small.npz"
TOWER = "vision_model.embeddings.class_embedding"


@pytest.fixture(scope="module")
def sizes(seeded):
    return seeded.CLIPS["small"]


@pytest.fixture(scope="module")
def case(seeded, sizes):
    return seeded.make_clip(sizes)


def config(sizes, **changes):
    """An image tower's config.json."""
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": sizes.width,
        "intermediate_size": sizes.mlp_width,
        "num_hidden_layers": sizes.depth,
        "num_attention_heads": sizes.heads,
        "image_size": sizes.image_size,
        "patch_size": sizes.patch_size,
        "hidden_act": sizes.activation,
    }
    return vision | changes


def imported(folder, arrays, about, source=None):
    """Writes a checkpoint as the library does, and imports it: the exit code."""
    model = folder / "CLIP-ViT"
    model.mkdir()
    safetensors.numpy.save_file(arrays, model / "model.safetensors")
    if about is not None:
        (model / "config.json").write_text(json.dumps(about))
    source = model if source is None else model / source
    return main(["import", "clip", str(source), str(folder / "in")])


def read(folder):
    """Settings and parameters of an import."""
    original = folder / "in" / "solutions" / "original"
    settings = json.loads((original / "model.json").read_text())["model"]
    return settings, load_weights(original / "params.safetensors", clip.template(settings))


def test_outputs_are_those_of_transformers(seeded, case, sizes, tmp_path):
    assert imported(tmp_path, case.arrays, config(sizes)) == 0
    settings, params = read(tmp_path)
    pictures = case.pictures / np.float32(255)
    features = jax.jit(clip.network(settings).apply)(params, pictures).features
    with np.load(GOLDEN) as golden:
        prepared = seeded.sample(clip.prepare(pictures, sizes.image_size))
        np.testing.assert_allclose(prepared, golden["prepared"], atol=1e-6)
        np.testing.assert_allclose(features, golden["features"], atol=2e-5)


def test_a_whole_model_comes_in_as_its_image_tower(case, sizes, tmp_path, capsys):
    more = {
        "text_model.final_layer_norm.bias": np.zeros(3, np.float32),
        "text_projection.weight": np.zeros((3, 3), np.float32),
        "logit_scale": np.zeros((), np.float32),
        "vision_model.embeddings.position_ids": np.arange(17, dtype=np.int64)[None],
        "text_model.embeddings.position_ids": np.arange(77, dtype=np.int64)[None],
    }
    vision = config(sizes, projection_dim=7)
    about = {"model_type": "clip", "projection_dim": 24, "vision_config": vision}
    assert imported(tmp_path, case.arrays | more, about, "model.safetensors") == 0
    told = capsys.readouterr()
    assert "text tower beside the image tower (text_model.…) was left out" in told.err
    assert "Imported CLIP's image tower (2 blocks, 32 wide)" in told.out
    settings, params = read(tmp_path)
    assert settings["projection"] == 24
    np.testing.assert_array_equal(params["class_embedding"], case.arrays[TOWER])
    kernel = case.arrays["vision_model.encoder.layers.1.self_attn.k_proj.weight"]
    np.testing.assert_array_equal(params["layers_1"]["self_attn"]["k_proj"]["kernel"], kernel.T)


def test_the_tree_is_that_of_our_network():
    ours = clip.template(conversion.model_settings(PUBLISHED["ViT-B/32"]))
    theirs = conversion.renaming(PUBLISHED["ViT-B/32"]).template()
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), ours, theirs)
    assert all(jax.tree.leaves(same))


def test_what_a_config_leaves_out_is_the_librarys_default(tmp_path):
    """Files of a ViT-B/32 say nothing but their type."""
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "clip", "vision_config": {}}')
    shapes = clip_layout.layout(PUBLISHED["ViT-B/32"])
    assert clip_layout.recognize(shapes, path) == PUBLISHED["ViT-B/32"]


WRONG = {
    "other sizes than its config.json's": (
        lambda a: a,
        lambda c: c | {"intermediate_size": 65},
        "differs in vision_model.encoder.layers.0.mlp.fc1.weight ([64, 32] instead of [65, 32])",
    ),
    "fewer blocks than it says": (
        lambda a: a,
        lambda c: c | {"num_hidden_layers": 3},
        "lacks vision_model.encoder.layers.2.self_attn.k_proj.weight",
    ),
    "one key too many": (
        lambda a: a | {"z.weight": np.zeros(3, np.float32)},
        lambda c: c,
        "has the unexpected z.weight",
    ),
    "no projection": (
        lambda a: {key: array for key, array in a.items() if "projection" not in key},
        lambda c: c,
        "lacks visual_projection.weight: give the folder of a CLIP model",
    ),
    "halves": (
        lambda a: a | {TOWER: a[TOWER].astype(np.float16)},
        lambda c: c,
        f"holds {TOWER} (F16)",
    ),
    "another kind": (
        lambda a: {"quantize.embedding.weight": np.zeros((3, 4), np.float32)},
        lambda c: c,
        "is of the kind vqgan: name that kind",
    ),
    "no config.json": (lambda a: a, lambda c: None, "must have config.json beside its weights"),
    "another model's": (lambda a: a, lambda c: c | {"model_type": "siglip"}, "type 'siglip'"),
    "no type": (lambda a: a, lambda c: {}, "cannot be read (KeyError('model_type'))"),
    "a list": (lambda a: a, lambda c: [], "cannot be read (TypeError"),
    "no number": (
        lambda a: a,
        lambda c: c | {"num_attention_heads": "4"},
        "is one with the sizes [32, 8, 32, 2, '4', 64]",
    ),
    "heads": (lambda a: a, lambda c: c | {"num_attention_heads": 5}, "is 32 wide with 5 heads"),
    "patches": (lambda a: a, lambda c: c | {"image_size": 33}, "patches of 8 of 33 pixels"),
    "activation": (lambda a: a, lambda c: c | {"hidden_act": "relu"}, "the activation 'relu'"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_image_tower_is_refused(case, sizes, tmp_path, capsys, wrong):
    change, tell, sentence = WRONG[wrong]
    assert imported(tmp_path, change(case.arrays), tell(config(sizes))) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 2
    assert os.listdir(tmp_path) == ["CLIP-ViT"]  # nothing was written


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape("pytorch_model.bin, and")):
        clip_layout.find_weights(tmp_path)


@pytest.mark.torch
def test_a_pytorch_file_in_a_folder(case, sizes, tmp_path):
    import torch

    model = tmp_path / "one"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(config(sizes)))
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in case.arrays.items()}
    torch.save(tensors, model / "pytorch_model.bin")
    assert main(["import", "clip", str(model), str(tmp_path / "in")]) == 0
    np.testing.assert_array_equal(read(tmp_path)[1]["class_embedding"], case.arrays[TOWER])
