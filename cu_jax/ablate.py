"""One setting, several values: ``python -m cu_jax.ablate --config=FILE --workdir=DIR``."""

import sys

from cu_jax.ablation import ablate
from cu_jax.command import run_with_config

if __name__ == "__main__":
    sys.exit(run_with_config(ablate))
