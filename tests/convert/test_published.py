"""What holds for every kind of published weights, without PyTorch: there and back, refusals."""

import json
import os
import pickle
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from cu_jax.convert.__main__ import _parser, main
from cu_jax.convert.kinds import KINDS

DOCS = Path(__file__).parents[2] / "docs"


def test_a_file_in_and_out_is_the_same_file(cases, published, tmp_path, capsys):
    folder = published.imported(tmp_path)
    out = tmp_path / "out.safetensors"
    assert main(published.exporting(folder, out)) == 0
    assert "Note" not in capsys.readouterr().err
    back = safetensors.numpy.load_file(out)
    arrays = published.arrays
    assert {key: back[key].dtype for key in arrays} == {key: x.dtype for key, x in arrays.items()}
    cases.check_equal({key: back[key] for key in sorted(back)}, dict(sorted(arrays.items())))


def test_names_of_parallel_wrappers_are_stripped(published, tmp_path):
    (tmp_path / "wrapped").mkdir()
    wrapped = {f"module.{key}": array for key, array in published.arrays.items()}
    one, two = (
        published.imported(tmp_path),
        published.imported(tmp_path / "wrapped", arrays=wrapped),
    )
    name = "solutions/original/params.safetensors"
    assert (one / name).read_bytes() == (two / name).read_bytes()


WRONG = {
    "a missing key": (
        lambda p: {key: array for key, array in p.arrays.items() if key != p.vector},
        "lacks {vector}",
    ),
    "one key too many": (
        lambda p: p.arrays | {"z.weight": np.zeros(3, np.float32)},
        "has the unexpected z.weight",
    ),
    "a far block": (lambda p: p.arrays | {p.far: np.zeros(3, np.float32)}, "{far}"),
    "a wrong shape": (
        lambda p: p.arrays | {p.vector: np.zeros(3, np.float32)},
        "differs in {vector} ([3] instead of [",
    ),
    "halves": (
        lambda p: p.arrays | {p.vector: p.arrays[p.vector].astype(np.float16)},
        "holds {vector} (F16)",
    ),
    "integers": (
        lambda p: p.arrays | {p.vector: p.arrays[p.vector].astype(np.int64)},
        "holds {vector} (I64)",
    ),
    "another model": (
        lambda p: {"features.0.weight": np.zeros(3, np.float32)},
        "with the published names",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_whole_published_model_is_refused(published, tmp_path, capsys, wrong):
    change, sentence = WRONG[wrong]
    source = published.written(tmp_path, change(published))
    assert main(published.importing(source, tmp_path / "in")) == 2
    error = capsys.readouterr().err
    assert sentence.format(vector=published.vector, far=published.far) in error
    assert str(source) in error and error.count("\n") == 2
    assert os.listdir(tmp_path) == [source.name]  # nothing was written


def test_another_kind_is_told(cases, seeded, published, tmp_path, capsys):
    source = published.written(tmp_path)
    leaving = {name for name, kind in KINDS.items() if kind.send is not None}
    for kind in leaving - {published.kind}:
        assert main(["import", kind, str(source), str(tmp_path / "in")]) == 2
        error = capsys.readouterr().err
        assert f"the kind that is imported, {kind}" in error
        assert f"is of the kind {published.kind}: name that kind" in error

        folder = tmp_path / kind
        folder.mkdir()
        other = cases.of(kind, seeded)
        out = tmp_path / "out.safetensors"
        assert main(published.exporting(other.imported(folder), out)) == 2
        assert f"got '{kind}' in format 1: export it as the kind" in capsys.readouterr().err


def test_nothing_is_written_over(published, tmp_path, capsys):
    folder = published.imported(tmp_path)
    command = published.importing(published.written(tmp_path), folder)
    assert main(command) == 2
    assert "holds an import: give another, or --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    (folder / "config.json").write_text("{}")
    assert main([*command, "--force"]) == 2
    assert "holds other files" in capsys.readouterr().err

    out = tmp_path / "out.safetensors"
    out.write_text("mine")
    command = published.exporting(folder, out)
    assert main(command) == 2
    assert "exists: give another DST, or --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main([*command, "--force"]) == 0
    inside = folder / "solutions" / "original" / "params.safetensors"
    before = inside.read_bytes()
    assert main(published.exporting(folder, inside, "--force")) == 2
    assert "must lie outside" in capsys.readouterr().err and inside.read_bytes() == before


def test_an_import_of_another_kind_leaves_nothing_of_the_first(mae_case, mage_case, tmp_path):
    folder = mae_case.imported(tmp_path)
    assert main(mage_case.importing(mage_case.written(tmp_path), folder, "--force")) == 0
    names = {"params.safetensors", "model.json", "unused.safetensors"}
    assert {path.name for path in folder.glob("solutions/original/*")} == names


def test_the_solution_must_be_there(published, tmp_path, capsys):
    folder = published.imported(tmp_path)
    shutil.move(folder / "solutions" / "original", folder / "solutions" / "control_0.25")
    assert main(published.exporting(folder, tmp_path / "out.safetensors")) == 2
    assert "there are control_0.25" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", '{"format": 1, "model": {}}', '{"format": 9}'])
def test_a_damaged_model_json_is_refused(published, tmp_path, capsys, content):
    folder = published.imported(tmp_path)
    (folder / "solutions" / "original" / "model.json").write_text(content)
    assert main(published.exporting(folder, tmp_path / "out.safetensors")) == 2
    assert "it cannot be read" in capsys.readouterr().err


def test_sizes_missing_in_model_json_are_refused(published, tmp_path, capsys):
    folder = published.imported(tmp_path)
    path = folder / "solutions" / "original" / "model.json"
    data = json.loads(path.read_text())
    for key in ("encoder_depth", "res_blocks"):
        data["model"].pop(key, None)
    path.write_text(json.dumps(data))
    assert main(published.exporting(folder, tmp_path / "out.safetensors")) == 2
    assert "copy the solution again" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_truncated_file_is_refused(published, tmp_path, capsys, kept):
    source = published.written(tmp_path)
    source.write_bytes(source.read_bytes()[:kept])
    assert main(published.importing(source, tmp_path / "in")) == 2
    assert "must be a whole safetensors file" in capsys.readouterr().err
    assert not (tmp_path / "in").exists()


def test_a_folder_that_cannot_be_made_is_said(published, tmp_path, capsys):
    (tmp_path / "file").touch()
    command = published.importing(published.written(tmp_path), tmp_path / "file" / "in")
    assert main(command) == 2
    assert "DIR must be a folder that can be written to" in capsys.readouterr().err


class Writes:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("ending", ["pth", "pt", "ckpt", "safetensors"])
def test_a_pickle_is_never_run(published, tmp_path, capsys, ending):
    source, written = tmp_path / f"weights.{ending}", tmp_path / "written"
    source.write_bytes(pickle.dumps({"model": Writes(written)}, protocol=2))
    assert main(published.importing(source, tmp_path / "in")) == 2
    # Without PyTorch the sentence is that it is missing.
    assert str(source) in capsys.readouterr().err
    assert os.listdir(tmp_path) == [source.name]


@pytest.mark.parametrize("name", ["no_such.safetensors", "no_such.ckpt", "weights.npz"])
def test_no_file_and_no_kind_of_file(published, tmp_path, capsys, name):
    assert main(published.importing(tmp_path / name, tmp_path / "in")) == 2
    assert "must" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".pth", ".ckpt"])
def test_without_pytorch_its_files_are_refused_in_words(
    published, tmp_path, capsys, monkeypatch, ending
):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    path = published.written(tmp_path).rename(tmp_path / f"weights{ending}")
    assert main(published.importing(path, tmp_path / "in")) == 2
    assert 'pip install "cu-jax[convert]", or give a .safetensors' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "give --heads=ENCODER,DECODER"),
        (["--heads=5,2"], "5 heads and width 48"),
        (["--heads=4,0"], "got 0 heads and width"),
    ],
)
def test_heads_must_be_told_and_fit(mae_case, mage_case, tmp_path, capsys, options, sentence):
    for case in (mae_case, mage_case):
        source = case.written(tmp_path)
        assert main(["import", case.kind, str(source), str(tmp_path / "in"), *options]) == 2
        assert sentence in capsys.readouterr().err


def test_the_commands_of_weights_md_are_commands():
    text = (DOCS / "weights.md").read_text("utf-8")
    commands = re.findall(r"^    python -m cu_jax\.convert (.*)$", text, re.MULTILINE)
    kinds = set()
    for command in commands:
        args = _parser().parse_args(shlex.split(command))
        assert not args.force
        kinds.add(args.kind)
    assert kinds == set(KINDS)
