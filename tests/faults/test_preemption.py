"""A run that is told to stop: it saves, says so in a sentence, and the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax import preemption, sharding, training
from cu_jax.logs import MetricLog
from cu_jax.refusals import run_command
from cu_jax.results import read_results

ROOT = Path(__file__).parents[2]
STEPS = 6


@pytest.fixture(scope="module")
def data(load_module):
    return load_module("training/linear").pictures()


@pytest.fixture(scope="module")
def method(load_module):
    return load_module("training/linear").linear_method()


def run(workdir, data, method, told_at=None, number=signal.SIGTERM, **changes):
    """Runs a stage, in the midst of one of whose steps a signal comes."""
    workdir.mkdir(exist_ok=True)
    mesh = sharding.make_mesh()
    compiled = training.compile_step(method, mesh)

    def step(state, *batch):
        if int(state.step) + 1 == told_at:
            signal.raise_signal(number)
            signal.raise_signal(number)  # a second one does nothing more
        return compiled(state, *batch)

    with MetricLog(workdir) as log, preemption.listening():
        runner = training.Runner(workdir, data, mesh, log, seed=0, log_every_steps=2, **changes)
        start = {"w": jnp.ones(16)}
        stage = training.Stage("stage", step, lambda: method.init(start), STEPS, 4)
        return np.asarray(training.run_stage(runner, stage)[0]["w"])


def logged(workdir):
    return (workdir / "metrics.jsonl").read_text().splitlines()


@pytest.mark.parametrize("number", preemption.SIGNALS)
@pytest.mark.parametrize("every", [0, 3])
def test_it_saves_after_the_step_and_goes_on_bit_for_bit(tmp_path, data, method, number, every):
    whole = run(tmp_path / "whole", data, method)
    sentence = f"Stopped by {number.name} at step 3 of stage stage, saved: give the same command"
    with pytest.raises(preemption.Preempted, match=sentence):
        run(tmp_path / "run", data, method, 3, number, checkpoint_every_steps=every)
    saved = (tmp_path / "run" / "stages" / "stage").iterdir()
    assert [path.name for path in saved if path.name.isdigit()] == ["3"]
    assert len(logged(tmp_path / "run")) == 3
    np.testing.assert_array_equal(whole, run(tmp_path / "run", data, method))
    assert logged(tmp_path / "run") == logged(tmp_path / "whole")


def test_after_the_last_step_the_stage_is_whole_and_what_follows_stops(tmp_path, data, method):
    whole = run(tmp_path / "whole", data, method)
    with preemption.listening():
        np.testing.assert_array_equal(whole, run(tmp_path / "run", data, method, STEPS))
    with preemption.listening():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(preemption.Preempted, match="SIGTERM, what is finished is saved"):
            preemption.check()


def test_several_processes_stop_after_the_same_step(tmp_path, data, method, monkeypatch):
    """The other one has heard of it first; both meet before the stage and at every second step."""
    asked = []

    def meet(number):
        asked.append(number)
        return int(signal.SIGTERM) if len(asked) == 3 else number

    monkeypatch.setattr(preemption, "_meet", [meet])
    with pytest.raises(preemption.Preempted, match="at step 4 of stage stage"):
        run(tmp_path / "run", data, method)
    assert asked == [0, 0, 0]


def test_the_command_says_a_sentence_and_returns_its_code(capsys):
    def work():
        signal.raise_signal(signal.SIGTERM)
        preemption.check()

    before = [signal.getsignal(number) for number in (*preemption.SIGNALS, signal.SIGINT)]
    with preemption.listening():
        assert signal.getsignal(signal.SIGINT) is before[-1]
        assert run_command(work, debug=False) == preemption.EXIT_CODE == 75
    assert capsys.readouterr().err == (
        "Stopped by SIGTERM, what is finished is saved: give the same command again to go on.\n"
    )
    assert before == [signal.getsignal(n) for n in (*preemption.SIGNALS, signal.SIGINT)]
    assert preemption.noticed() is None


def test_other_threads_leave_signals_alone():
    found = []

    def work():
        with preemption.listening():
            found.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


class Command:
    """A small run of the digits in a process of its own."""

    def __init__(self, workdir, cache):
        """Starts it."""
        config = ROOT / "tests" / "experiment" / "tiny.py"
        command = [sys.executable, "-m", "cu_jax.main", f"--config={config}"]
        command += [f"--workdir={workdir}", "--config.boundary.steps=400"]
        command += ["--config.controls=(0.5,)", "--config.composite_alphas=()"]
        command += ["--config.classifier.weights=", "--config.checkpoint_every_steps=0"]
        self.workdir = workdir
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"XDG_CACHE_HOME": str(cache)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, stage, step):
        """Waits until a step of a stage is in the log."""
        while self.process.poll() is None:
            log = self.workdir / "metrics.jsonl"
            lines = log.read_text().splitlines(keepends=True) if log.exists() else []
            records = [json.loads(line) for line in lines if line.endswith("\n")]
            if any((one["stage"], one["step"]) == (stage, step) for one in records):
                return
            time.sleep(0.01)

    def tell(self, number):
        """Sends a signal, and returns the exit code, what was said, and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=120)
        return self.process.returncode, said.splitlines(), time.monotonic() - began

    def finish(self):
        """Waits for its end."""
        _, said = self.process.communicate()
        assert self.process.returncode == 0, said


def numbers(workdir):
    found = read_results(workdir).to_json()
    del found["stages"]
    for solution in found["solutions"]:
        del solution["seconds"]
    return found


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_ends_at_the_numbers_of_a_quiet_one(tmp_path):
    cache, quiet, disturbed = (tmp_path / name for name in ("cache", "quiet", "disturbed"))
    Command(quiet, cache).finish()
    first = Command(disturbed, cache)
    first.wait_for("complete", 20)
    code, said, seconds = first.tell(signal.SIGTERM)
    print(f"SIGTERM in a stage: exit code {code} after {seconds:.2f} s: {said[-1]}")
    assert code == preemption.EXIT_CODE and seconds < 30
    sentences = [line for line in said if line.startswith("Stopped by")]
    assert sentences == said[-1:] and "Traceback" not in "".join(said)
    step = int(said[-1].split("at step ")[1].split(" of stage complete, saved")[0])
    saved = (disturbed / "stages" / "complete").iterdir()
    assert [path.name for path in saved if path.name.isdigit()] == [str(step)]
    second = Command(disturbed, cache)
    second.wait_for("complete", 399)
    code, said, seconds = second.tell(signal.SIGUSR1)
    print(f"SIGUSR1 at its end: exit code {code} after {seconds:.2f} s: {said[-1]}")
    assert code == preemption.EXIT_CODE and seconds < 30 and "SIGUSR1" in said[-1]
    Command(disturbed, cache).finish()
    assert logged(disturbed) == logged(quiet)
    assert numbers(disturbed) == numbers(quiet)
