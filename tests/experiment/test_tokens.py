"""A model over tokens through the whole path: its tokenizer, and tokens kept for all passes."""

import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from cu_jax import config as settings
from cu_jax import experiment
from cu_jax.data import open_data
from cu_jax.inputs import keep_inputs
from cu_jax.solutions import load_solution


@pytest.fixture(scope="module")
def config(config_of):
    config = config_of("vqgan_mnist")
    config.model.update(encoder_width=16, encoder_depth=1, encoder_heads=2)
    config.model.update(decoder_width=16, decoder_depth=1, decoder_heads=2, noise_pool=8)
    config.model.tokenizer.update(width=4, codes=16, code_width=4)
    config.model.update(vocabulary=18, class_token=16)
    config.pretrain.update(from_scratch=True, steps=6, batch_size=8)
    config.tokenizer.update(steps=5, batch_size=8)
    config.data.update(retain=("1",), forget=("7",), cache_tokens=False)
    config.classifier.weights = ""
    config.boundary.steps = 4
    config.pareto.update(steps=3, first_steps=3)
    config.controls, config.composite_alphas = (0.5,), ()
    config.batch_size, config.log_every_steps = 8, 2
    return config


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("tokens") / "run"
    return workdir, experiment.run(config, workdir)


@pytest.fixture(scope="module")
def kept(run, config, tmp_path_factory):
    """The same from the first run's weights, with tokens kept."""
    config = config.copy_and_resolve_references()
    config.pretrain.update(from_scratch=False, weights=str(run[0]))
    config.data.cache_tokens = True
    workdir = tmp_path_factory.mktemp("kept") / "run"
    return workdir, experiment.run(config, workdir), config


@pytest.mark.slow
def test_the_tokenizer_is_made_first_and_kept_by_every_later_stage(run):
    workdir, results = run
    assert list(results.stages) == ["tokenizer", "pretrain", "complete", "utility", "control_0.5"]
    tokenizer = load_file(workdir / "weights" / "vqgan_mnist.safetensors")
    original = load_file(workdir / "weights" / "mage_mnist.safetensors")
    complete = load_file(workdir / "solutions" / "complete" / "params.safetensors")
    for name, array in tokenizer.items():
        np.testing.assert_array_equal(original[f"tokenizer/{name}"], array)
    moved = {name for name, array in complete.items() if (array != original[name]).any()}
    assert moved and all(name.startswith("encoder/") for name in moved)
    assert "encoder/token_emb/word_embeddings" in moved  # while the head keeps its own copy


@pytest.mark.slow
def test_the_head_is_frozen_unless_it_is_tied(run):
    workdir, _ = run
    model, params = load_solution(workdir, "complete")
    assert not model.tie_head
    before = load_file(workdir / "weights" / "mage_mnist.safetensors")
    head = params["decoder"]["mlm_layer"]["word_embeddings"]
    np.testing.assert_array_equal(head, before["decoder/mlm_layer/word_embeddings"])
    text = (workdir / "report.html").read_text()
    assert "output layer" in text and "the original&#39;s, frozen" in text


@pytest.mark.slow
def test_kept_tokens_are_those_of_the_pictures_and_give_the_same_run(run, kept):
    workdir, results, config = kept
    model, params = load_solution(workdir, "original")
    tokens = load_file(workdir / "inputs.safetensors")
    data = open_data(config.data, model.image_shape)
    images = data.source("forget", "train").gather(np.arange(5))["image"]
    _, rest = model.split(params)
    expected = jax.jit(model.prepare)(rest, images / np.float32(255), jax.random.key(0))
    np.testing.assert_array_equal(tokens["forget"][:5], expected)
    assert {name: len(array) for name, array in tokens.items()} == {"forget": 400, "retain": 400}
    for one in run[1].solutions:
        other = results[one.name]
        for name in ("retain_loss", "forget_loss", "multiplier"):
            assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-3, abs=1e-9)
        assert other.metrics["retain/psnr"] == pytest.approx(one.metrics["retain/psnr"], abs=0.1)


@pytest.mark.slow
def test_no_picture_is_tokenized_twice(kept, monkeypatch):
    workdir, _, config = kept
    model, params = load_solution(workdir, "original")
    data = open_data(config.data, model.image_shape)
    monkeypatch.setattr("cu_jax.inputs._made", None)  # what would be called
    again = keep_inputs(workdir, data, model, model.split(params)[1], 100)
    batch = again.source("retain", "train").gather(np.array([3, 1]))
    assert set(batch) == {"inputs", "label"}
    np.testing.assert_array_equal(batch["label"], data.source("retain", "train").label[[3, 1]])


@pytest.mark.slow
def test_a_damaged_file_of_tokens_is_made_again(kept):
    workdir, _, config = kept
    path = workdir / "inputs.safetensors"
    before = path.read_bytes()
    path.write_bytes(before[: len(before) // 2])
    model, params = load_solution(workdir, "original")
    keep_inputs(
        workdir, open_data(config.data, model.image_shape), model, model.split(params)[1], 500
    )
    assert path.read_bytes() == before


@pytest.mark.slow
def test_tokens_of_another_tokenizer_are_not_taken(kept, tmp_path):
    """As a run finds them that was given other weights before any stage had begun."""
    workdir, _, config = kept
    shutil.copy(workdir / "inputs.safetensors", tmp_path)
    model, params = load_solution(workdir, "original")
    codes = params["tokenizer"]["quantize"]
    codes["embedding"] = codes["embedding"][::-1]
    data = open_data(config.data, model.image_shape)
    again = keep_inputs(tmp_path, data, model, model.split(params)[1], 400)
    tokens = again.source("forget", "train").gather(np.arange(400))["inputs"]
    before = load_file(workdir / "inputs.safetensors")["forget"]
    assert (tokens == 15 - before).mean() > 0.99


def test_tokens_of_changing_pictures_cannot_be_kept(config, tiny_config, tmp_path):
    config = config.copy_and_resolve_references()
    config.data.update(cache_tokens=True, augment="affine")
    with pytest.raises(ValueError, match=r"fixed pictures alone, .*give --config\.data\.augment"):
        settings.validate(config)
    other = tiny_config.copy_and_resolve_references()
    other.data.cache_tokens = True
    with pytest.raises(ValueError, match=r"cache_tokens must be False for .*, got mae"):
        experiment.run(other, tmp_path / "run")


def test_a_tokenizer_is_trained_or_named(config):
    config = config.copy_and_resolve_references()
    config.tokenizer.update(steps=0, weights="")
    with pytest.raises(ValueError, match=r"config\.tokenizer\.steps must be at least 1, got 0"):
        settings.validate(config)
