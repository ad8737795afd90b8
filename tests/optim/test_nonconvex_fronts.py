"""Fronts that bend the wrong way: every bound reaches its point, a weighted sum only the ends."""

import runpy
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "nonconvex_fronts.py"
benchmark = runpy.run_path(str(SCRIPT))
PROBLEMS, values = benchmark["PROBLEMS"], benchmark["values"]


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_bound_reaches_its_point_of_the_front(name):
    problem = PROBLEMS[name]
    reached = values(problem, benchmark["by_epsilon"](problem))
    np.testing.assert_allclose(reached, problem.front(problem.parameters), atol=1e-3)
    assert len(reached) == 11


def test_a_weighted_sum_reaches_the_two_ends_only():
    problem = PROBLEMS["Fonseca-Fleming"]
    points = np.asarray(benchmark["by_weights"](problem))
    t = points.mean(axis=1) * np.sqrt(points.shape[1])
    np.testing.assert_allclose(
        points, (t / np.sqrt(points.shape[1]))[:, None] * np.ones(3), atol=1e-3
    )
    assert np.abs(t).min() >= 0.957  # with two equal weights |t| = 0.9575
    assert (t > 0).any() and (t < 0).any()

    problem = PROBLEMS["ZDT2"]
    ends = values(problem, benchmark["by_weights"](problem))
    distances = np.abs(ends[:, None] - np.array([[0.0, 1.0], [1.0, 0.0]])).max(axis=2)
    assert distances.min(axis=1).max() <= 1e-3
    assert (distances.argmin(axis=1) == 0).any() and (distances.argmin(axis=1) == 1).any()
