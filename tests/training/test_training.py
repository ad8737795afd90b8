"""The loop: resuming is exact, stages differ by name, and what the devices cannot share is said."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax import checkpoint, sharding, train_state, training
from cu_jax.logs import MetricLog

STEPS = 6


@pytest.fixture(scope="module")
def data(load_module):
    return load_module("training/linear").pictures()


@pytest.fixture(scope="module")
def method(load_module):
    return load_module("training/linear").linear_method()


def run(workdir, data, method, steps, name="stage", every=0):
    workdir.mkdir(exist_ok=True)
    mesh = sharding.make_mesh()
    with MetricLog(workdir) as log:
        runner = training.Runner(workdir, data, mesh, log, seed=0, log_every_steps=2)
        runner = training.dataclasses.replace(runner, checkpoint_every_steps=every)
        state = method.init({"w": jnp.ones(16)})
        stage = training.Stage(name, training.compile_step(method, mesh), lambda: state, steps, 4)
        params, _ = training.run_stage(runner, stage)
    return np.asarray(params["w"])


def losses(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [(line["step"], line["loss"]) for line in map(json.loads, lines)]


def test_half_restore_half_is_the_whole_bit_for_bit(tmp_path, data, method):
    whole = run(tmp_path / "whole", data, method, STEPS)
    run(tmp_path / "halves", data, method, STEPS // 2)
    halves = run(tmp_path / "halves", data, method, STEPS)
    np.testing.assert_array_equal(whole, halves)
    assert losses(tmp_path / "whole") == losses(tmp_path / "halves")


def test_a_checkpoint_on_the_way_continues_bit_for_bit(tmp_path, data, method):
    whole = run(tmp_path / "run", data, method, STEPS, every=2)
    stage = tmp_path / "run" / "stages" / "stage"
    assert sorted(p.name for p in stage.iterdir() if p.name.isdigit()) == ["4", str(STEPS)]
    logged = losses(tmp_path / "run")
    shutil.rmtree(stage / str(STEPS))  # as if killed after step 4; the log is ahead of it
    np.testing.assert_array_equal(whole, run(tmp_path / "run", data, method, STEPS))
    assert losses(tmp_path / "run") == logged


def damage(path, how):
    """Flips a bit of the largest file, cuts it in half, or removes it."""
    largest = max((p for p in path.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(largest.read_bytes())
    if how == "gone":
        largest.unlink()
    elif how == "cut":
        largest.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 4
        largest.write_bytes(content)


@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_the_newest_whole_checkpoint_is_used(tmp_path, data, method, how, capsys):
    whole = run(tmp_path / "run", data, method, STEPS, every=2)
    stage = tmp_path / "run" / "stages" / "stage"
    damage(stage / str(STEPS), how)
    np.testing.assert_array_equal(whole, run(tmp_path / "run", data, method, STEPS))
    told = capsys.readouterr().err
    assert f"{stage / str(STEPS)} is damaged and now called {STEPS}.damaged" in told
    assert (stage / f"{STEPS}.damaged").is_dir()
    for step in stage.glob("?"):
        damage(step, how)
    np.testing.assert_array_equal(whole, run(tmp_path / "run", data, method, STEPS))
    assert len(losses(tmp_path / "run")) == STEPS


def test_a_disk_that_cannot_be_read_is_no_damage(tmp_path, data, method, monkeypatch):
    run(tmp_path / "run", data, method, STEPS)

    def fails(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(checkpoint.StageCheckpoints, "_restored", fails)
    with pytest.raises(OSError, match="Input/output error"):
        run(tmp_path / "run", data, method, STEPS)
    assert (tmp_path / "run" / "stages" / "stage" / str(STEPS)).is_dir()


def test_arrays_that_are_not_those_saved_are_damage_too(tmp_path, capsys):
    """Whatever Orbax makes of a changed byte: the digest is of the arrays themselves."""
    state = train_state.create({"w": jnp.arange(5.0)}, optax.adam(0.1))
    with checkpoint.StageCheckpoints(tmp_path) as checkpoints:
        checkpoints.save(state, 1, {})
        checkpoints.wait()
        (metadata,) = (tmp_path / "1" / "data").glob("metadata*")
        changed = json.loads(metadata.read_text())
        changed["digest"] += 1
        metadata.write_text(json.dumps(changed))
        assert checkpoints.restore_newest(state) is None
    assert "its arrays are not those that were saved" in capsys.readouterr().err


def test_a_finished_stage_is_read_not_run_again(tmp_path, data, method):
    first = run(tmp_path / "run", data, method, STEPS)
    np.testing.assert_array_equal(first, run(tmp_path / "run", data, method, STEPS))
    assert len(losses(tmp_path / "run")) == STEPS


def test_stages_draw_their_own_randomness(tmp_path, data, method):
    one, other = (run(tmp_path / name, data, method, 2, name) for name in ("one", "other"))
    assert np.abs(one - other).max() > 1e-3


def test_parameters_that_are_not_finite_stop_the_run(tmp_path, data, method):
    broken = method._replace(
        init=lambda p: train_state.create({"w": p["w"] * jnp.nan}, optax.adam(0.1))
    )
    with pytest.raises(FloatingPointError, match="Stage stage ended with parameters"):
        run(tmp_path / "run", data, broken, 1)


def test_constants_are_not_saved(tmp_path):
    tx = optax.adam(0.1)
    state = train_state.create(
        {"w": jnp.ones(3)}, tx, {"teacher": jnp.full(3, 7.0)}, {"epsilon": 1.0}
    )
    later = state.replace(step=state.step + 5, params={"w": jnp.full(3, 2.0)})
    with checkpoint.StageCheckpoints(tmp_path) as checkpoints:
        checkpoints.save(later, 5, {})
    other = train_state.create({"w": jnp.zeros(3)}, tx, {"teacher": jnp.zeros(3)}, {"epsilon": 2.0})
    with checkpoint.StageCheckpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore_newest(other).state
    np.testing.assert_array_equal(restored.params["w"], 2)
    np.testing.assert_array_equal(restored.frozen["teacher"], 0)
    assert int(restored.step) == 5 and float(restored.knobs["epsilon"]) == 2
