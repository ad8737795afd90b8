"""The examples of docs/transform.md and README.md run, and end with the numbers they state."""

import functools
import re
from pathlib import Path

import numpy as np
import pytest

from cu_jax.optim import constraint_state

ROOT = Path(__file__).parents[2]
TEXTS = {n: (ROOT / n).read_text(encoding="utf-8") for n in ("docs/transform.md", "README.md")}
# With s = mean x² the losses of the line are s(w-2)² + (b-1)² and s(w+1)² + b²: the solution
# divides the way from (w, b) = (2, 1) to (-1, 0) as λ : 1, and with b = 0 it is s(w+1)² = ε.
SPREAD = np.mean(np.linspace(-1, 1, 32) ** 2)
PRICE = np.sqrt((9 * SPREAD + 1) / 0.5) - 1
LINE = {"w": (2 - PRICE) / (1 + PRICE), "b": 1 / (1 + PRICE)}
SLOPE = np.sqrt(0.5 / SPREAD) - 1
VALUES = dict(
    line=LINE, parts_line=LINE, joint_line=LINE, slope={"w": SLOPE, "b": 0.0}, point=[1.0, 2.0, 1.0]
)
VALUES |= dict(f=0.5 * PRICE**2, g=0.5, scheduled=0.5, after_phase_one=0.5, net_f=0.25, net_g=0.25)
MULTIPLIERS = dict(state=PRICE, net_state=1.0, several_state=[1.0, 0.5])
MULTIPLIERS |= dict(frozen_state=(2 - SLOPE) / (1 + SLOPE))


def blocks(name):
    return re.findall(r"^```python\n(.*?)^```$", TEXTS[name], re.MULTILINE | re.DOTALL)


@functools.cache
def transform():
    """The names that the blocks leave, run in one namespace from top to bottom."""
    exec("\n".join(blocks("docs/transform.md")), names := {"__name__": "transform"})
    return names


@pytest.mark.parametrize("name", VALUES | MULTIPLIERS)
def test_the_examples_end_at_the_exact_solution(name):
    found, expected = transform()[name], (VALUES | MULTIPLIERS)[name]
    found = constraint_state(found).multiplier if name in MULTIPLIERS else found
    assert found == pytest.approx(expected, abs=5e-4)


def test_the_comments_state_the_exact_solution():
    for number in (*LINE.values(), VALUES["f"], PRICE, SLOPE, MULTIPLIERS["frozen_state"]):
        assert re.search(rf"  # .*\b{number:.3f}\b", TEXTS["docs/transform.md"])


def test_the_state_and_the_lowest_bound_are_as_stated():
    found, names = transform()["found"], transform()
    assert [float(found.violation), float(found.cosine)] == pytest.approx([0, -1], abs=1e-3)
    assert not found.infeasible and int(names["state"].notfinite_count) == 0
    assert float(names["lowest"]) < 1e-5


def test_the_readme_ends_as_stated():
    (code,) = (b for b in blocks("README.md") if b.startswith("import cu_jax, jax"))
    exec(code, names := {})
    assert names["params"] == pytest.approx([0.6, 0.8], abs=1e-3)
    assert float(constraint_state(names["state"]).multiplier) == pytest.approx(4.0, abs=1e-2)
