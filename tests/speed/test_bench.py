"""python -m cu_jax.bench: what it measures adds up, and what it reckons is what a run does."""

import dataclasses
import importlib
import json
import math
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from cu_jax.data import open_data
from cu_jax.speed import bench, bench_text, programs
from cu_jax.speed import timing as speed_timing
from cu_jax.speed.bench import PARTS, Bench
from cu_jax.speed.peaks import DTYPES, measured_peak, sheet_peak
from cu_jax.speed.plan import planned_updates
from cu_jax.startup import start_jax

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "experiment" / "tiny.py"
A_BENCH = Bench(
    name="mae_imagenet", device="NVIDIA A40", devices=2, dtype="bfloat16", batch_size=32,
    parameters=329_000_000, trained=303_000_000, compile_seconds=40.0, step_seconds=0.1,
    part_seconds=dict(teacher=0.02, gradients=0.06, direction=0.005, optimizer=0.015),
    composite_seconds=0.1, flops=8e12, peak_flops=3e14, peak_source="data sheet", memory=2.0**34,
    data_pictures=None, updates=10_000, loss_passes=9, loss_seconds=None,
)  # fmt: skip


def config():
    return runpy.run_path(str(TINY))["get_config"]()


def test_utilization_and_the_whole_run():
    assert A_BENCH.pictures == 640 and A_BENCH.run_seconds == 1000
    assert A_BENCH.utilization == pytest.approx(8e12 / 0.1 / 3e14)
    # Pictures that come at half the pace decide; the losses on all of them come on top.
    slow = dataclasses.replace(A_BENCH, data_pictures=320.0, loss_seconds=20.0)
    assert slow.run_seconds == 10_000 * 0.2 + 9 * 20
    fast = dataclasses.replace(A_BENCH, data_pictures=6400.0, loss_seconds=20.0)
    assert fast.run_seconds == 10_000 * 0.1 + 9 * 20


def test_the_table_says_what_was_measured_and_what_was_not():
    text = bench_text(A_BENCH)
    assert "2 x NVIDIA A40, bfloat16, 32 + 32 pictures" in text
    for words in ("640 pictures/s", "27% of 300,000 (data sheet)", "16.00 GiB", "1.00 times"):
        assert words in text, words
    assert "not measured" in text and "without evaluation, for 10,000 pictures" in text
    read = dataclasses.replace(A_BENCH, data_pictures=6400.0, loss_seconds=20.0)
    assert "6,400 pictures/s, beside the update" in bench_text(read)
    assert "both losses on all pictures 9 times" in bench_text(read)
    assert dataclasses.replace(A_BENCH, memory=math.nan).to_json()["memory"] is None


def test_cards_are_known_by_their_names():
    names = ("NVIDIA A100-SXM4-80GB", "NVIDIA A10", "NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe")
    found = [[sheet_peak(name, dtype) for dtype in DTYPES] for name in names]
    assert found[0] == [156e12, 312e12] and found[1] == [62.5e12, 125e12]
    assert found[2][1] > found[3][1] > 7e14
    assert sheet_peak("cpu", "float32") is None
    assert sheet_peak("NVIDIA GeForce RTX 4090 Laptop GPU", "float32") is None
    assert measured_peak("float32", rounds=1) > 1e8


def test_updates_are_counted_as_a_run_makes_them():
    settings = config()
    # Boundaries 2 x 12, the first control 10, two more 8 each, two composite losses 10 each.
    assert planned_updates(settings, None) == (24 + 10 + 16 + 20, 3 + 3 + 2)
    settings.baselines.methods = ("retrain", "primal_dual", "max_loss")
    settings.baselines.alphas.max_loss = (0.1, 0.3)
    assert planned_updates(settings, None) == (70 + 5 * 10, 8 + 5)
    # One control alone: no composite losses, but primal_dual visits all controls.
    settings.control = 0.3
    assert planned_updates(settings, None) == (24 + 10 + 5 * 10, 4 + 5)
    settings.baselines.steps = 7
    assert planned_updates(settings, None) == (24 + 10 + 5 * 7, 4 + 5)
    settings.baselines.update(steps=0, equal_budget=True)
    assert planned_updates(settings, None) == (24 + 10 + 5 * 34, 4 + 5)
    settings = config()
    settings.update(epsilon=0.4, composite_alphas=())
    settings.boundary.update(steps=0, epochs=2.0)
    assert planned_updates(settings, None) == (2 * 2500 + 10, 4)  # 8 of 10,000 at a time


def test_others_take_as_many_updates_as_the_middle_control_took():
    settings = config()
    settings.pareto.update(first_control=0.0, start="complete")
    # complete 12, control_0 10 more, control_0.5 8 more: 30 each.
    assert planned_updates(settings, None).updates == 24 + 10 + 16 + 2 * 30


@pytest.mark.slow
def test_the_parts_of_a_narrow_models_update_add_up(tmp_path):
    start_jax()
    settings = config()
    settings.data.data_dir = str(tmp_path)
    data = open_data(settings.data, (28, 28, 1))
    found = bench(settings, data, updates=3)
    assert tuple(found.part_seconds) == PARTS
    assert sum(found.part_seconds.values()) == pytest.approx(found.step_seconds)
    # 17 tokens of width 16: four products with the width, an MLP of four times, and attention; a
    # 16-pixel patch each. Teacher and student for both sets, and twice the student's again.
    tokens, width = 17, 16
    block = 2 * tokens * (4 * width**2 + 8 * width**2) + 2 * 2 * tokens**2 * width
    patches = 2 * 16 * 16 * width
    # The patches are data, which need no gradient.
    assert found.flops == 8 * (2 * 4 * (block + patches) - 2 * patches)
    layers = (272, 3 * 272, 272, 16 * 64 + 64, 64 * 16 + 16)
    assert found.trained == sum(layers) + 7 * 16  # the class token and three norms
    assert found.data_pictures > 1000 and found.loss_seconds > 0 and found.memory > 1e5
    assert json.loads(json.dumps(found.to_json()))["utilization"] == found.utilization
    assert 0 < found.utilization < 1


@pytest.mark.slow
def test_on_an_accelerator_programs_come_one_after_the_other(monkeypatch):
    module = importlib.import_module("cu_jax.speed.bench")
    groups = []

    def timed(calls, rounds, queued):
        groups.append(list(calls))
        return speed_timing.timed(calls, rounds, queued)

    monkeypatch.setattr(module, "timed", timed)
    monkeypatch.setattr(module.jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(module.peaks, "sheet_peak", lambda kind, dtype: 1e13)
    found = bench(config(), None, updates=1)
    assert groups == [["step"], ["teacher"], ["gradients"], ["descent"], ["composite"]]
    assert found.peak_flops == 1e13 * found.devices and found.peak_source == "data sheet"
    assert found.data_pictures is None and found.loss_seconds is None
    assert found.run_seconds == 70 * found.step_seconds
    assert "not measured" in bench_text(found)


@pytest.mark.slow
def test_where_a_run_keeps_tokens_its_update_reads_them(tmp_path):
    settings = runpy.run_path(str(ROOT / "configs" / "vqgan_mnist.py"))["get_config"]()
    settings.model.update(encoder_width=16, encoder_depth=1, encoder_heads=2, noise_pool=2)
    settings.model.update(decoder_width=16, decoder_depth=1, decoder_heads=2)
    settings.batch_size = 2
    assert settings.data.cache_tokens
    kept = programs.set_up(settings)
    assert all(set(batch) == {"inputs", "label"} for batch in kept.batches)
    settings.data.cache_tokens = False
    pictures = programs.set_up(settings)
    assert all(set(batch) == {"image", "label"} for batch in pictures.batches)
    assert programs.targets(kept).flops < 0.5 * programs.targets(pictures).flops


@pytest.mark.slow
def test_the_command_writes_its_numbers(tmp_path):
    command = [sys.executable, "-m", "cu_jax.bench", f"--config={TINY}", "--updates=1"]
    command.append(f"--config.data.data_dir={tmp_path}")
    missing = subprocess.run(
        [*command, f"--json={tmp_path}/no/bench.json"], cwd=ROOT, capture_output=True, text=True
    )
    assert missing.returncode == 2
    assert f"--json must be a file in a folder that is there, and {tmp_path}/no" in missing.stderr
    folder = subprocess.run(
        [*command, f"--workdir={tmp_path}"], cwd=ROOT, capture_output=True, text=True
    )
    assert folder.returncode == 2 and "--workdir must not be given" in folder.stderr
    made = subprocess.run(
        [*command, f"--json={tmp_path}/bench.json"], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["name"] == "mae_mnist" and written["updates"] == 70
    assert "8 + 8 pictures an update" in made.stdout and "70 updates" in made.stdout


@pytest.mark.slow
def test_the_command_on_two_devices_without_pictures(tmp_path):
    config = ["--config.data.name=cu_imagenet", f"--config.data.data_dir={tmp_path}"]
    config += ["--config.mesh.fsdp=2", "--config.boundary.steps=3", "--config.pareto.steps=3"]
    command = [sys.executable, "-m", "cu_jax.bench", f"--config={TINY}", "--updates=1", *config]
    flags = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=flags)
    assert made.returncode == 0, made.stderr
    assert "2 x cpu, float32, 8 + 8 pictures an update" in made.stdout
    assert "not measured" in made.stdout
