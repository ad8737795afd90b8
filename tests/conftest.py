"""What holds for every test and doctest: pytest reads this before it imports cu_jax."""

import ctypes
import hashlib
import importlib.util
import os
import platform
from pathlib import Path


def compilation_cache() -> Path:
    """Returns where compiled functions are kept from one run of the tests to the next."""
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # Code compiled for one processor may not run on another that shares the home folder.
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        features = platform.processor()
    processor = hashlib.sha256(f"{platform.machine()} {features}".encode()).hexdigest()[:12]
    return Path(caches, "cu_jax", f"jax_tests_{processor}")


# Read by jax and matplotlib at their first import, hence before anything that imports them.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compilation_cache()))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest  # noqa: E402
from absl import flags  # noqa: E402
from jaxtyping import install_import_hook  # noqa: E402

# Every annotated shape and dtype of cu_jax is checked at every call.
install_import_hook("cu_jax", "beartype.beartype")

# Grain's worker processes want parsed flags, which only absl's app.run gives.
flags.FLAGS.mark_as_parsed()


@pytest.fixture(scope="module", autouse=True)
def memory_given_back():
    """What models of full size leave is given back: glibc would keep gigabytes of it.

    launch/environment.sh tells it to. Runs of several processes beside this one need them.
    """
    yield
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)


@pytest.fixture(scope="session")
def load_module():
    """Loads a Python file of the tests by its path below this folder, without ``.py``."""

    def load(name):
        path = Path(__file__).parent.joinpath(f"{name}.py")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def photographs(load_module):
    """The module with real photographs for tests, ``photographs.py``."""
    return load_module("photographs")
