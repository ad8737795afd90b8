"""Published diffusion models with PyTorch: parity with a plain module, and the way back.

Needs PyTorch; without it these tests are errors. Leave them out with -m 'not torch'.
"""

import jax
import numpy as np
import pytest

from cu_jax import load_solution
from cu_jax.convert.__main__ import main
from cu_jax.models.palette_networks import Conditioning

pytestmark = pytest.mark.torch
TOLERANCE = 2e-5


def outputs(model, params, x, gamma):
    """All maps and the predicted noise of our model."""

    def both(params, x, gamma):
        encoder = {"params": params["encoder"]}
        maps = model._encoder("float32").apply(encoder, x, gamma)
        conditioning = Conditioning(model.width, model.embed_width, np.float32)
        embedded = conditioning.apply(encoder, gamma)
        return maps, model._decoder("float32").apply({"params": params["decoder"]}, maps, embedded)

    return jax.device_get(jax.jit(both)(params, x, gamma))


@pytest.mark.parametrize("name", ["small", pytest.param("published", marks=pytest.mark.slow)])
def test_parity_and_the_way_back(seeded, oracle, cases, palette_case, tmp_path, capsys, name):
    import torch

    sizes, side = seeded.PALETTES[name]
    case = seeded.make_palette(sizes, side, batch=2 if name == "small" else 1)
    maps, noise = oracle("palette").outputs(
        oracle("palette").build(sizes, case.arrays), case.x, case.gamma
    )
    # As the ancestors' unlearning writes it.
    teacher = {
        key.replace("denoise_fn.", "teacher_denoise_fn."): array
        for key, array in case.arrays.items()
        if key.startswith("denoise_fn.")
    }
    tensors = {f"module.{k}": torch.from_numpy(a) for k, a in (case.arrays | teacher).items()}
    source = tmp_path / "16_Network.pth"
    torch.save(tensors, source)
    assert main(palette_case.importing(source, tmp_path / "in")) == 0
    assert "The teacher beside the model" in capsys.readouterr().err
    our_maps, our_noise = outputs(*load_solution(tmp_path / "in"), case.x, case.gamma)
    largest = max(np.abs(one).max() for one in [*maps, noise])
    pairs = zip([*our_maps, our_noise], [*maps, noise], strict=True)
    differences = [float(np.abs(ours - theirs).max()) for ours, theirs in pairs]
    with capsys.disabled():
        print(f"\n{name} diffusion model: largest difference {max(differences[:-1]):.2g} (maps), "
              f"{differences[-1]:.2g} (noise); values up to {largest:.2g}")  # fmt: skip
    assert max(differences) <= TOLERANCE

    exported = tmp_path / "exported.pth"
    assert main(palette_case.exporting(tmp_path / "in", exported)) == 0
    back = torch.load(exported, weights_only=True)
    cases.check_equal({key: tensor.numpy() for key, tensor in back.items()}, case.arrays)
