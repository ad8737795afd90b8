"""Published MAGE models with PyTorch: parity with a plain module, and the way back.

Needs PyTorch; without it these tests are errors. Leave them out with -m 'not torch'.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax import load_solution
from cu_jax.convert import save_weights
from cu_jax.convert.__main__ import main
from cu_jax.token_corruptions import TokenCorruption

pytestmark = pytest.mark.torch
TOLERANCE = 2e-5


def outputs(folder, case):
    """Features and logits of an imported model."""
    model, params = load_solution(folder)
    keep = np.array([np.flatnonzero(~row) for row in case.dropped], np.int32)
    restore = np.maximum(np.cumsum(~case.dropped, axis=1) - 1, 0).astype(np.int32)
    corruption = TokenCorruption(*map(jnp.asarray, (keep, restore, case.masked)))
    features = jax.jit(model.encode)(params["encoder"], jnp.asarray(case.tokens), corruption)
    (logits,) = jax.jit(model.decode)(params, features, corruption)
    return np.asarray(features[0]), np.asarray(logits)


def importing(mage_case, name, source, folder, *options):
    command = mage_case.importing(source, folder, *options)
    return command if name == "small" else [x for x in command if not x.startswith("--heads")]


@pytest.mark.parametrize("name", ["small", pytest.param("ViT-B", marks=pytest.mark.slow)])
def test_parity_and_the_way_back(seeded, oracle, cases, mage_case, tmp_path, capsys, name):
    import torch

    sizes, heads = seeded.MAGES[name]
    case = seeded.make_mage(sizes, batch=2 if name == "small" else 1)
    reference = oracle("mage").build(sizes, heads, case.arrays)
    inputs = case.tokens, case.masked, case.dropped
    expected = oracle("mage").outputs(reference, *inputs)

    source, folder = tmp_path / "mage-vitb-1600.pth", tmp_path / "in"
    torch.save({"model": {k: torch.from_numpy(v) for k, v in case.arrays.items()}}, source)
    assert main(importing(mage_case, name, source, folder)) == 0
    ours = outputs(folder, case)
    differences = [float(np.abs(a - b).max()) for a, b in zip(ours, expected, strict=True)]
    with capsys.disabled():
        print(f"\n{name} MAGE: largest difference {differences[0]:.2g} (features, up to "
              f"{np.abs(expected[0]).max():.2g}), {differences[1]:.2g} (logits, up to "
              f"{np.abs(expected[1]).max():.2g})")  # fmt: skip
    assert max(differences) <= TOLERANCE

    exported = tmp_path / "unlearned.pth"
    assert main(mage_case.exporting(folder, exported)) == 0
    back = torch.load(exported, weights_only=True)
    assert list(back) == ["model"]
    arrays = {key: tensor.numpy() for key, tensor in back["model"].items()}
    cases.check_equal(arrays, case.arrays)
    again = oracle("mage").build(sizes, heads, arrays)
    for a, b in zip(oracle("mage").outputs(again, *inputs), expected, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def moved(seeded, mage_case, tmp_path):
    """Imports with and without a tied head, whose encoder's word embeddings moved alike."""
    folders = []
    for name, options in (("untied", ()), ("tied", ("--tie-head",))):
        (tmp_path / name).mkdir()
        folder = mage_case.imported(tmp_path / name, *options)
        _, params = load_solution(folder)
        words = np.array(params["encoder"]["token_emb"]["word_embeddings"])
        words += np.random.RandomState(1).uniform(-0.1, 0.1, words.shape).astype(np.float32)
        params["encoder"]["token_emb"]["word_embeddings"] = words
        save_weights(folder / "solutions" / "original" / "params.safetensors", params)
        folders.append(folder)
    return folders


def test_a_head_tied_by_the_export_predicts_otherwise(
    seeded, oracle, mage_case, moved, tmp_path, capsys
):
    """In PyTorch as our tied model, and not as the untied one: what the export's note says."""
    import torch

    untied, tied = moved
    sizes, heads = seeded.MAGES["small"]
    out = tmp_path / "out.pth"
    assert main(mage_case.exporting(untied, out, "--tie-head")) == 0
    assert "predicts otherwise than here" in capsys.readouterr().err
    arrays = {k: v.numpy() for k, v in torch.load(out, weights_only=True)["model"].items()}
    module = oracle("mage").build(sizes, heads, arrays)
    case = mage_case.case
    features, logits = oracle("mage").outputs(module, case.tokens, case.masked, case.dropped)
    for folder, equal in ((untied, False), (tied, True)):
        ours = outputs(folder, case)
        assert np.abs(ours[0] - features).max() <= TOLERANCE
        assert (np.abs(ours[1] - logits).max() <= TOLERANCE) == equal


def test_the_tokenizer_inside_is_the_tokenizer(seeded, oracle, mage_case, tmp_path):
    sizes, heads = seeded.MAGES["small"]
    reference = oracle("mage").build(sizes, heads, mage_case.arrays).vqgan
    images = seeded.make_vqgan(sizes.tokenizer, 32).images
    model, params = load_solution(mage_case.imported(tmp_path))
    tokens = jax.jit(model.prepare)(model.split(params)[1], images, jax.random.key(0))
    expected, _, margin = oracle("vqgan").outputs(reference, images)
    assert margin > 1e-3
    np.testing.assert_array_equal(np.asarray(tokens), expected)
