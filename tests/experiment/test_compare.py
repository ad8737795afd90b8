"""The comparison: equal budgets, what a search cost, resumption, audits, refusals."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from cu_jax import comparison as compared
from cu_jax.locking import claimed_group
from cu_jax.methods import BASELINES
from cu_jax.results import read_audits, read_comparison, read_results


@pytest.fixture(scope="module")
def config(tiny_config):
    changed = tiny_config.copy_and_resolve_references()
    changed.comparison.update(controls=(0.25, 0.5), search=(0.25,), share=1.0)
    changed.baselines.alphas.composite = (0.1, 1.0)
    changed.search.update(most=2, tolerance=1e-9)
    changed.audit.pictures = 20
    changed.audit.relearning.update(updates=2, every=1, batch_size=4, pictures=10)
    return changed


@pytest.fixture(scope="module")
def comparison(tmp_path_factory, config):
    """``(workdir, record)`` of a comparison of two methods and retraining, one seed."""
    workdir = tmp_path_factory.mktemp("compare") / "run"
    return workdir, compared.compare(config, workdir, ["composite", "retrain"], 1)


@pytest.mark.slow
def test_every_method_gets_as_many_runs_and_updates(comparison):
    workdir, record = comparison
    assert record.methods == ("controllable", "composite", "retrain")
    assert record.seeds == (0,) and record.runs_per_method == 2
    solutions = read_results(workdir / "seed_0").solutions
    ours = [s for s in solutions if s.method == "controllable"]
    theirs = [s for s in solutions if s.method == "composite"]
    assert [s.name for s in ours if s.epsilon] == ["control_0.5", "control_0.25"]
    assert len(theirs) == 2 and {s.steps for s in theirs} == {record.updates_per_run}
    assert record.updates_per_run == math.ceil(sum(s.steps for s in ours) / 2) == 21


@pytest.mark.slow
def test_a_search_counts_boundaries_and_path_of_ours_and_every_try_of_theirs(comparison):
    workdir, record = comparison
    ours, theirs = record.searches
    solutions = {s.name: s for s in read_results(workdir / "seed_0").solutions}
    chain = [solutions[n] for n in ("complete", "utility", "control_0.5", "control_0.25")]
    assert ours.updates == sum(s.steps for s in chain) == 12 + 12 + 10 + 8
    assert ours.seconds == pytest.approx(sum(s.seconds for s in chain))
    assert ours.epsilon == theirs.epsilon == solutions["control_0.25"].epsilon
    tried = [solutions[f"search_{probe.value:.15g}"] for probe in theirs.probes]
    assert [p.forget_loss for p in theirs.probes] == [s.forget_loss for s in tried]
    # Each try is as long as the way to the middle control, of two the upper one.
    assert theirs.updates == 2 * 10 and not theirs.reached


@pytest.mark.slow
def test_the_first_seed_is_audited_beside_the_retrained_model(comparison):
    workdir, _ = comparison
    audits = read_audits(workdir / "seed_0" / "audits.json")
    names = {audit.name for audit in audits.audits}
    assert {"original", "retrain", "complete", "control_0.25", "control_0.5"} < names
    assert len(names & {"composite_0.1", "composite_1"}) == 1
    assert audits["retrain"].distance_forget == 0 and audits["complete"].distance_forget > 0


@pytest.mark.slow
def test_again_it_trains_nothing(comparison, config, capsys):
    workdir, record = comparison
    capsys.readouterr()
    assert compared.compare(config, workdir, ["composite", "retrain"], 1) == record
    assert "steps/s" not in capsys.readouterr().err
    assert read_comparison(workdir) == record
    for name in ("comparison.html", "comparison.csv", "comparison.tex", "figures/fronts.png"):
        assert (workdir / name).stat().st_size > 100


def test_settings_of_a_seed(config):
    config = config.copy_and_resolve_references()
    config.comparison.share = 0.5
    config.boundary.epochs = 4.0
    made = compared.seed_config(config, ["controllable", "composite", "max_loss", "retrain"], 1)
    assert made.seed == 1 and made.controls == (0.25, 0.5) and made.baselines.equal_budget
    # Retraining is for the first seed alone, the composite loss no baseline by name.
    assert made.baselines.methods == ("max_loss",) and made.search.controls == (0.25,)
    assert (made.boundary.steps, made.pareto.steps, made.pareto.first_steps) == (6, 4, 5)
    assert made.boundary.epochs == 2.0 and config.boundary.epochs == 4.0
    assert made.pareto.optimizer.warmup_steps == 25 == made.boundary.optimizer.warmup_steps
    assert made.pareto.beta == 2 * config.pareto.beta
    assert made.baselines.dual_rate == 2 * config.baselines.dual_rate
    first = compared.seed_config(config, ["controllable", "retrain"], 0)
    assert first.baselines.methods == ("retrain",) and first.search.controls == ()
    assert first.composite_alphas == ()


def test_all_leaves_out_what_the_config_does_not_allow(config):
    config = config.copy_and_resolve_references()
    for name in config.baselines.alphas:
        config.baselines.alphas[name] = (0.1, 1.0)
    assert compared.checked_methods(config, ["all"]) == ("controllable", *BASELINES)
    config.pretrain.steps, config.data.proxy = 0, ("",)
    assert "retrain" in compared.checked_methods(config, ["all"])
    config.baselines.retrain_weights = ""
    left = compared.checked_methods(config, ["all"])
    assert set(compared.EVERY) - set(left) == {"retrain", "composite_proxy"}
    with pytest.raises(ValueError, match="--methods must be all, or some of .*, got ours"):
        compared.checked_methods(config, ["ours"])
    config.baselines.alphas.max_loss = (1.0,)
    with pytest.raises(ValueError, match="baselines.alphas.max_loss has 1 weights: give 2"):
        compared.checked_methods(config, ["max_loss"])
    with pytest.raises(ValueError, match="--seeds must be at least 1, got 0"):
        compared.compare(config, Path("unused"), ["composite"], 0)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with (
        pytest.raises(ValueError, match="holds other files"),
        claimed_group(tmp_path, "comparison.json"),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_a_killed_comparison_left_half_written_is_removed(tmp_path):
    (tmp_path / ".comparison.json.999999999.tmp").write_text("{")
    with claimed_group(tmp_path, "comparison.json"):
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_the_command_refuses_in_a_sentence(tmp_path):
    command = [sys.executable, "-m", "cu_jax.compare", "--config=configs/mae_mnist.py"]
    command += [f"--workdir={tmp_path / 'new'}", "--methods=composite,oracle"]
    root = compared.__file__.rsplit("/cu_jax/", 1)[0]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2 and "got oracle: correct it." in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "new").exists()


def test_the_way_to_a_control_is_the_path_between(config):
    config = config.copy_and_resolve_references()
    config.controls = (0.0, 0.25, 0.5, 0.75, 1.0)
    assert compared._way(config, 0.0) == [0.0, 0.25, 0.5]
    assert compared._way(config, 0.75) == [0.5, 0.75]
    assert compared._way(config, 0.5) == [0.5]
