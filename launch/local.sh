#!/bin/sh
# Runs a config on this machine:
#     sh launch/local.sh --config=configs/mae_mnist.py --workdir=runs/mae_mnist
# Makes .venv on first use; every argument goes to `python -m cu_jax.main`. Works from any folder:
# relative paths are relative to the root of the checkout.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
. launch/environment.sh
prepare_environment demo

# The buffers of a step are those of the next: glibc's allocator keeps them instead of giving them
# back to the system, which saves about a sixth of the time on a CPU.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-2000000000}"
export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-4000000000}"

exec .venv/bin/python -m cu_jax.main "$@"
