"""The example without pictures: it runs, and keeps its bound exactly and at a price."""

import math
import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "fairness.py"


def test_the_disparity_is_what_was_asked_for():
    pytest.importorskip("sklearn")
    train = runpy.run_path(str(EXAMPLE))["train"]
    free_loss, free_disparity, multiplier = train(1.0)
    assert multiplier == 0 and free_disparity > 0.3
    loss, disparity, multiplier = train(0.1)
    assert multiplier > 0
    assert disparity == pytest.approx(0.1, abs=1e-3)
    assert free_loss < loss < 0.5 * math.log(2)  # log 2: a model that says nothing


def test_the_example_is_short():
    code = [line for line in EXAMPLE.read_text().splitlines() if line.strip()]
    assert len(code) <= 40
