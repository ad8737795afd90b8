#!/bin/sh
# Compares all methods on this machine:
#     sh launch/compare.sh --config=configs/mae_mnist.py --workdir=runs/compare
# Makes .venv on first use; every argument goes to `python -m cu_jax.compare`. Works from any folder:
# relative paths are relative to the root of the checkout.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
. launch/environment.sh
prepare_environment demo

exec .venv/bin/python -m cu_jax.compare "$@"
