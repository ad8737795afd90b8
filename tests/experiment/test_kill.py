"""SIGKILL at random moments of every stage, then the same command: the numbers of a quiet run."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cu_jax.results import read_results

ROOT = Path(__file__).parents[2]
MOMENTS = 20


def start(workdir, cache):
    config = ROOT / "tests" / "experiment" / "tiny.py"
    command = [sys.executable, "-m", "cu_jax.main", f"--config={config}", f"--workdir={workdir}"]
    with (workdir.parent / "log.txt").open("a") as log:
        return subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | {"XDG_CACHE_HOME": cache}
        )


def finish(workdir, cache):
    assert start(workdir, cache).wait() == 0, (workdir.parent / "log.txt").read_text()[-3000:]


def lines(workdir):
    try:
        return (workdir / "metrics.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return []


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_at_the_same_numbers(tmp_path, numbers):
    cache, quiet, disturbed = str(tmp_path / "cache"), tmp_path / "quiet", tmp_path / "disturbed"
    finish(quiet, cache)
    expected = lines(quiet)
    rng = random.Random(0)
    # A moment: so many lines in the log, and a while after it, into checkpoints and evaluation.
    moments = sorted((rng.randrange(len(expected)), rng.uniform(0, 1)) for _ in range(MOMENTS))
    killed = []
    for count, delay in moments:
        process = start(disturbed, cache)
        while process.poll() is None and len(lines(disturbed)) < count:
            time.sleep(0.005)
        time.sleep(delay)
        process.kill()
        if process.wait() < 0:
            reached = lines(disturbed)
            killed.append(json.loads(reached[-1])["stage"] if reached[1:] else "pretrain")
    assert len(killed) >= MOMENTS - 2  # the last may have come to the end before its moment
    assert len(set(killed)) >= 7, killed
    finish(disturbed, cache)
    assert lines(disturbed) == expected
    assert numbers(read_results(disturbed)) == numbers(read_results(quiet))
    weights = sorted(p.relative_to(quiet) for p in quiet.rglob("*.safetensors"))
    assert len(weights) == 10
    for path in weights:
        assert (disturbed / path).read_bytes() == (quiet / path).read_bytes(), path
