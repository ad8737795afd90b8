"""Several processes at work on one run: how they find each other, and what one of them does alone.

Each process runs the same command on the same workdir. They compute together, on the devices of
all; the first alone writes files and talks.
"""

import contextlib
import faulthandler
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from cu_jax import atomic, preemption
from cu_jax.logs import Progress
from cu_jax.sharding import everywhere

NOTICED_WITHIN = 20
"""Seconds after which a process that says nothing counts as dead to the others."""
_WAITED_FOR = 40  # Seconds until all must have started.

Made = TypeVar("Made")


def join_processes(allowed: bool = True) -> None:
    """Joins the other processes of a run, if the environment says that there are any.

    ``CU_JAX_PROCESSES`` is their number, ``CU_JAX_PROCESS`` the number of this one from 0 on, and
    ``CU_JAX_COORDINATOR`` the ``host:port`` at which the first one listens (``launch/processes.sh``
    sets them); or ``CU_JAX_PROCESSES`` is ``slurm``, and SLURM says all that, one task a node
    (``launch/slurm.sh``). Call it before anything asks for devices.

    Args:
        allowed: whether there may be others.

    Raises:
        ValueError: if there may not and are, if the variables say no such thing, or if the others
            cannot be reached.

    Example:
        >>> join_processes()  # without CU_JAX_PROCESSES there is one
    """
    told = os.environ.get("CU_JAX_PROCESSES", "")
    if told in ("", "1"):
        return
    if not allowed:
        raise ValueError(
            f"This command must be one process, and CU_JAX_PROCESSES is {told!r}: unset it, or run "
            "cu_jax.main, which several can share."
        )
    known = {} if told == "slurm" else _numbered(told)
    if told == "slurm" and "SLURM_GPUS_ON_NODE" in os.environ:
        # SLURM's tasks are taken for one a GPU otherwise.
        known["local_device_ids"] = list(range(int(os.environ["SLURM_GPUS_ON_NODE"])))
    faulthandler.disable()  # absl's would show all stacks when another process dies
    jax.config.update("jax_enable_preemption_service", False)  # or it would take SIGTERM from us
    try:
        jax.distributed.initialize(
            **known,
            initialization_timeout=_WAITED_FOR,
            heartbeat_timeout_seconds=NOTICED_WITHIN,
            shutdown_timeout_seconds=NOTICED_WITHIN,
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"The processes of a run must reach each other within {_WAITED_FOR} seconds, and this "
            f"one does not reach the others ({reason}): see that all were started, with the same "
            "CU_JAX_COORDINATOR."
        ) from error
    preemption.meet_by(_greatest)
    if not is_first():
        atomic.discard_writes()
        sys.stdout = Progress.default = open(os.devnull, "w")  # until the process ends


def is_first() -> bool:
    """Whether this is the process that writes; the only one is.

    Example:
        >>> is_first()
        True
    """
    return bool(jax.process_index() == 0)


def together(work: Callable[[], Made]) -> Made:
    """Does the work in every process, and then waits for all; if one fails, all do.

    Args:
        work: what each does; if one of them raises, none goes on alone.

    Returns:
        What it returned here.

    Raises:
        ValueError: it failed in another process, which says why.

    Example:
        >>> together(lambda: 3)
        3
    """
    try:
        made = work()
    except Exception:
        everywhere(False)
        raise
    if not everywhere(True):
        raise ValueError("Another process of this run failed, and has said why: see what it said.")
    return made


def wait_for_all() -> None:
    """Goes on when every process has come here: what was written before can be read then.

    Example:
        >>> wait_for_all()
    """
    everywhere(True)


@contextlib.contextmanager
def own_folder(workdir: Path) -> Iterator[Path]:
    """The workdir, for the first process; for the others a folder that goes away at the end.

    Example:
        >>> with own_folder(Path("runs")) as folder:
        ...     folder
        PosixPath('runs')
    """
    if is_first():
        yield workdir
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _greatest(number: int) -> int:
    return int(multihost_utils.process_allgather(np.array(number)).max())


def _numbered(told: str) -> dict[str, Any]:
    number, address = os.environ.get("CU_JAX_PROCESS", ""), os.environ.get("CU_JAX_COORDINATOR", "")
    if not (told.isdigit() and number.isdigit() and int(number) < int(told) and ":" in address):
        raise ValueError(
            "CU_JAX_PROCESSES must be the number of processes, CU_JAX_PROCESS this one's from 0 on "
            f"and CU_JAX_COORDINATOR the first one's host:port, got {told!r}, {number!r} and "
            f"{address!r}: start them with launch/processes.sh, or unset CU_JAX_PROCESSES."
        )
    return {
        "coordinator_address": address,
        "num_processes": int(told),
        "process_id": int(number),
        "cluster_detection_method": "deactivate",
    }
