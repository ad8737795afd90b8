"""A small made-up run for the tests of figures."""

import json

import numpy as np
import pytest

from cu_jax.results import Boundaries, Results, Solution, write_results

_BOUNDS = Boundaries(epsilon_min=0.64, epsilon_max=1.123, epsilon_original=1.678)


def _solution(name, retain_loss, forget_loss, control=None, method="controllable"):
    epsilon = None if control is None else 0.64 + control * (1.123 - 0.64)
    return Solution(
        name=name,
        method=method,
        control=control,
        epsilon=epsilon,
        violation=None if epsilon is None else forget_loss - epsilon,
        retain_loss=retain_loss,
        forget_loss=forget_loss,
        metrics={"retain/psnr": 9.0, "forget/psnr": 5.5, "forget/class_consistency": 0.55},
    )


def _results():
    return Results(
        name="mae_mnist",
        config_hash="3f9a",
        boundaries=_BOUNDS,
        solutions=(
            _solution("original", 0.0, 1.678, method="original"),
            _solution("complete", 0.73, 0.64),
            _solution("utility", 0.024, 1.123),
            _solution("control_0.75", 0.026, 1.02, 0.75),
            _solution("control_0.25", 0.054, 0.792, 0.25),
            _solution("composite_0.1", 0.022, 0.96, method="composite"),
            _solution("composite_0.03", 0.004, 1.36, method="composite"),
        ),
    )


def _arrays(seed=0, size=8, count=6, channels=1):
    rng = np.random.default_rng(seed)
    arrays = {}
    for kind, first in (("retain", 0), ("forget", 5)):
        original = rng.integers(1, 256, (count, size, size, channels), np.uint8)
        corrupted = original.copy()
        corrupted[:, 2:6, 2:6] = 0
        restored = original.copy()
        restored[:, 2:6, 2:6] = 128
        labels = (first + np.arange(count) % 3).astype(np.int32)
        arrays |= {
            f"{kind}_original": original,
            f"{kind}_corrupted": corrupted,
            f"{kind}_restored": restored,
            f"{kind}_label": labels,
        }
    return arrays


@pytest.fixture
def make_solution():
    return _solution


@pytest.fixture
def make_arrays():
    return _arrays


@pytest.fixture
def results():
    return _results()


@pytest.fixture
def workdir(tmp_path):
    results = _results()
    write_results(tmp_path / "results.json", results)
    lines = [
        {"stage": s.name, "step": step, "retain_loss": 0.1 * step, "forget_loss": 1.7 - 0.1 * step}
        | ({} if s.epsilon is None else {"epsilon": s.epsilon, "violation": 0.1, "cosine": None})
        for s in results.solutions[1:]
        for step in range(5)
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for index, solution in enumerate(results.solutions):
        folder = tmp_path / "solutions" / solution.name
        folder.mkdir(parents=True)
        np.savez(folder / "pictures.npz", **_arrays(index))
    return tmp_path


@pytest.fixture(scope="session")
def page_reader(load_module):
    return load_module("report/page_reader")


@pytest.fixture(scope="session")
def parse_page(page_reader):
    return page_reader.Page


@pytest.fixture(scope="session")
def page_of(page_reader):
    """Makes the page of a workdir and reads it."""
    return page_reader.page_of


@pytest.fixture(scope="session")
def cells_of(page_reader):
    """The cells of a page's table."""
    return page_reader.cells_of


@pytest.fixture(scope="session")
def made_up(load_module):
    """The module with made-up comparisons, ``comparison_runs.py``."""
    return load_module("report/comparison_runs")
