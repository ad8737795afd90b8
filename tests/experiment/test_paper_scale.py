"""The paper's experiment from archives and published weights to the report."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from cu_jax import experiment
from cu_jax.command import _quoted
from cu_jax.convert.__main__ import main as convert
from cu_jax.data.prepare import main as prepare
from cu_jax.holes import parse_holes
from cu_jax.models import MODELS
from cu_jax.restore import main as restore
from cu_jax.results import read_results


@pytest.fixture(scope="module")
def paper_scale(load_module):
    return load_module("experiment/paper_scale")


def narrowed(config, case, out):
    """The settings of the script's last command."""
    config.data.update(
        data_dir=str(out / "data"), classes_per_set=2, train_per_class=2, validation_per_class=1
    )
    config.pretrain.weights = str(out / "imported")
    config.model.update_from_flattened_dict(case.settings)
    config.boundary.steps = config.pareto.steps = 3
    config.batch_size = config.evaluation.batch_size = 2
    config.controls = (0.25, 0.75)
    config.evaluation.holes = case.holes
    return config


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("mae", "mage", "palette", "mage_places", "palette_imagenet")
    ],
)
def case(request, paper_scale):
    return paper_scale.CASES[request.param]


@pytest.fixture(scope="module")
def run(paper_scale, config_of, case, tmp_path_factory):
    out = tmp_path_factory.mktemp("paper_scale")
    paper_scale.make_originals(out, case, narrow=True)
    prepared, imported, _ = paper_scale.commands(out, case, narrow=True)
    assert prepare(prepared[2:]) == 0
    assert convert(imported[2:]) == 0
    config = narrowed(config_of(case.config, *case.size), case, out)
    return out, experiment.run(config, out / "run"), config


def test_the_run_reports_every_solution_and_hole(run):
    out, results, config = run
    names = [solution.name for solution in results.solutions]
    assert sorted(names) == ["complete", "control_0.25", "control_0.75", "original", "utility"]
    manifest = json.loads(next((out / "data").rglob("manifest.json")).read_text())
    assert results.manifest_hash == manifest["hash"]
    assert json.loads((out / "run" / "manifest.json").read_text()) == manifest
    model = MODELS[config.model.name](config.model)
    holes = parse_holes(config.evaluation.holes, model.image_shape[0], model.patch_size)
    keys = ["psnr", *(f"psnr_{hole.name}" for hole in holes[1:])]
    for solution in results.solutions:
        assert np.isfinite([solution.retain_loss, solution.forget_loss]).all()
        for key in [f"{name}/{key}" for name in ("retain", "forget") for key in keys]:
            assert np.isfinite(solution.metrics[key])
        assert not any("class" in key or "fid" in key for key in solution.metrics)
    assert (out / "run" / "report.html").stat().st_size > 10_000
    assert len(list((out / "run" / "figures").glob("*.png"))) == 3


def test_it_trains_on_the_archives_pictures(run):
    """The original is the imported model, and the boundaries moved it (controls need not)."""
    out, results, _ = run
    assert results["original"].retain_loss == 0
    for name in ("complete", "utility"):
        assert results[name].retain_loss > 0


def test_it_is_found_again(run):
    out, results, config = run
    before = (out / "run" / "metrics.jsonl").read_bytes()
    again = experiment.run(config, out / "run")
    assert (out / "run" / "metrics.jsonl").read_bytes() == before
    # The order is that of the workdir's plan.
    one, two = ({s.name: s.to_json() for s in r.solutions} for r in (results, again))
    assert one == two


def test_an_unlearned_model_leaves_as_it_came(run, case):
    out, _, _ = run
    target = out / "unlearned.safetensors"
    words = ["--tie-head"] if case.kind == "mage" else []
    given = ["export", case.kind, str(out / "run"), "--solution=complete", str(target), *words]
    assert convert(given) == 0
    old, new = load_file(out / "weights.safetensors"), load_file(target)
    assert list(new) == list(old)
    changed = set()
    first = {"palette": 1}.get(case.kind, 0)  # Where a key says which part it belongs to.
    for key, array in new.items():
        assert (array.shape, array.dtype) == (old[key].shape, old[key].dtype)
        if (array != old[key]).any():
            changed.add(key.split(".")[first])
    encoder = {
        "mae": {"blocks", "norm", "cls_token", "patch_embed"},
        "mage": {"blocks", "norm", "cls_token", "patch_embed", "token_emb"},
        "palette": {"input_blocks", "middle_block", "cond_embed"},
    }[case.kind]
    assert changed & {"blocks", "middle_block"} and changed <= encoder


def test_its_solutions_restore_pictures_of_your_own(run, case, load_module, capsys):
    out, _, _ = run
    photograph = load_module("photographs").imagenet_files()[0]
    (out / "own.jpg").write_bytes(photograph)
    command = [f"--workdir={out / 'run'}", "--solution=original,complete", str(out / "own.jpg")]
    command += [f"--out={out / 'restored'}", f"--hole={case.holes[0]}"]
    in_steps = case.kind != "mae"
    assert restore(command + ["--steps=2"] * in_steps) == 0, capsys.readouterr().err
    one, other = (
        np.asarray(Image.open(out / "restored" / f"own.{name}.png")).astype(int)
        for name in ("original", "complete")
    )
    before = np.asarray(Image.open(out / "own.jpg").convert("RGB")).astype(int)
    same = (one == before).all(-1)
    assert 0.3 < same.mean() < 1 and ((other == before).all(-1) == same).mean() > 0.9
    if case.kind != "mage":  # Three small steps need not change a token.
        assert (one != other).any()
    if in_steps:
        assert restore([*command, "--steps=0", "--force"]) == 2
        assert ", got 0: change --steps.\n" in capsys.readouterr().err


def test_pictures_that_change_are_another_experiment(run):
    out, _, config = run
    copied = config.copy_and_resolve_references()
    copied.data.split_seed = 5
    with pytest.raises(ValueError, match=r"config\.data\.split_seed was 0 and is 5"):
        experiment.run(copied, out / "run")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("--config.data.forget=cat,dog", "--config.data.forget=('cat', 'dog')"),
        ("--config.data.forget=great white", "--config.data.forget=('great white',)"),
        ("--config.data.retain=3,4", "--config.data.retain=('3', '4')"),
        ("--config.data.retain=", "--config.data.retain=()"),
        (
            "-config.evaluation.holes=center:4,random:0.5",
            "-config.evaluation.holes=('center:4', 'random:0.5')",
        ),
        ("--config.data.forget=('a','b')", "--config.data.forget=('a','b')"),
        ("--config.data.folder=a,b", "--config.data.folder=a,b"),
        ("--config.data.forget", "--config.data.forget"),
    ],
)
def test_lists_of_texts_need_no_quotes(given, read):
    assert _quoted(given) == read


@pytest.mark.slow
def test_the_published_size_from_archives_to_report(tmp_path):
    """The MAE's ViT-B/16 at 224 pixels, by the commands themselves."""
    script = Path(__file__).with_name("paper_scale.py")
    # In a process of its own: the system counts this one's memory among that of its children.
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "out")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    used = re.findall(r", up to ([0-9.]+) GB$", done.stdout, re.MULTILINE)
    assert len(used) == 3 and max(map(float, used)) < 8
    results = read_results(tmp_path / "out" / "run" / "results.json")
    assert len(results.solutions) == 5
    assert (tmp_path / "out" / "run" / "report.html").exists()
