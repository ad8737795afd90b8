"""Steps that are not finite, in the loop: they change nothing, are counted, and can stop it."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from cu_jax import sharding, training
from cu_jax.config import optimizer
from cu_jax.data import Data, Manifest
from cu_jax.data.sources import MemorySource
from cu_jax.logs import MetricLog
from cu_jax.methods import supervised
from cu_jax.refusals import refusal

STEPS = 8
CONFIG = ConfigDict(dict(clip=None, ema_decay=0.5, optimizer=optimizer(0.1, schedule="constant")))


@pytest.fixture(scope="module")
def data():
    source = MemorySource(np.full((4, 2, 2, 1), 255, np.uint8), np.zeros(4, np.int32))
    sources = {f"{name}/train": source for name in ("retain", "forget")}
    return Data(Manifest({}), ("0",), (2, 2, 1), sources)


@pytest.fixture(scope="module")
def compiled():
    """``(method, step)``: a number is brought to 1; steps in the state's ``bad`` are not finite."""

    def loss(params, batch, key):
        pictures = batch["image"].reshape(8, -1) / 255.0
        return jnp.mean((pictures @ params["w"] - 1) ** 2)

    method = supervised(CONFIG, loss)

    def step(state, retain, forget, key):
        bad = state.frozen["bad"][state.step]
        spoiled = {"image": jnp.where(bad, jnp.nan, retain["image"]), "label": retain["label"]}
        plain = forget | {"image": forget["image"].astype(jnp.float32)}
        frozen = state.frozen
        state, scalars = method.step(state.replace(frozen={}), spoiled, plain, key)
        return state.replace(frozen=frozen), scalars

    changed = method._replace(step=step)
    return changed, training.compile_step(changed, sharding.make_mesh())


def run(workdir, data, compiled, bad, steps=STEPS, limit=3, every=0):
    """``(parameters, skipped steps)`` of a stage of which some steps are not finite."""
    method, step = compiled
    workdir.mkdir(exist_ok=True)
    mask = jnp.isin(jnp.arange(STEPS), jnp.array([*bad], jnp.int32))

    def init():
        return method.init({"w": jnp.zeros(4)}, steps=float(STEPS)).replace(frozen={"bad": mask})

    with MetricLog(workdir) as log:
        runner = training.Runner(workdir, data, sharding.make_mesh(), log, seed=0)
        runner = training.dataclasses.replace(
            runner, log_every_steps=2, checkpoint_every_steps=every, max_nonfinite_steps=limit
        )
        stage = training.Stage("stage", step, init, steps, 4)
        params, _ = training.run_stage(runner, stage)
    return np.asarray(params["w"]), runner.skipped["stage"]


def records(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_skipped_steps_are_as_if_they_had_not_been(tmp_path, data, compiled, capsys):
    shorter, none = run(tmp_path / "shorter", data, compiled, [], STEPS - 3)
    assert none == 0 and "skipped" not in capsys.readouterr().err
    params, skipped = run(tmp_path / "run", data, compiled, [1, 4, 5])
    np.testing.assert_array_equal(params, shorter)  # all batches are alike
    assert skipped == 3
    logged = records(tmp_path / "run")
    assert [line["notfinite_count"] for line in logged] == [0, 1, 1, 1, 2, 3, 3, 3]
    assert [line["step"] for line in logged if line["loss"] is None] == [1, 4, 5]
    told = capsys.readouterr().err
    assert "Stage stage: 3 of 8 steps were skipped: the loss or a gradient was not finite." in told
    assert "skipped 3" in told  # in the line of progress, beside the losses


@pytest.mark.parametrize(
    ("bad", "limit", "rows"), [([1, 2, 3], 3, "1 to 3"), ([0, 2, 3, 4, 5], 4, "2 to 5")]
)
def test_too_many_in_a_row_stop_the_run(tmp_path, data, compiled, bad, limit, rows):
    sentence = f"Stage stage: the loss or a gradient was not finite in all of the steps {rows}, "
    with pytest.raises(FloatingPointError, match=sentence) as caught:
        run(tmp_path / "run", data, compiled, bad, limit=limit)
    assert "lower the learning rate" in refusal(caught.value)


def test_as_many_that_are_no_row_do_not(tmp_path, data, compiled):
    assert run(tmp_path / "run", data, compiled, [0, 1, 3, 4, 6, 7])[1] == 6


def test_a_stage_that_does_nothing_at_all_is_none(tmp_path, data, compiled):
    with pytest.raises(FloatingPointError, match="all of the steps 0 to 1"):
        run(tmp_path / "run", data, compiled, [0, 1], steps=2, limit=20)


def test_a_resumed_stage_counts_all_and_begins_a_new_row(tmp_path, data, compiled):
    assert run(tmp_path / "run", data, compiled, [2, 3], steps=4)[1] == 2
    assert run(tmp_path / "run", data, compiled, [2, 3, 4, 5])[1] == 4
    # A stage that is finished is read, and its count with it.
    assert run(tmp_path / "run", data, compiled, [])[1] == 4
    assert records(tmp_path / "run")[-1]["notfinite_count"] == 4
