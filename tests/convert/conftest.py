"""Seeded weights in the published layout, shared by the tests of this folder."""

import importlib.util
from pathlib import Path

import pytest

# They hold no tests, and import PyTorch, which the search for examples in docstrings would need.
collect_ignore = ["make_golden.py", "oracle.py"]


def load(name):
    """A module beside this file."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def seeded():
    return load("seeded")


@pytest.fixture(scope="session")
def oracle():
    """Transformers' model; without PyTorch and transformers this is an error, not a skip."""
    return load("oracle")


@pytest.fixture(scope="session")
def case(seeded):
    """The small model, its pictures and masks."""
    return seeded.make(seeded.SMALL)
