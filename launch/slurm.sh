#!/bin/sh
# Runs a config on a SLURM cluster, from the root of the checkout:
#     sbatch launch/slurm.sh --config=configs/mae_imagenet.py --workdir=runs/mae_imagenet
# Every argument goes to `python -m cu_jax.main`; options of sbatch before the script's name go
# before those below:
#     sbatch --nodes=2 --partition=a40 launch/slurm.sh --config=... --workdir=...
# One task a node, which uses all of the node's GPUs. Make .venv first, where there is a network:
#     sh launch/slurm.sh --install
#
# Two minutes before its time is over (and when the cluster takes the nodes back) the run is told to
# stop: it saves, ends with exit code 75, and the job goes into the queue again, where the same
# command continues it. Every other exit code ends the job.
#
#SBATCH --job-name=cu_jax
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=cu_jax-%j.log
# A node with A40s (48 GB each): one of them, the cores that feed it, and memory for a ViT-L's
# checkpoint beside the pictures that are made ahead.
#SBATCH --gres=gpu:a40:1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
set -eu
unset CDPATH

# For an A40; each may be set before sbatch, which passes the environment on.
# JAX takes this share of the GPU's memory at its start. cuDNN and NCCL need some of the rest.
export XLA_PYTHON_CLIENT_MEM_FRACTION="${XLA_PYTHON_CLIENT_MEM_FRACTION:-0.9}"
# (Compiled programs are kept in ~/.cache/cu_jax/xla, or in cu_jax/xla of $XDG_CACHE_HOME: on a disk
# that all nodes see, a job that is back in the queue does not compile again.)
# What is installed into .venv.
extras="${CU_JAX_EXTRAS:-demo,cuda}"
# The exit code of a run that was told to stop: cu_jax/preemption.py.
requeue=75

# sbatch runs a copy of this file from elsewhere; the job was sent from the root of the checkout.
root="${SLURM_SUBMIT_DIR:-$(dirname -- "$0")/..}"
if [ ! -f "$root/launch/environment.sh" ]; then
    echo "The job must be sent from the root of the checkout, and was from $root: go there first." >&2
    exit 2
fi
cd -- "$root"
. launch/environment.sh
prepare_environment "$extras"
if [ "${1-}" = --install ]; then exit 0; fi

# With several tasks each learns from SLURM's variables which one it is, and where the first is.
if [ "${SLURM_NTASKS:-1}" -gt 1 ] || [ "${SLURM_JOB_NUM_NODES:-1}" -gt 1 ]; then
    export CU_JAX_PROCESSES=slurm
fi

# The largest exit code of all tasks. One that loses another ends by itself, with a smaller code.
status=0
srun --kill-on-bad-exit=0 --wait=120 .venv/bin/python -m cu_jax.main "$@" || status=$?
if [ "$status" -eq "$requeue" ]; then
    echo "The run was told to stop: job $SLURM_JOB_ID goes into the queue again."
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
