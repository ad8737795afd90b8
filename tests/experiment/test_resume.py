"""The same command again: what is there is used, what is new is added, what differs is refused."""

import fcntl
import json
import os
import shutil

import numpy as np
import pytest

from cu_jax import experiment


@pytest.fixture
def used(tiny_run, tmp_path):
    """A copy of the finished tiny run."""
    shutil.copytree(tiny_run[0], tmp_path / "run")
    return tmp_path / "run"


def changed(config, **changes):
    config = config.copy_and_resolve_references()
    config.update_from_flattened_dict(changes)
    return config


def metrics(workdir):
    return (workdir / "metrics.jsonl").read_text()


def test_the_same_command_again_changes_nothing(tiny_run, tiny_config, used, numbers):
    written = {p: p.stat().st_mtime_ns for p in used.rglob("params.safetensors")}
    results = experiment.run(tiny_config, used)
    assert numbers(results) == numbers(tiny_run[1])
    assert metrics(used) == metrics(tiny_run[0])
    assert {p: p.stat().st_mtime_ns for p in used.rglob("params.safetensors")} == written
    times = {s.name: s.seconds for s in tiny_run[1].solutions}
    assert {s.name: s.seconds for s in results.solutions} == times


@pytest.mark.slow
def test_other_controls_are_added_and_nothing_is_lost(tiny_run, tiny_config, used):
    config = changed(tiny_config, controls=(0.0, 0.25), composite_alphas=(), log_every_steps=3)
    results = experiment.run(config, used)
    old = {s.name: s for s in tiny_run[1].solutions}
    assert {s.name for s in results.solutions} == {*old, "control_0.25"}
    assert all(results[name].to_json() == solution.to_json() for name, solution in old.items())
    assert results["control_0.25"].steps_from_original == 18  # from its neighbor, control 0.5
    assert metrics(used).startswith(metrics(tiny_run[0]))


@pytest.mark.slow
def test_a_stage_that_did_not_finish_gives_the_same_numbers(tiny_run, tiny_config, used, numbers):
    """As after a kill: a checkpoint is gone, the log is ahead of it and ends in half a line."""
    for name in ("control_1", "control_0"):
        shutil.rmtree(used / "solutions" / name)
    shutil.rmtree(used / "stages" / "control_1" / "8")
    (used / "results.json").unlink()
    with (used / "metrics.jsonl").open("a") as log:
        log.write('{"stage": "control_1", "st')
    results = experiment.run(tiny_config, used)
    assert numbers(results) == numbers(tiny_run[1])
    ordered = sorted(metrics(used).splitlines())
    assert ordered == sorted(metrics(tiny_run[0]).splitlines())


@pytest.mark.slow
def test_another_evaluation_keeps_the_models(tiny_run, tiny_config, used):
    config = changed(tiny_config, **{"evaluation.holes": ("center:8",)})
    results = experiment.run(config, used)
    for solution in tiny_run[1].solutions:
        new = results[solution.name]
        assert new.forget_loss == solution.forget_loss
        assert new.metrics["forget/psnr"] != solution.metrics["forget/psnr"]
    assert metrics(used) == metrics(tiny_run[0])


@pytest.mark.slow
def test_an_evaluation_without_a_classifier(tiny_run, tiny_config, used, capsys):
    """As a run from scratch that has none: its stage is not there, and is not made."""
    for path in (used / "stages").glob("classifier*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    holes = {"evaluation.holes": ("center:12", "random:0.5")}
    results = experiment.run(changed(tiny_config, **{"classifier.weights": ""}, **holes), used)
    for solution in tiny_run[1].solutions:
        new = results[solution.name].metrics
        assert set(new) == {
            f"{name}/{key}{end}"
            for name in ("retain", "forget")
            for key in ("psnr", "ssim", "loss_hole")
            for end in ("", "_random50")
        }
        assert new["forget/psnr"] == pytest.approx(solution.metrics["forget/psnr"], rel=1e-5)
    assert not (used / "stages" / "classifier").exists()
    said = capsys.readouterr().out
    assert "Classifier:" not in said and "class points" not in said


def test_changed_settings_of_a_stage_are_refused_by_name(tiny_config, used):
    before = sorted((p, p.stat().st_mtime_ns) for p in used.rglob("*.json"))
    config = changed(tiny_config, **{"pareto.beta": 2.0, "boundary.alpha": 1.0})
    with pytest.raises(ValueError) as caught:
        experiment.run(config, used)
    told = str(caught.value)
    assert "config.pareto.beta was 5.0 and is 2.0 (control_0, control_0.5, control_1)" in told
    assert "config.boundary.alpha was 5.0 and is 1.0 (complete" in told
    assert f"remove {used} to start afresh" in told
    assert sorted((p, p.stat().st_mtime_ns) for p in used.rglob("*.json")) == before


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        ({"seed": 1}, "(classifier, complete, composite_0.1, composite_1, control_0, control_0.5"),
        ({"boundary.utility_alpha": 2.0}, "(control_0, control_0.5, control_1, utility)"),
        ({"pareto.first_steps": 11}, "(control_0.5)"),
        ({"pareto.steps": 7}, "(control_0, control_0.5, control_1)"),
        ({"classifier.steps": 13}, "(classifier)"),
        ({"model.encoder_depth": 2}, "(classifier, complete"),
    ],
)
def test_each_setting_belongs_to_its_stages(tiny_config, used, changes, stages):
    with pytest.raises(ValueError) as caught:
        experiment.run(changed(tiny_config, **changes), used)
    assert stages in str(caught.value)


def test_a_damaged_record_is_named(tiny_config, used):
    (used / "stages" / "complete.json").write_text("{}")
    with pytest.raises(ValueError, match="complete.json must be the record of a stage"):
        experiment.run(tiny_config, used)


def test_what_has_no_record_is_not_trusted(tiny_config, used):
    for name in ("complete", "utility"):
        (used / "stages" / f"{name}.json").unlink()
    shutil.rmtree(used / "stages" / "utility")
    with pytest.raises(ValueError, match="and complete, utility has none: remove the folders"):
        experiment.run(changed(tiny_config, seed=3), used)


def test_a_refused_run_changes_nothing(tiny_config, used):
    before = sorted((p, p.read_bytes()) for p in used.rglob("*.json") if p.stat().st_size < 1e5)
    config = changed(tiny_config, epsilon=9.0, **{"evaluation.pictures": 6})
    with pytest.raises(ValueError, match="config.epsilon must lie in"):
        experiment.run(config, used)
    after = sorted((p, p.read_bytes()) for p in used.rglob("*.json") if p.stat().st_size < 1e5)
    assert after == before


def test_somebody_elses_config_json_is_no_workdir(tiny_config, tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["ViT"]}')
    with pytest.raises(ValueError, match="holds other files"):
        experiment.run(tiny_config, tmp_path)
    assert (tmp_path / "config.json").read_text() == '{"architectures": ["ViT"]}'


def test_what_a_kill_in_the_first_instant_left_is_cleared(tiny_config, tmp_path):
    (tmp_path / ".lock").write_text("1")
    (tmp_path / ".config.json.999999999.tmp").write_text("{")
    with pytest.raises(ValueError, match="must have at least one class"):
        experiment.run(changed(tiny_config, **{"data.forget": ()}), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]


def test_a_second_run_in_one_workdir_is_refused(tiny_config, used):
    with (used / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match=f"one run at a time, and process {os.getpid()} is"):
            experiment.run(tiny_config, used)


def test_folders_that_are_no_workdir_are_left_alone(tiny_config, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        experiment.run(tiny_config, tmp_path)
    with pytest.raises(ValueError, match="is a file"):
        experiment.run(tiny_config, tmp_path / "thesis.tex")
    with pytest.raises(ValueError, match="must be a folder that can be written to"):
        experiment.run(tiny_config, tmp_path / "thesis.tex" / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_other_pictures_are_refused(tiny_config, used):
    manifest = json.loads((used / "manifest.json").read_text())
    manifest["hash"] = "0" * 64
    (used / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="must keep their pictures"):
        experiment.run(tiny_config, used)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(
    tiny_run, tiny_config, used, capsys, numbers
):
    """A flipped byte in the arrays of the newest checkpoint of a finished stage."""
    shutil.rmtree(used / "solutions" / "control_1")
    state = used / "stages" / "control_1" / "8" / "state" / "ocdbt.process_0"
    files = [p for p in state.rglob("*") if p.is_file()]
    largest = max(files, key=lambda p: p.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    results = experiment.run(tiny_config, used)
    assert "stages/control_1/8 is damaged" in capsys.readouterr().err
    assert numbers(results) == numbers(tiny_run[1])
    assert np.array_equal(
        (used / "solutions/control_1/params.safetensors").read_bytes(),
        (tiny_run[0] / "solutions/control_1/params.safetensors").read_bytes(),
    )
