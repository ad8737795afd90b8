"""Flags only: ``python -m cu_jax.main --config=configs/mae_mnist.py --workdir=runs/mae_mnist``."""

import os
from pathlib import Path

# Before JAX starts: where there is no accelerator JAX says so on every start; nobody needs it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
from absl import app, flags, logging
from ml_collections import config_flags

from cu_jax import experiment

_CONFIG = config_flags.DEFINE_config_file("config", help_string="File of settings.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for everything that a run makes.")


def main(argv: list[str]) -> None:
    """Runs the experiment that the flags describe."""
    if len(argv) > 1:
        raise app.UsageError(f"All arguments must be flags, got {argv[1:]}.")
    logging.set_verbosity(logging.WARNING)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cu_jax" / "xla"
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    experiment.run(_CONFIG.value, Path(str(_WORKDIR.value)))


if __name__ == "__main__":
    flags.mark_flags_as_required(["config", "workdir"])
    app.run(main)
