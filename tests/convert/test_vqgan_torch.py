"""Published tokenizers with PyTorch: parity with a plain module, and the way back.

Needs PyTorch; without it these tests are errors. Leave them out with -m 'not torch'.
"""

import json

import jax
import numpy as np
import pytest

from cu_jax.convert import load_weights
from cu_jax.convert.__main__ import main
from cu_jax.models.vqgan import VqGan

pytestmark = pytest.mark.torch
TOLERANCE = 2e-5


def outputs(folder, images):
    """Tokens and pictures of an imported tokenizer, for pictures of any size."""
    original = folder / "solutions" / "original"
    settings = json.loads((original / "model.json").read_text())["model"]
    del settings["name"]
    settings |= {"image_size": images.shape[1], "multipliers": tuple(settings["multipliers"])}
    model = VqGan(**settings)
    template = jax.eval_shape(model.init, jax.random.key(0))
    params = jax.tree.map(
        jax.numpy.asarray, load_weights(original / "params.safetensors", template)
    )
    tokens = jax.jit(model.encode)(params, images)
    return np.asarray(tokens), np.asarray(jax.jit(model.decode)(params, tokens))


@pytest.mark.parametrize("name", ["small", pytest.param("published", marks=pytest.mark.slow)])
def test_parity_and_the_way_back(seeded, oracle, cases, vqgan_case, tmp_path, capsys, name):
    import torch

    sizes, side = seeded.VQGANS[name]
    case = seeded.make_vqgan(sizes, side, batch=2 if name == "small" else 1)
    reference = oracle("vqgan").build(sizes, case.arrays)
    tokens, pictures, margin = oracle("vqgan").outputs(reference, case.images)
    assert margin > 1e-3

    source = tmp_path / "vqgan_jax_strongaug.ckpt"
    torch.save({key: torch.from_numpy(array) for key, array in case.arrays.items()}, source)
    assert main(vqgan_case.importing(source, tmp_path / "in")) == 0
    ours = outputs(tmp_path / "in", case.images)
    np.testing.assert_array_equal(ours[0], tokens)
    difference = float(np.abs(ours[1] - pictures).max())
    theirs = oracle("vqgan").pictures(reference.float(), tokens).numpy()
    with capsys.disabled():
        print(f"\n{name} tokenizer: equal tokens, largest difference {difference:.2g} (pictures, up"
              f" to {np.abs(pictures).max():.2g}; PyTorch's own in float32 differ by "
              f"{np.abs(theirs - pictures).max():.2g})")  # fmt: skip
    assert difference <= TOLERANCE

    exported = tmp_path / "exported.ckpt"
    assert main(vqgan_case.exporting(tmp_path / "in", exported)) == 0
    back = torch.load(exported, weights_only=True)
    cases.check_equal({key: tensor.numpy() for key, tensor in back.items()}, case.arrays)
    assert not any(oracle("vqgan").VqGan(sizes).load_state_dict(back, strict=True))
