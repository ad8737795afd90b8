"""One of several processes at work on a run, and a parent that outlives it.

When a process dies, JAX ends the others from within, without a word that a user would understand.
So each of several does its work in a child, whose end its parent says.
"""

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

LOST = 74
"""Exit code of a process whose run lost another one. Smaller than that of a run that was told to
stop, so that the largest of all processes' codes says whether the run is to go on by itself."""

SENTENCE = (
    "Another process of this run died or never came, so that this one cannot go on: see what it "
    "said, and give the same command to all again to go on."
)
# Seconds that the first process stays, whose end JAX makes the others': they can still say why.
_TOLD_WITHIN = 2.0
_PARENT_DIED = 1  # prctl's PR_SET_PDEATHSIG: a child never outlives its parent
_FORWARDED = (signal.SIGTERM, signal.SIGUSR1)  # SIGINT reaches the child as well


def supervised(command: Callable[[], int]) -> int:
    """Runs a command, of which several processes have a share, in a child; else as it is.

    Args:
        command: returns its exit code.

    Returns:
        The exit code; :data:`LOST`, after a sentence, if the child was ended because another
        process died: the same command goes on.

    Example:
        >>> supervised(lambda: 3)
        3
    """
    if not are_several():
        return command()
    child = os.fork()
    if not child:
        _work(command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in _FORWARDED:
        signal.signal(number, lambda number, frame: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGABRT:
        print(SENTENCE, file=sys.stderr, flush=True)
        return LOST
    return code if code >= 0 else 128 - code


def are_several() -> bool:
    """Whether this is one of several processes, as the environment says.

    Example:
        >>> are_several()
        False
    """
    return os.environ.get("CU_JAX_PROCESSES", "") not in ("", "1")


def is_loss(error: BaseException) -> bool:
    """Whether an error that a library raised says that another process has gone.

    Example:
        >>> is_loss(ValueError("Gloo AllGather failed: Connection closed by peer"))  # there is none
        False
    """
    told = str(error)
    return are_several() and any(
        word in told for word in ("Gloo", "CoordinationService", "heartbeat", "NCCL")
    )


def _work(command: Callable[[], int]) -> None:
    """The child's part."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DIED, signal.SIGKILL)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    code = 1
    try:
        code = command()
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    if code:
        if os.environ.get("CU_JAX_PROCESS", os.environ.get("SLURM_PROCID")) == "0":
            time.sleep(_TOLD_WITHIN)
        os._exit(code)  # JAX would wait here for processes that may be gone
    sys.exit(0)
