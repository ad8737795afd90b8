"""Baselines and the search for α in a run: added to one that is there, resumable, refused early."""

import json
import shutil

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from cu_jax import config as settings
from cu_jax import experiment
from cu_jax.bisection import bisect, search
from cu_jax.data import MemorySource, open_data, with_proxy
from cu_jax.models import MODELS
from cu_jax.pretraining import check_retraining, read_retrained
from cu_jax.results import Boundaries
from cu_jax.solutions import load_solution
from cu_jax.stages import baseline_names


@pytest.fixture(scope="module")
def config(tiny_config):
    changed = tiny_config.copy_and_resolve_references()
    changed.baselines.methods = ("composite_proxy", "primal_dual", "retrain")
    changed.baselines.alphas.composite_proxy = (0.1,)
    changed.search.update(controls=(0.5,), most=2, tolerance=1e-9)
    changed.baselines.retrain_weights = ""
    return changed


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_run, config):
    """``(workdir, results)``: the tiny run with baselines added."""
    workdir = tmp_path_factory.mktemp("baselines") / "run"
    shutil.copytree(tiny_run[0], workdir)
    return workdir, experiment.run(config, workdir)


ADDED = ["composite_proxy_0.1", "primal_dual_0", "primal_dual_0.5", "primal_dual_1", "retrain"]


@pytest.mark.slow
def test_they_are_added_to_what_is_there(run, tiny_run):
    before = [solution.name for solution in tiny_run[1].solutions]
    names = [solution.name for solution in run[1].solutions]
    assert names[:-2] == before + ADDED
    # The middle of the bracket, then the middle of one of its halves.
    assert names[-2] == "search_0.316228"
    assert names[-1] in ("search_0.0562341", "search_1.77828")
    for name in before:
        assert run[1][name].to_json() == tiny_run[1][name].to_json()


@pytest.mark.slow
def test_each_says_what_it_is(run):
    _, results = run
    assert results["composite_proxy_0.1"].method == "composite_proxy"
    for control in (0.0, 0.5, 1.0):
        asked, ours = results[f"primal_dual_{control:g}"], results[f"control_{control:g}"]
        assert asked.method == "primal_dual" and asked.epsilon == ours.epsilon
        assert asked.violation == pytest.approx(asked.forget_loss - asked.epsilon)
    steps = {results[name].steps for name in ADDED[:4]}
    assert steps == {results["control_0.5"].steps_from_original}


@pytest.mark.slow
def test_the_proxy_sees_other_pictures_than_the_composite_loss(run):
    _, results = run
    proxy, real = results["composite_proxy_0.1"], results["composite_0.1"]
    assert proxy.retain_loss != real.retain_loss and proxy.retain_loss > 0


@pytest.mark.slow
def test_retraining_starts_as_the_original_did_and_sees_the_retain_set_alone(run):
    workdir, results = run
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    first = {
        name: next(line["loss"] for line in lines if line["stage"] == name and line["step"] == 0)
        for name in ("pretrain", "retrain")
    }
    # The same parameters and size of loss, on other pictures.
    assert first["retrain"] != first["pretrain"]
    assert first["retrain"] == pytest.approx(first["pretrain"], rel=0.1)
    assert results["retrain"].steps == 30 and results["retrain"].forget_loss > 0
    assert (workdir / "solutions" / "retrain" / "params.safetensors").is_file()


@pytest.mark.slow
def test_again_it_trains_nothing(run, config, capsys):
    workdir, results = run
    capsys.readouterr()
    assert experiment.run(config, workdir).to_json() == results.to_json()
    assert "steps/s" not in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_there_stays_when_it_is_not_asked_for(run, tiny_config, capsys):
    workdir, results = run
    capsys.readouterr()
    config = tiny_config.copy_and_resolve_references()
    config.baselines.retrain_weights = ""
    names = [s.name for s in experiment.run(config, workdir).solutions]
    assert "steps/s" not in capsys.readouterr().err
    assert names == [s.name for s in results.solutions if not s.name.startswith("search")]


@pytest.mark.slow
def test_other_published_sign_or_proxy_is_refused_for_what_is_there(run, config):
    workdir, _ = run
    changed = config.copy_and_resolve_references()
    changed.data.proxy = ("2",)
    with pytest.raises(ValueError, match=r"config.data.proxy was \['0', '1'\] and is \['2'\]"):
        experiment.run(changed, workdir)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"baselines.methods": ("maxloss",)}, "config.baselines.methods must be one of"),
        ({"baselines.alphas.max_loss": ()}, "config.baselines.alphas.max_loss must have at least"),
        ({"baselines.alphas.max_loss": (-1.0,)}, "alphas.max_loss must be greater than 0"),
        ({"baselines.steps": -1}, "config.baselines.steps must be at least 0"),
        ({"search.bracket": (1.0, 0.5)}, "config.search must have a rising bracket"),
        ({"search.controls": (2.0,)}, "Controls must lie in"),
        ({"data.proxy": ("",)}, "The method composite_proxy must be told"),
        ({"data.proxy": ("9",)}, "data.proxy must name classes"),
        ({"pretrain.steps": 0, "pretrain.from_scratch": False}, "The method retrain must know how"),
        ({"baselines.dual_rate": 0.0}, "rate must be finite and greater than 0"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_made(config, tmp_path, changes, sentence):
    changed = config.copy_and_resolve_references()
    changed.baselines.methods = (*changed.baselines.methods, "max_loss")
    for key, value in changes.items():
        changed.update_from_flattened_dict({key: value})
    with pytest.raises(ValueError, match=sentence):
        experiment.run(changed, tmp_path / "new")
    assert not (tmp_path / "new" / "stages").exists()


def test_proxies_replace_training_pictures_alone(tiny_config):
    data = open_data(tiny_config.data, (28, 28, 1))
    changed = with_proxy(data, tiny_config.data)
    assert np.unique(changed.source("retain", "train").label).tolist() == [0, 1]
    assert len(changed.source("retain", "train")) == 800
    for key in ("retain/validation", "forget/train", "forget/validation"):
        assert changed.sources[key] is data.sources[key]


def test_proxies_from_a_folder(tiny_config, tmp_path):
    data = open_data(tiny_config.data, (28, 28, 1))
    assert isinstance(data.source("retain", "train"), MemorySource)
    for index in range(3):
        Image.fromarray(np.full((30, 40), 60 * index, np.uint8)).save(tmp_path / f"{index}.png")
    section = tiny_config.data.copy_and_resolve_references()
    section.proxy_folder, section.data_dir = str(tmp_path), str(tmp_path / "data")
    proxy = with_proxy(data, section).source("retain", "train")
    assert len(proxy) == 3
    assert proxy.gather(np.array([2]))["image"].max() == 120


def test_bisection_finds_what_is_there_and_gives_up_when_told_to():
    tried = []

    def forget_loss(alpha):
        tried.append(alpha)
        return 1 / (1 + alpha)

    tries, found = bisect(forget_loss, 0.4, 0.01, (0.01, 10.0), 10)
    assert [alpha for alpha, _ in tries] == tried and tried[0] == pytest.approx(0.316228)
    near = [abs(value - 0.4) <= 0.01 for _, value in tries]
    assert found and near == [False] * (len(tries) - 1) + [True]
    tries, found = bisect(forget_loss, 0.95, 1e-9, (0.01, 10.0), 4)
    assert len(tries) == 4 and not found


def test_a_search_for_several_controls_tries_nothing_twice():
    tried = []

    def forget_loss(alpha):
        tried.append(alpha)
        return 1 / (1 + alpha)

    settings = ConfigDict(dict(controls=(0.5, 0.25, 0.75, 0.5), bracket=(0.01, 10.0), most=10))
    settings.tolerance = 0.02
    boundaries = Boundaries(epsilon_min=0.1, epsilon_max=0.9, epsilon_original=0.95)
    found = search(settings, boundaries, forget_loss)
    assert [one.control for one in found] == list(settings.controls)
    assert all(one.reached for one in found) and found[3].tries == []
    assert tried == [alpha for one in found for alpha, _ in one.tries]
    assert len(set(tried)) == len(tried)
    first = dict(found[0].tries)
    # Control 0.25 wants a larger weight than any tried that gives more than it wants.
    target = boundaries.at(0.25)
    low = max(alpha for alpha, value in first.items() if value > target)
    assert all(alpha > low for alpha, _ in found[1].tries)


def test_the_defaults_ask_for_no_baseline():
    assert baseline_names(settings.default_config()) == []


@pytest.mark.slow
def test_a_retrained_model_that_is_there_is_read(run, config, tmp_path):
    workdir, _ = run
    shutil.copytree(workdir / "solutions" / "retrain", tmp_path / "solutions" / "original")
    changed = config.copy_and_resolve_references()
    changed.baselines.retrain_weights = str(tmp_path)
    changed.pretrain.update(from_scratch=False, steps=0)
    model = MODELS["mae"](changed.model)
    check_retraining(changed, model)
    _, expected = load_solution(workdir, "retrain")
    found = read_retrained(changed, model)
    assert jax.tree.all(jax.tree.map(np.array_equal, found, expected))
    changed.baselines.retrain_weights = ""
    with pytest.raises(ValueError, match="The method retrain must know how the original was made"):
        check_retraining(changed, model)
