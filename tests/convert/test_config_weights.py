"""What a config's weights may name, and what they may not."""

import os
from pathlib import Path

import pytest
from ml_collections import ConfigDict
from PIL import Image

from cu_jax import load_solution, restore
from cu_jax.convert import model_weights, vqgan
from cu_jax.convert.mage_settings import model_settings


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("imported/none", "there is no imported/none"),
        ("none.safetensors", "there is no none.safetensors"),
        ("none", "there is no none: check the path, or import the weights first"),
    ],
)
def test_weights_that_are_not_there(name, sentence):
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


@pytest.fixture
def mage_settings(seeded):
    """As a config gives them."""
    settings = model_settings(seeded.SMALL_MAGE, (4, 2), False, Path("it"))
    return ConfigDict(settings).to_dict()


def test_a_tokenizer_alone_restores_nothing(vqgan_case, mage_settings, tmp_path, capsys):
    folder = vqgan_case.imported(tmp_path)
    sentence = "a tokenizer alone, which restores nothing; name it in config.tokenizer.weights"
    with pytest.raises(ValueError, match=f"config.pretrain.weights must .* {sentence}"):
        with model_weights(str(folder), mage_settings):
            pass
    with pytest.raises(ValueError, match=sentence):
        load_solution(folder)
    Image.new("RGB", (32, 32)).save(tmp_path / "one.png")
    command = [f"--workdir={folder}", str(tmp_path / "one.png"), f"--out={tmp_path / 'out'}"]
    assert restore.main(command) == 2
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error


def test_a_tokenizer_is_found_for_pictures_of_any_size(vqgan_case, seeded, tmp_path):
    folder = vqgan_case.imported(tmp_path)
    where = "config.tokenizer.weights"
    for side in (16, 256):
        settings = vqgan.model_settings(seeded.SMALL_VQGAN, side)
        with model_weights(str(folder), settings, where) as path:
            assert path.is_file()
    with pytest.raises(ValueError, match=r"theirs has multipliers \[1, 1, 2\] instead of \[1, 2\]"):
        with model_weights(str(folder), settings | {"multipliers": (1, 2)}, where):
            pass


def test_weights_of_another_kind_are_told(mage_case, vqgan_case, seeded, tmp_path):
    folder = mage_case.imported(tmp_path)
    tokenizer = vqgan.model_settings(seeded.SMALL_VQGAN, 16)
    for settings, kind in ((tokenizer, "vqgan"), ({"name": "mae"}, "mae")):
        with pytest.raises(ValueError, match=f"of the kind {kind}, and .* are of the kind mage"):
            with model_weights(str(folder), settings):
                pass


def test_settings_inside_the_tokenizer_count(mage_case, mage_settings, tmp_path):
    folder = mage_case.imported(tmp_path)
    free = {"drop": 0.25, "steps": 4, "noise_pool": 8, "dtype": "bfloat16"}
    with model_weights(str(folder), mage_settings | free) as path:
        assert path.is_file()
    mage_settings["tokenizer"]["groups"] = 16
    for changed in (mage_settings, mage_settings | {"tie_head": True}):
        with pytest.raises(ValueError, match="tokenizer.groups 32 instead of 16"):
            with model_weights(str(folder), changed):
                pass
    with pytest.raises(ValueError, match="tie_head False instead of True"):
        with model_weights(str(folder), mage_settings | {"tie_head": True}):
            pass
