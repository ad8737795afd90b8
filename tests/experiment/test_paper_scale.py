"""The paper's experiment from archives and published weights to the report, narrow and whole."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from cu_jax.convert.__main__ import main as convert
from cu_jax.data.prepare import main as prepare
from cu_jax.main import parse  # noqa: F401  (defines the flags of a run)


@pytest.fixture(scope="module")
def paper_scale():
    path = Path(__file__).with_name("paper_scale.py")
    spec = importlib.util.spec_from_file_location("paper_scale", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
