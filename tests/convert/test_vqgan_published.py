"""Published tokenizers without PyTorch: golden outputs, and what other VQ-GANs are told."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from cu_jax.convert import load_weights, vqgan
from cu_jax.convert.__main__ import main
from cu_jax.models.vqgan import VqGan

HERE = Path(__file__).parent
TOLERANCE = 2e-5


def read(folder, side):
    """The tokenizer of an import, for pictures of a side."""
    original = folder / "solutions" / "original"
    settings = json.loads((original / "model.json").read_text())["model"]
    assert settings.pop("name") == "vqgan" and settings["image_size"] == 256
    settings |= {"image_size": side, "multipliers": tuple(settings["multipliers"])}
    model = VqGan(**settings)
    template = jax.eval_shape(model.init, jax.random.key(0))
    params = load_weights(original / "params.safetensors", template)
    return model, jax.tree.map(jax.numpy.asarray, params)


def outputs(model, params, images):
    """Tokens, and pictures made of them."""
    tokens = jax.jit(model.encode)(params, images)
    return np.asarray(tokens), np.asarray(jax.jit(model.decode)(params, tokens))


@pytest.mark.parametrize("name", ["small", pytest.param("published", marks=pytest.mark.slow)])
def test_outputs_are_those_of_pytorch(seeded, vqgan_case, tmp_path, name):
    sizes, side = seeded.VQGANS[name]
    case = seeded.make_vqgan(sizes, side, batch=2 if name == "small" else 1)
    folder = vqgan_case.imported(tmp_path, arrays=case.arrays)
    tokens, pictures = outputs(*read(folder, side), case.images)
    with np.load(HERE / "golden" / f"vqgan_{name}.npz") as golden:
        assert len(np.unique(golden["tokens"])) > 16
        np.testing.assert_array_equal(tokens, golden["tokens"])
        assert np.abs(golden["pictures"]).max() > 0.5
        assert np.abs(seeded.sample(pictures) - golden["pictures"]).max() <= TOLERANCE


def test_an_imports_settings_are_those_of_its_shapes(seeded, vqgan_case, tmp_path):
    model, _ = read(vqgan_case.imported(tmp_path), 32)
    assert model == VqGan(32, 3, 32, (1, 1, 2), 2, 32, 64, 16)


WRONG = {
    "taming-transformers": (
        lambda p: p.arrays | {"quant_conv.weight": np.zeros((16, 16, 1, 1), np.float32)},
        "A VQ-GAN must be MaskGIT's",
    ),
    "an attention": (
        lambda p: p.arrays | {"encoder.mid.attn_1.q.bias": np.zeros(64, np.float32)},
        "which are another network: give vqgan_jax_strongaug.ckpt",
    ),
    "a usual shortcut": (
        lambda p: (
            p.arrays
            | {"encoder.down.2.block.0.nin_shortcut.weight": np.zeros((64, 32, 1, 1), np.float32)}
        ),
        "nin_shortcut.weight ([64, 32, 1, 1] instead of [64, 64, 1, 1])",
    ),
    "odd widths": (
        lambda p: p.arrays | {"encoder.conv_in.weight": np.zeros((48, 3, 3, 3), np.float32)},
        "widths 32, 32, 64 and a first convolution of 48",
    ),
    "no level": (
        lambda p: p.without("encoder.down."),
        "lacks encoder.down.0.block.0.conv1.weight",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_such_tokenizer_is_refused(vqgan_case, tmp_path, capsys, wrong):
    change, sentence = WRONG[wrong]
    source = vqgan_case.written(tmp_path, change(vqgan_case))
    assert main(vqgan_case.importing(source, tmp_path / "in")) == 2
    error = capsys.readouterr().err
    assert sentence in error and str(source) in error and error.count("\n") == 2


def test_other_groups_cannot_leave(vqgan_case, tmp_path, capsys):
    folder = vqgan_case.imported(tmp_path)
    path = folder / "solutions" / "original" / "model.json"
    path.write_text(path.read_text().replace('"groups": 32', '"groups": 16'))
    assert main(vqgan_case.exporting(folder, tmp_path / "out.safetensors")) == 2
    assert "must have 32 groups in each GroupNorm" in capsys.readouterr().err


def test_the_levels_are_put_where_the_decoder_has_them(seeded, vqgan_case):
    """Level 1 of the decoder halves the width, level 1 of the encoder keeps it."""
    tree = vqgan.renaming(seeded.SMALL_VQGAN).to_tree(vqgan_case.arrays)
    assert "nin_shortcut" in tree["decoder"]["up_1_block_0"]
    assert "nin_shortcut" in tree["encoder"]["down_2_block_0"]
    assert "nin_shortcut" not in tree["encoder"]["down_1_block_0"]
    kernel = tree["decoder"]["up_1_block_0"]["conv1"]["kernel"]
    published = vqgan_case.arrays["decoder.up.1.block.0.conv1.weight"]
    assert kernel[1, 2, 3, 4] == published[4, 3, 1, 2]
