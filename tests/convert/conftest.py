"""Seeded weights in the published layouts, shared by the tests of this folder."""

import pytest

# They hold no tests, and import PyTorch, which the search for examples in docstrings would need.
collect_ignore = ["make_golden.py", "torch_mae.py", "torch_mage.py", "torch_palette.py"]
collect_ignore += ["torch_vqgan.py", "torch_clip.py", "torch_efficientnet.py"]


@pytest.fixture(scope="session")
def seeded(load_module):
    return load_module("convert/seeded")


@pytest.fixture(scope="session")
def cases(load_module):
    return load_module("convert/cases")


@pytest.fixture(scope="session")
def oracle(load_module):
    """Loads a model of PyTorch; without PyTorch this is an error, not a skip."""
    return lambda kind: load_module(f"convert/torch_{kind}")


@pytest.fixture(scope="session", params=["mae", "mage", "palette", "vqgan"])
def published(request, cases, seeded):
    """The small model of each kind."""
    return cases.of(request.param, seeded)


@pytest.fixture(scope="session")
def mae_case(cases, seeded):
    return cases.of("mae", seeded)


@pytest.fixture(scope="session")
def mage_case(cases, seeded):
    return cases.of("mage", seeded)


@pytest.fixture(scope="session")
def palette_case(cases, seeded):
    return cases.of("palette", seeded)


@pytest.fixture(scope="session")
def vqgan_case(cases, seeded):
    return cases.of("vqgan", seeded)
