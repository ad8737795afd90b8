"""One tiny experiment, from pretraining to figures, that the tests of this folder share."""

import importlib.util
import runpy
from pathlib import Path

import pytest

from cu_jax import experiment

ROOT = Path(__file__).parents[2]


def load_config(name, *arguments):
    """A config file of the repository."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "configs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(*arguments)


@pytest.fixture(scope="session")
def config_of():
    return load_config


@pytest.fixture(scope="session")
def numbers():
    """Everything that results say and that is not a time."""

    def of(results):
        data = results.to_json()
        del data["stages"]
        for solution in data["solutions"]:
            del solution["seconds"]
        return data

    return of


@pytest.fixture(scope="session")
def tiny_config():
    return runpy.run_path(str(Path(__file__).with_name("tiny.py")))["get_config"]()


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny_config):
    """``(workdir, results)`` of the tiny experiment."""
    workdir = tmp_path_factory.mktemp("tiny") / "run"
    return workdir, experiment.run(tiny_config, workdir)
