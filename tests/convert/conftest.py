"""Seeded weights in the published layout, shared by the tests of this folder."""

import pytest

# They hold no tests, and import PyTorch, which the search for examples in docstrings would need.
collect_ignore = ["make_golden.py", "oracle.py"]


@pytest.fixture(scope="session")
def seeded(load_module):
    return load_module("convert/seeded")


@pytest.fixture(scope="session")
def oracle(load_module):
    """Transformers' model; without PyTorch and transformers this is an error, not a skip."""
    return load_module("convert/oracle")


@pytest.fixture(scope="session")
def case(seeded):
    """The small model, its pictures and masks."""
    return seeded.make(seeded.SMALL)
