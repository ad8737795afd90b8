"""A run's folder made by hand around the digits' own model, with what an audit must tell apart."""

import runpy
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from cu_jax import convert
from cu_jax.audits import audit_run
from cu_jax.data import open_data
from cu_jax.fingerprints import StageRecord, settings_of
from cu_jax.inventory import check_pictures
from cu_jax.models import MODELS
from cu_jax.workdir import save_config, save_record, save_solution

DIGITS = Path(__file__).parents[2] / "configs" / "mae_mnist.py"
NAMES = ("original", "hidden", "retrain")


@pytest.fixture(scope="session")
def audit_config():
    config = runpy.run_path(str(DIGITS))["get_config"]()
    config.evaluation.batch_size = 20
    config.audit.pictures = 40
    config.audit.relearning.update(updates=20, every=4, batch_size=8, pictures=20)
    config.audit.relearning.tolerance = 1.5
    config.audit.relearning.optimizer.learning_rate = 1e-3
    return config


@pytest.fixture(scope="session")
def digits(audit_config):
    return open_data(audit_config.data, (28, 28, 1))


@pytest.fixture(scope="session")
def make_run(audit_config, digits):
    """Makes a run's folder with an original, a solution that only hides, and a fake `retrain`."""

    def make(workdir, names=NAMES, config=audit_config):
        workdir.mkdir()
        model = MODELS["mae"](config.model)
        template = jax.eval_shape(model.init, jax.random.key(0))
        with convert.packaged_weights("mae_mnist") as path:
            original = convert.load_weights(path, template)
        rng = np.random.default_rng(0)
        solutions = {"original": original}
        # The encoder knows all that the original's knows; the way out of it is bent.
        solutions["hidden"] = jax.tree.map(np.copy, original)
        solutions["hidden"]["decoder"]["decoder_pred"]["bias"] += np.float32(0.3)
        solutions["retrain"] = jax.tree.map(
            lambda x: rng.normal(0, 0.05, x.shape).astype(x.dtype), template
        )
        for name in names:
            record = StageRecord("original", None, 0, None, {}, settings_of(config, "original"))
            save_record(workdir, name, record)
            save_solution(workdir / "solutions" / name, config, solutions[name], {})
        save_config(workdir, config)
        check_pictures(workdir, digits, begun=False, max_bad_fraction=0.0)
        return workdir

    return make


@pytest.fixture(scope="session")
def made(tmp_path_factory, make_run):
    """Such a folder, which no audit has seen."""
    return make_run(tmp_path_factory.mktemp("made") / "run")


@pytest.fixture(scope="session")
def audited(tmp_path_factory, made):
    """``(workdir, audits)`` after a whole audit."""
    workdir = shutil.copytree(made, tmp_path_factory.mktemp("audited") / "run")
    return workdir, audit_run(workdir)


@pytest.fixture
def run(tmp_path, made):
    return shutil.copytree(made, tmp_path / "run")
