"""All methods, several seeds: ``python -m cu_jax.compare --config=FILE --workdir=DIR``."""

import sys
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from cu_jax.command import run_with_config
from cu_jax.comparison import compare

_METHODS = flags.DEFINE_list("methods", "all", "Methods to compare; ours is always among them.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "How many seeds, from that of the config on.")


def _compare(config: ConfigDict, workdir: Path) -> None:
    compare(config, workdir, _METHODS.value, _SEEDS.value)


if __name__ == "__main__":
    sys.exit(run_with_config(_compare))
