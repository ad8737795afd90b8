"""The same numbers on one device, on eight, with the model split, and in two processes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("layouts.py")
ROOT = Path(__file__).parents[2]
LAYOUTS = {  # Processes, devices of each, and how many of all split the model.
    "one": (1, 1, 1),
    "eight": (1, 8, 1),
    "four by two": (1, 8, 2),
    "two processes": (2, 4, 1),
    "two processes, split over both": (2, 4, 8),
}
SCALARS = ("retain_loss", "forget_loss", "multiplier")


def run(model, layout, workdir, *steps):
    """What the first process printed."""
    count, devices, fsdp = LAYOUTS[layout]
    workdir.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    common = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
        "CU_JAX_PROCESSES": str(count),
        "CU_JAX_COORDINATOR": f"localhost:{port}",
    }
    command = [sys.executable, str(PROGRAM), model, str(fsdp), str(workdir), *map(str, steps)]
    running = [
        subprocess.Popen(
            command,
            env=common | {"CU_JAX_PROCESS": str(number)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    said = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * count, said
    assert all("trained" not in out for out, _ in said[1:])  # the first one talks
    return json.loads(said[0][0].splitlines()[-1])


def numbers(workdir):
    """Each step's scalars, in order, and the parameters after the last."""
    lines = map(json.loads, (workdir / "metrics.jsonl").read_text().splitlines())
    scalars = np.array([[line[name] for name in SCALARS] for line in lines])
    return scalars, np.load(workdir / "params.npz"), np.load(workdir / "begun.npz")


def distance(one, other):
    """The norm of a difference of trees, relative to that of the first."""
    names = one.files
    difference = sum(((one[name] - other[name]) ** 2).sum() for name in names)
    return np.sqrt(difference / sum((one[name] ** 2).sum() for name in names))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mae", "vqgan", "palette"])
def test_every_layout_gives_the_same_numbers(model, tmp_path, capsys):
    found = {layout: run(model, layout, tmp_path / layout) for layout in LAYOUTS}
    scalars, params, begun = numbers(tmp_path / "one")
    assert len(scalars) == 20 and np.all(scalars[:, 2] > 0)
    assert distance(params, begun) > 1e-3  # or equal numbers would say nothing
    with capsys.disabled():
        print(f"\n{model}: {found['one']['trained']} arrays and numbers trained")
        for layout, said in found.items():
            others, its, _ = numbers(tmp_path / layout)
            off = np.max(np.abs(others / scalars - 1), axis=0)
            print(
                f"  {layout:<31}"
                + "  ".join(f"{name} {value:.1e}" for name, value in zip(SCALARS, off, strict=True))
                + f"  parameters {distance(params, its):.1e}  {said['collectives']}"
            )
            assert np.all(off <= 1e-5)
            assert distance(params, its) <= 1e-4
    assert found["one"]["collectives"] == {}
    for layout in ("eight", "two processes"):  # the gradients are summed, and nothing is gathered
        assert found[layout]["split"] == [0, 0]
        assert set(found[layout]["collectives"]) == {"all-reduce"}
        _, summed = found[layout]["collectives"]["all-reduce"]
        assert summed <= 2.2 * found[layout]["trained"][1]
    for layout in ("four by two", "two processes, split over both"):
        said = found[layout]
        assert said["split"][1] > 0.5 * said["trained"][1]
        # Each split array for student and teacher, once for each set at most; no features.
        _, gathered = said["collectives"]["all-gather"]
        assert gathered <= 4 * said["split"][1] + 64


@pytest.mark.slow
def test_a_checkpoint_of_any_layout_resumes_on_any_other(tmp_path):
    run("mae", "one", tmp_path / "one")
    order = ["two processes", "four by two", "two processes, split over both", "eight", "one"]
    for layout, steps in zip(order, (4, 8, 12, 16, 20), strict=True):
        run("mae", layout, tmp_path / "moved", steps)
    scalars, params, _ = numbers(tmp_path / "one")
    others, its, _ = numbers(tmp_path / "moved")
    np.testing.assert_allclose(others, scalars, rtol=1e-5)
    assert distance(params, its) <= 1e-4
