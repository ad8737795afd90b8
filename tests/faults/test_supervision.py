"""What the parent of a process says of its child's end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cu_jax.preemption import EXIT_CODE
from cu_jax.supervision import LOST, SENTENCE

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys, time
from cu_jax.supervision import supervised

def told_to_stop():
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(1))
    print("ready", flush=True)
    while not told:
        time.sleep(0.01)
    return 75

ends = {{"aborts": os.abort, "is refused": lambda: 2, "ends": lambda: 0, "waits": told_to_stop}}
sys.exit(supervised(ends[{name!r}]))
"""


def start(name):
    environment = os.environ | {"CU_JAX_PROCESSES": "2", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(number):
    """Whether a process runs; one that ended may wait for somebody to ask for its code."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("aborts", LOST, f"{SENTENCE}\n"), ("is refused", 2, ""), ("ends", 0, "")],
)
def test_the_end_of_a_child(name, code, said):
    process = start(name)
    _, err = process.communicate()
    assert (process.returncode, err) == (code, said)


def test_a_run_that_was_told_to_stop_counts_more_than_one_that_lost_another():
    assert EXIT_CODE > LOST  # the largest of all codes is the run's


def test_a_signal_reaches_the_child():
    process = start("waits")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 75


def test_a_child_never_outlives_its_parent():
    process = start("waits")
    process.stdout.readline()
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    limit = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < limit
        time.sleep(0.05)
