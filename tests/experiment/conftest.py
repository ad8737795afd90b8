"""One tiny experiment, from pretraining to figures, that the tests of this folder share."""

import importlib.util
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


def shrink(config):
    """The digits' experiment with a narrow model and a few steps a stage."""
    config.model.update(encoder_width=16, encoder_depth=1, encoder_heads=2)
    config.model.update(decoder_width=16, decoder_depth=1, decoder_heads=2)
    config.pretrain.update(from_scratch=True, steps=30, batch_size=16)
    config.classifier.update(steps=12, batch_size=16)
    config.boundary.steps = 12
    config.pareto.update(steps=8, first_steps=10)
    config.controls = (0.0, 0.5, 1.0)
    config.composite_alphas = (0.1, 1.0)
    config.batch_size = 8
    config.log_every_steps = 5
    config.checkpoint_every_steps = 4
    config.evaluation.pictures = 6
    return config


@pytest.fixture(scope="session")
def tiny_config():
    return shrink(load_config("mae_mnist"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, tiny_config):
    """``(workdir, results)`` of the tiny experiment."""
    workdir = tmp_path_factory.mktemp("tiny") / "run"
    return workdir, experiment.run(tiny_config, workdir)
