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

exec .venv/bin/python -m cu_jax.main "$@"
