import importlib.util
from pathlib import Path

import pytest

from cu_jax.config import default_config
from cu_jax.data import open_data


def make_config(data_dir, **changes):
    settings = default_config().data
    settings.update(
        name="mnist5k",
        retain=("0", "1", "2", "3", "4"),
        forget=("5", "6", "7", "8", "9"),
        validation_per_class=100,
        data_dir=str(data_dir),
    )
    settings.update(changes)
    return settings


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def config(data_dir):
    return lambda **changes: make_config(data_dir, **changes)


@pytest.fixture(scope="session")
def data(config):
    return open_data(config(), (28, 28, 1))


def load(name):
    """A module beside this file."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_archives():
    """The module with data sets in their published layouts, ``tiny_archives.py``."""
    return load("tiny_archives")


@pytest.fixture(scope="session")
def small_pictures(photographs):
    """Four small crops of photographs, and one of ImageNet's own files."""
    return [*photographs.jpegs(4, width=40, height=30), min(photographs.imagenet_files(), key=len)]
