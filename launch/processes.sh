#!/usr/bin/env bash
# Runs a config on this machine in several processes, as a cluster does on several machines:
#     bash launch/processes.sh 2 --config=configs/mae_mnist.py --workdir=runs/mae_mnist
# The first argument is their number, all others go to `python -m cu_jax.main`. GPUs are shared out
# evenly among the processes, unless CUDA_VISIBLE_DEVICES or JAX_PLATFORMS=cpu says otherwise. If one
# dies, the others end by themselves. Makes .venv on first use.
set -eu
unset CDPATH
cd -- "$(dirname -- "$0")/.."
case ${1-} in
    '' | 0* | *[!0-9]*)
        echo "The first argument must be the number of processes, 1 or more, and is '${1-}': write 'bash launch/processes.sh 2 --config=...'." >&2
        exit 2
        ;;
esac
count=$1
shift
. launch/environment.sh
prepare_environment demo

gpus=0
if [ -z "${CUDA_VISIBLE_DEVICES-}" ] && [ "${JAX_PLATFORMS-}" != cpu ]; then
    gpus=$(nvidia-smi --list-gpus 2>/dev/null | grep -c '^GPU ' || :)
fi
if [ "$gpus" -gt 0 ] && [ $((gpus % count)) -ne 0 ]; then
    echo "The processes must divide the $gpus GPUs, got $count: give another number." >&2
    exit 2
fi
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("localhost", 0)); print(s.getsockname()[1])')
export CU_JAX_PROCESSES=$count CU_JAX_COORDINATOR=localhost:$port

running=()
for ((number = 0; number < count; number++)); do
    if [ "$gpus" -gt 0 ]; then
        share=$((gpus / count))
        CUDA_VISIBLE_DEVICES=$(seq -s , $((number * share)) $((number * share + share - 1)))
        export CUDA_VISIBLE_DEVICES
    fi
    CU_JAX_PROCESS=$number .venv/bin/python -m cu_jax.main "$@" &
    running+=($!)
done
told=
trap 'told=yes; kill -TERM "${running[@]}" 2>/dev/null || :' TERM INT

# The largest exit code of all. A signal to this script ends a wait early, and it waits again.
code=0
for process in "${running[@]}"; do
    while :; do
        told=
        ended=0
        wait "$process" || ended=$?
        [ -n "$told" ] || break
    done
    if [ "$ended" -gt "$code" ]; then code=$ended; fi
done
exit "$code"
