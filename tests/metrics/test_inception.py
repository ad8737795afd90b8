"""The network of the Fréchet Inception distance: as torch-fidelity has it, on any pictures.

The golden outputs are torch-fidelity's (make_inception_golden.py); here nothing needs PyTorch.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from cu_jax import convert
from cu_jax.convert.__main__ import main
from cu_jax.metrics.inception import INCEPTION, init, see
from cu_jax.metrics.resizing import resize_bicubic

pytestmark = pytest.mark.slow  # The network is compiled twice.
GOLDEN = Path(__file__).parent / "golden" / "inception.npz"
TOLERANCE = 1e-4  # of the largest: float32, and another order of the sums


@pytest.fixture(scope="module")
def seeded(load_module):
    return load_module("convert/seeded")


@pytest.fixture(scope="module")
def case(seeded):
    return seeded.make_inception()


@pytest.fixture(scope="module")
def params(case, tmp_path_factory):
    """Those of an import."""
    folder = tmp_path_factory.mktemp("inception")
    source = folder / "pt_inception-2015-12-05-6726825d.safetensors"
    safetensors.numpy.save_file(case.arrays, source)
    assert main(["import", "inception", str(source), str(folder / "in")]) == 0
    made = folder / "in" / "solutions" / "original"
    assert json.loads((made / "model.json").read_text())["model"] == {"name": "inception"}
    template = jax.eval_shape(init, jax.random.key(0))
    return jax.tree.map(jnp.asarray, convert.load_weights(made / "params.safetensors", template))


@pytest.fixture(scope="module")
def program():
    return jax.jit(see)


def test_features_and_logits_are_torch_fidelitys(seeded, case, params, program):
    seen = program(params, case.images / np.float32(255))
    assert seen.features.shape == (2, INCEPTION.size) and seen.logits.shape == (2, 1008)
    with np.load(GOLDEN) as golden:
        for ours, name in ((seen.features, "features"), (seen.logits, "logits")):
            expected = golden[name]
            assert expected.std() > 1
            difference = np.abs(seeded.sample(ours) - expected).max()
            assert difference <= TOLERANCE * np.abs(expected).max(), name


def test_small_and_gray_pictures_are_resized_and_repeated(case, params, program):
    gray = case.images[:, ::11, ::11, :1] / np.float32(255)  # [2, 28, 28, 1]
    large = np.clip(np.asarray(resize_bicubic(gray, (299, 299))), 0, 1).repeat(3, axis=-1)
    ours, expected = jax.jit(see)(params, gray), program(params, large)
    np.testing.assert_allclose(ours.features, expected.features, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [2, 4])
def test_other_channels_are_refused(channels):
    with pytest.raises(ValueError, match="must have 1 or 3 channels"):
        see({}, jnp.zeros((1, 8, 8, channels)))
