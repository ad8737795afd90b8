#!/bin/sh
# Runs every check, all of them even if one fails:
#     sh launch/test.sh          without the tests marked slow, browser or torch
#     sh launch/test.sh --all    with them; needs Debian's package chromium, and installs PyTorch
# Makes .venv on first use; further arguments go to pytest (for example: tests/optim -k multiplier),
# which runs in two processes without them.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
. launch/environment.sh
extras=demo,test
chosen='not slow and not browser and not torch'
if [ "${1-}" = --all ]; then
    shift
    extras=demo,test,browser,oracle
    chosen=
fi
prepare_environment "$extras"

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
# The examples in docstrings, the tests, and the wheel (tests/packaging). Last: its closing lines end
# the log, with what was skipped and why.
if [ $# -eq 0 ]; then set -- -n 2 --dist loadfile; fi
check pytest .venv/bin/python -m pytest -rs -m "$chosen" "$@"

if [ -n "$failed" ]; then
    printf 'Failed checks:%s\n' "$failed" >&2
    exit 1
fi
