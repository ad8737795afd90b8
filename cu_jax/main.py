"""Flags only: ``python -m cu_jax.main --config=configs/mae_mnist.py --workdir=runs/mae_mnist``."""

from pathlib import Path

from absl import app, flags, logging
from ml_collections import config_flags

from cu_jax import experiment
from cu_jax.startup import start_jax

_CONFIG = config_flags.DEFINE_config_file("config", help_string="File of settings.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for everything that a run makes.")


def main(argv: list[str]) -> None:
    """Runs the experiment that the flags describe."""
    if len(argv) > 1:
        raise app.UsageError(f"All arguments must be flags, got {argv[1:]}.")
    logging.set_verbosity(logging.WARNING)
    start_jax()
    experiment.run(_CONFIG.value, Path(str(_WORKDIR.value)))


if __name__ == "__main__":
    flags.mark_flags_as_required(["config", "workdir"])
    app.run(main)
