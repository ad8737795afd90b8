"""Published masked autoencoders with PyTorch: parity, and the way back.

Needs PyTorch and transformers; without them these tests are errors. Leave them out with
-m 'not torch'.
"""

import argparse

import jax
import numpy as np
import pytest

from cu_jax import load_solution
from cu_jax.convert.__main__ import main
from cu_jax.convert.mae_layout import layout
from cu_jax.corruptions import PatchCorruption
from cu_jax.positions import sincos_table

pytestmark = pytest.mark.torch
TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def torch():
    import torch

    return torch


@pytest.fixture
def tensors(torch, mae_case):
    return {key: torch.from_numpy(np.array(value)) for key, value in mae_case.arrays.items()}


def import_command(source, folder, heads):
    command = ["import", "mae", str(source), str(folder)]
    return command if heads == (12, 16) else [*command, f"--heads={heads[0]},{heads[1]}"]


def outputs(folder, solution, case):
    """Features and patches of a solution under the mask that the noise means."""
    model, params = load_solution(folder, solution)
    order = np.argsort(case.noise, axis=1).astype(np.int32)
    restore = np.argsort(order, axis=1).astype(np.int32)
    corruption = PatchCorruption(
        jax.numpy.asarray(order[:, : model.kept]),
        jax.numpy.asarray(restore),
        jax.numpy.asarray((restore >= model.kept).astype(np.float32)),
    )
    features = jax.jit(model.encode)(params["encoder"], case.images, corruption)
    (patches,) = jax.jit(model.decode)(params, features, corruption)
    return np.asarray(features[0]), np.asarray(patches)


@pytest.mark.parametrize("name", ["small", "ViT-B/16"])
def test_parity_and_the_way_back(torch, seeded, oracle, tmp_path, capsys, name):
    sizes, heads = seeded.MODELS[name]
    case = seeded.make(sizes)
    transformers = oracle("mae")
    reference = transformers.build(sizes, heads)
    reference.load_state_dict(transformers.renamed(case.arrays), strict=True)
    expected = transformers.outputs(reference, case.images, case.noise)

    source = tmp_path / "mae_visualize_vit_base.pth"
    torch.save({"model": {k: torch.from_numpy(v) for k, v in case.arrays.items()}}, source)
    folder = tmp_path / "in"
    assert main(import_command(source, folder, heads)) == 0
    assert "Note" not in capsys.readouterr().err
    ours = outputs(folder, "original", case)
    differences = [float(np.abs(a - b).max()) for a, b in zip(ours, expected, strict=True)]
    with capsys.disabled():
        print(f"\n{name}: largest difference {differences[0]:.2g} (features, up to "
              f"{np.abs(expected[0]).max():.2g}), {differences[1]:.2g} (patches, up to "
              f"{np.abs(expected[1]).max():.2g})")  # fmt: skip
    assert max(differences) <= TOLERANCE

    exported = tmp_path / "unlearned.pth"
    assert main(["export", "mae", str(folder), "--solution=original", str(exported)]) == 0
    back = torch.load(exported, weights_only=True)
    assert list(back) == ["model"] and list(back["model"]) == list(layout(sizes))
    for key, tensor in back["model"].items():
        assert tensor.dtype == torch.float32 and tensor.is_contiguous()
        np.testing.assert_array_equal(tensor.numpy(), case.arrays[key], err_msg=key)
    arrays = {key: tensor.numpy() for key, tensor in back["model"].items()}
    again = transformers.build(sizes, heads)
    again.load_state_dict(transformers.renamed(arrays), strict=True)
    for a, b in zip(transformers.outputs(again, case.images, case.noise), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_export_loads_strictly_in_a_plain_module(torch, seeded, tensors, tmp_path):
    nn, sizes = torch.nn, seeded.SMALL

    def block(width):
        module = nn.Module()
        module.norm1, module.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        module.attn, module.mlp = nn.Module(), nn.Module()
        module.attn.qkv, module.attn.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        module.mlp.fc1, module.mlp.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        return module

    wide, narrow, patch = sizes.encoder_width, sizes.decoder_width, sizes.patch_size
    plain = nn.Module()
    plain.cls_token = nn.Parameter(torch.zeros(1, 1, wide))
    plain.mask_token = nn.Parameter(torch.zeros(1, 1, narrow))
    plain.pos_embed = nn.Parameter(torch.zeros(1, 17, wide), requires_grad=False)
    plain.decoder_pos_embed = nn.Parameter(torch.zeros(1, 17, narrow), requires_grad=False)
    plain.patch_embed = nn.Module()
    plain.patch_embed.proj = nn.Conv2d(3, wide, patch, patch)
    plain.blocks = nn.ModuleList(block(wide) for _ in range(sizes.encoder_depth))
    plain.decoder_blocks = nn.ModuleList(block(narrow) for _ in range(sizes.decoder_depth))
    plain.norm, plain.decoder_norm = nn.LayerNorm(wide), nn.LayerNorm(narrow)
    plain.decoder_embed = nn.Linear(wide, narrow)
    plain.decoder_pred = nn.Linear(narrow, patch**2 * 3)

    torch.save({"model": tensors}, tmp_path / "mae.pth")
    assert main(import_command(tmp_path / "mae.pth", tmp_path / "in", (4, 2))) == 0
    out = tmp_path / "out.pth"
    assert main(["export", "mae", str(tmp_path / "in"), "--solution=original", str(out)]) == 0
    loaded = torch.load(out, weights_only=True)["model"]
    assert not any(plain.load_state_dict(loaded, strict=True))
    assert torch.equal(plain.blocks[2].mlp.fc1.weight, tensors["blocks.2.mlp.fc1.weight"])


@pytest.mark.parametrize(("width", "grid"), [(768, 14), (1024, 14), (1280, 16), (512, 14), (48, 4)])
def test_positions_are_those_of_transformers(oracle, width, grid):
    """Bit for bit, so that an export without its import has them too."""
    expected = oracle("mae").positions(width, grid)
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(sincos_table(width, grid), expected)


def test_a_training_checkpoint_tells_what_it_predicts(torch, tensors, tmp_path, capsys):
    command = import_command(tmp_path / "mine.pth", tmp_path / "in", (4, 2))
    for norm_pix in (True, False):
        args = argparse.Namespace(norm_pix_loss=norm_pix, lr=1e-3)
        torch.save({"model": tensors, "epoch": 3, "args": args}, tmp_path / "mine.pth")
        assert main(command) == (2 if norm_pix else 0)
        error = capsys.readouterr().err
        assert ("trained to predict patches normalized" in error) == norm_pix
        assert "Note" not in error
