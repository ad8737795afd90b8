"""Published MAGE models without PyTorch: golden outputs, the head's words, what nobody reads."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from cu_jax import load_solution, restore
from cu_jax.convert import mage, save_weights
from cu_jax.convert.__main__ import main
from cu_jax.convert.mage_layout import UNUSED
from cu_jax.convert.mage_settings import model_settings
from cu_jax.convert.state_files import POSITION_IDS
from cu_jax.models import MODELS
from cu_jax.token_corruptions import TokenCorruption

HERE = Path(__file__).parent
TOLERANCE = 2e-5
WORDS = "token_emb.word_embeddings.weight"


def outputs(model, params, case):
    """Features and logits of our model."""
    keep = np.array([np.flatnonzero(~row) for row in case.dropped], np.int32)
    restore = np.maximum(np.cumsum(~case.dropped, axis=1) - 1, 0).astype(np.int32)
    corruption = TokenCorruption(*map(jnp.asarray, (keep, restore, case.masked)))
    features = jax.jit(model.encode)(params["encoder"], jnp.asarray(case.tokens), corruption)
    (logits,) = jax.jit(model.decode)(params, features, corruption)
    return np.asarray(features[0]), np.asarray(logits)


@pytest.mark.parametrize("tie_head", [False, True])
@pytest.mark.parametrize("name", ["small", pytest.param("ViT-B", marks=pytest.mark.slow)])
def test_outputs_are_those_of_pytorch(seeded, name, tie_head):
    sizes, heads = seeded.MAGES[name]
    case = seeded.make_mage(sizes, batch=2 if name == "small" else 1)
    model = MODELS["mage"](model_settings(sizes, heads, tie_head, Path("it")))
    params = jax.tree.map(jnp.asarray, mage.to_tree(case.arrays, sizes, tie_head))
    with np.load(HERE / "golden" / f"mage_{name.lower()}.npz") as golden:
        for key, ours in zip(("features", "logits"), outputs(model, params, case), strict=True):
            assert np.abs(golden[key]).max() > 0.5
            assert np.abs(seeded.sample(ours) - golden[key]).max() <= TOLERANCE


def test_an_import_is_read_like_a_run_and_restores_pictures(mage_case, tmp_path):
    folder = mage_case.imported(tmp_path)
    model, params = load_solution(folder)
    assert model.image_shape == (32, 32, 3) and not model.tie_head
    assert (model.vocabulary, model.class_token) == (150, 64 + 76)
    head = params["decoder"]["mlm_layer"]["word_embeddings"]
    np.testing.assert_array_equal(head, mage_case.arrays[WORDS])
    Image.effect_noise((20, 16), 80).convert("RGB").save(tmp_path / "one.png")
    command = [f"--workdir={folder}", str(tmp_path / "one.png"), f"--out={tmp_path / 'out'}"]
    assert restore.main([*command, "--hole=center:4"]) == 0
    assert Image.open(tmp_path / "out" / "one.png").size == (20, 16)


def test_a_tied_head_has_no_words_of_its_own(cases, mage_case, tmp_path, capsys):
    folder = mage_case.imported(tmp_path, "--tie-head")
    model, params = load_solution(folder)
    assert model.tie_head and set(params["decoder"]["mlm_layer"]) == {"fc", "ln", "bias"}
    out = tmp_path / "out.safetensors"
    assert main(mage_case.exporting(folder, out)) == 0
    assert "Note" not in capsys.readouterr().err
    back = safetensors.numpy.load_file(out)
    cases.check_equal({key: back[key] for key in mage_case.arrays}, mage_case.arrays)


def moved(folder, rows):
    """Moves word embeddings of the encoder, as unlearning does; gives those that are there then."""
    _, params = load_solution(folder)
    words = np.array(params["encoder"]["token_emb"]["word_embeddings"])
    words[rows] += np.float32(0.25)
    params["encoder"]["token_emb"]["word_embeddings"] = words
    save_weights(folder / "solutions" / "original" / "params.safetensors", params)
    return words


def test_two_word_embeddings_do_not_leave_as_one_unasked(mage_case, tmp_path, capsys):
    folder = mage_case.imported(tmp_path)
    words = moved(folder, rows=slice(None))
    out = tmp_path / "out.safetensors"
    assert main(mage_case.exporting(folder, out)) == 2
    error = capsys.readouterr().err
    assert "differ by up to 0.25" in error and "give --tie-head" in error
    assert error.count("\n") == 2 and not out.exists()

    assert main(mage_case.exporting(folder, out, "--tie-head")) == 0
    assert "Note: Its head will read the encoder's" in capsys.readouterr().err
    back = safetensors.numpy.load_file(out)
    np.testing.assert_array_equal(back[WORDS], words)


def test_words_that_the_head_never_reads_may_move(mage_case, tmp_path, capsys):
    folder = mage_case.imported(tmp_path)
    words = moved(folder, rows=slice(64, None))
    out = tmp_path / "out.safetensors"
    assert main(mage_case.exporting(folder, out)) == 0
    assert "Note" not in capsys.readouterr().err
    np.testing.assert_array_equal(safetensors.numpy.load_file(out)[WORDS], words)


def test_another_class_token_cannot_be_told(mage_case, tmp_path, capsys):
    folder = mage_case.imported(tmp_path)
    path = folder / "solutions" / "original" / "model.json"
    path.write_text(path.read_text().replace('"class_token": 140', '"class_token": 100'))
    assert main(mage_case.exporting(folder, tmp_path / "out.safetensors")) == 2
    assert "of 64 codes must have the class token 140" in capsys.readouterr().err


def test_without_its_import_the_unused_tensors_are_zero(mage_case, tmp_path, capsys):
    folder = mage_case.imported(tmp_path)
    (folder / "solutions" / "original" / "unused.safetensors").unlink()
    out = tmp_path / "out.safetensors"
    assert main(mage_case.exporting(folder, out)) == 0
    assert "tensors that no MAGE reads (pos_embed and others) are zero" in capsys.readouterr().err
    for key, array in safetensors.numpy.load_file(out).items():
        expected = mage_case.arrays[key]
        if key in UNUSED and key != POSITION_IDS:
            expected = np.zeros_like(expected)
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected, err_msg=key)


WRONG = {
    "no tokenizer": (lambda p: p.without("vqgan."), "has no vqgan.… among its keys"),
    "half a tokenizer": (
        lambda p: p.without("vqgan.quantize."),
        "lacks vqgan.quantize.embedding.weight: give mage-vitb-1600.pth",
    ),
    "positions out of order": (
        lambda p: p.arrays | {POSITION_IDS: p.arrays[POSITION_IDS][:, ::-1].copy()},
        "must number the positions 0, 1, 2",
    ),
    "positions that are no integers": (
        lambda p: p.arrays | {POSITION_IDS: p.arrays[POSITION_IDS].astype(np.float32)},
        "holds token_emb.position_ids (F32)",
    ),
    "no square of tokens": (
        lambda p: (
            p.arrays | {"token_emb.position_embeddings.weight": np.zeros((16, 48), np.float32)}
        ),
        "15 tokens, which are no square",
    ),
    "too few words": (
        lambda p: (
            p.arrays
            | {WORDS: p.arrays[WORDS][:141], "mlm_layer.bias": np.zeros((1, 1, 141), np.float32)}
        ),
        "has 141 words and 64 codes",
    ),
    "a narrow decoder": (
        lambda p: p.arrays | {"decoder_embed.weight": np.zeros((32, 48), np.float32)},
        "an encoder 48 wide and a decoder 32 wide",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_whole_mage_is_refused(mage_case, tmp_path, capsys, wrong):
    change, sentence = WRONG[wrong]
    source = mage_case.written(tmp_path, change(mage_case))
    assert main(mage_case.importing(source, tmp_path / "in")) == 2
    error = capsys.readouterr().err
    assert sentence in error and str(source) in error and error.count("\n") == 2
