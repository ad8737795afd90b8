#!/bin/sh
# Runs every check, all of them even if one fails:
#     sh launch/test.sh
# Makes .venv on first use; arguments go to pytest (for example: tests/optim -k multiplier).
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
. launch/environment.sh
prepare_environment demo,test

failed=
check() { # NAME COMMAND...
    name=$1
    shift
    printf '== %s\n' "$name"
    "$@" || failed="$failed $name"
}

check format .venv/bin/python -m ruff format --check .
check lint .venv/bin/python -m ruff check .
check types .venv/bin/python -m mypy cu_jax
check imports .venv/bin/python -c 'from importlinter.cli import lint_imports_command as run; run(["--no-logo"])'
# The examples in docstrings, the tests, and the wheel (tests/packaging). Last: its closing line ends the log.
check pytest .venv/bin/python -m pytest "$@"

if [ -n "$failed" ]; then
    printf 'Failed checks:%s\n' "$failed" >&2
    exit 1
fi
