"""Flags only: ``python -m cu_jax.main --config=configs/mae_mnist.py --workdir=runs/mae_mnist``."""

import sys

from cu_jax import experiment
from cu_jax.command import run_with_config
from cu_jax.supervision import supervised

if __name__ == "__main__":
    sys.exit(supervised(lambda: run_with_config(experiment.run, shared=True)))
