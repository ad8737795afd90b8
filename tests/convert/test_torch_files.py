"""PyTorch's files of every kind of published weights: containers, hostile and damaged ones.

Needs PyTorch; without it these tests are errors. Leave them out with -m 'not torch'.
"""

import argparse
import os
import zipfile

import numpy as np
import pytest

from cu_jax.convert.__main__ import main

pytestmark = pytest.mark.torch
PARAMS = "solutions/original/params.safetensors"


@pytest.fixture(scope="module")
def torch():
    import torch

    return torch


@pytest.fixture
def tensors(torch, published):
    return {key: torch.from_numpy(np.array(value)) for key, value in published.arrays.items()}


def training_checkpoint(torch, model):
    """What the published training programs save beside the model."""
    weight = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.AdamW([{"params": [weight], "weight_decay": 0.05}], lr=1e-4)
    weight.grad = torch.ones(3, 2)
    optimizer.step()
    args = argparse.Namespace(norm_pix_loss=False, blr=1e-4, output_dir="./out", distributed=True)
    scaler = torch.amp.GradScaler("cpu").state_dict()
    state = optimizer.state_dict()
    return {"model": model, "optimizer": state, "epoch": 5, "scaler": scaler, "args": args}


CONTAINERS = {
    "bare": lambda torch, t: t,
    "model": lambda torch, t: {"model": t},
    "state_dict": lambda torch, t: {"state_dict": t, "global_step": 3},
    "parallel": lambda torch, t: {"model": {f"module.{key}": x for key, x in t.items()}},
    "training": training_checkpoint,
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_and_both_formats(torch, tensors, published, tmp_path, container, zipped):
    expected = published.imported(tmp_path) / PARAMS
    source = tmp_path / f"{published.file}.ckpt"
    content = CONTAINERS[container](torch, tensors)
    torch.save(content, source, _use_new_zipfile_serialization=zipped)
    assert main(published.importing(source, tmp_path / "two")) == 0
    # The header names the file.
    kept = expected.read_bytes().replace(b".safetensors", b".ckpt")
    found = (tmp_path / "two" / PARAMS).read_bytes()
    assert kept[-1000:] == found[-1000:] and abs(len(kept) - len(found)) <= 8


@pytest.mark.parametrize("ending", ["pth", "pt", "ckpt"])
def test_an_export_holds_every_bit_of_the_published_tensors(
    torch, tensors, cases, published, tmp_path, ending
):
    torch.save({"model": tensors}, tmp_path / "weights.pth")
    assert main(published.importing(tmp_path / "weights.pth", tmp_path / "in")) == 0
    out = tmp_path / f"out.{ending}"
    assert main(published.exporting(tmp_path / "in", out)) == 0
    content = torch.load(out, weights_only=True)
    # As published: the files of tokenizer and diffusion model hold the tensors alone.
    bare = published.kind in ("vqgan", "palette")
    state = content if bare else content["model"]
    assert bare or list(content) == ["model"]
    assert all(tensor.is_contiguous() for tensor in state.values())
    cases.check_equal({key: tensor.numpy() for key, tensor in state.items()}, published.arrays)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t, key: t | {key: t[key].half()}, "holds {key} (float16)"),
        (lambda t, key: t | {key: t[key].bfloat16()}, "holds {key} (bfloat16)"),
        (lambda t, key: t | {key: t[key].to_sparse()}, "{key} is none"),
        (lambda t, key: t | {key: 3}, "{key} is none"),
        # Four bytes that would become four terabytes.
        (lambda t, key: t | {key: t[key].new_zeros(1).expand(2**40)}, "{key} is none"),
        (lambda t, key: [1, 2], "holds a list"),
        (lambda t, key: {}, "holds a dict"),
        (lambda t, key: t | {key: t[key].to("meta")}, "{key} is none"),
    ],
)
def test_other_contents_are_refused(torch, tensors, published, tmp_path, capsys, change, sentence):
    key = published.vector
    torch.save(change(tensors, key), tmp_path / "weights.pth")
    assert main(published.importing(tmp_path / "weights.pth", tmp_path / "in")) == 2
    error = capsys.readouterr().err
    assert sentence.format(key=key) in error and error.count("\n") == 2
    assert os.listdir(tmp_path) == ["weights.pth"]


def test_a_packed_file_is_refused_before_it_is_unpacked(
    torch, tensors, published, tmp_path, capsys
):
    torch.save(tensors, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "weights.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    assert main(published.importing(tmp_path / "weights.pth", tmp_path / "in")) == 2
    assert "is packed" in capsys.readouterr().err
    assert not (tmp_path / "in").exists()


class Writes:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["model", "beside", "among", "state_dict"])
def test_code_in_a_file_is_never_run(torch, tensors, published, tmp_path, capsys, zipped, place):
    written, source = tmp_path / "written", tmp_path / "weights.ckpt"
    bad = Writes(written)
    content = {
        "model": {"model": bad},
        "beside": {"model": tensors, "optimizer": bad},
        "among": {"model": tensors | {published.vector: bad}},
        "state_dict": {"state_dict": tensors | {published.vector: bad}},
    }[place]
    torch.save(content, source, _use_new_zipfile_serialization=zipped)
    assert main(published.importing(source, tmp_path / "in")) == 2
    error = capsys.readouterr().err
    assert "nothing but tensors and plain values" in error and "call io.open" in error
    assert error.count("\n") == 2
    assert os.listdir(tmp_path) == ["weights.ckpt"]
    # The file would have done it.
    torch.load(source, weights_only=False)
    assert written.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(torch, tensors, published, tmp_path, capsys, zipped, share):
    source = tmp_path / "weights.pth"
    torch.save({"model": tensors}, source, _use_new_zipfile_serialization=zipped)
    whole = source.read_bytes()
    source.write_bytes(whole[: int(len(whole) * share)])
    assert main(published.importing(source, tmp_path / "in")) == 2
    assert "must be a whole PyTorch file" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["weights.pth"]


def test_a_damaged_byte_is_refused(torch, tensors, published, tmp_path, capsys):
    source = tmp_path / "weights.pth"
    torch.save({"model": tensors}, source)
    with zipfile.ZipFile(source) as archive:
        largest = max(archive.infolist(), key=lambda one: one.file_size)
    content = bytearray(source.read_bytes())
    content[largest.header_offset + largest.file_size // 2] ^= 1
    source.write_bytes(content)
    assert main(published.importing(source, tmp_path / "in")) == 2
    assert "checksums say that it is damaged" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["weights.pth"]
