"""What a command says and returns when it cannot do what it was asked for."""

import dis
import errno
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator

from cu_jax import preemption
from cu_jax.supervision import LOST, SENTENCE, is_loss

REFUSED = 2
"""Exit code of a command that was refused, or stopped by something that is not its own mistake."""
STOPPED = 130
"""Exit code of a command that its user broke off, as shells have it."""

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FILES = {errno.EMFILE, errno.ENFILE}


def run_command(command: Callable[[], None], *, debug: bool, stopped: str = "Stopped.") -> int:
    """Runs a command; what its user can put right ends in one sentence, not in a traceback.

    Args:
        command: the command.
        debug: whether to let every error through, with its traceback.
        stopped: what to say if the user breaks it off.

    Returns:
        0; 2 after a sentence on stderr; 130 if the user broke it off;
        :data:`cu_jax.preemption.EXIT_CODE`, after a sentence, if it was told to stop and listened.

    Example:
        >>> run_command(lambda: None, debug=False)
        0
    """
    try:
        command()
    except KeyboardInterrupt:
        if debug:
            raise
        print(stopped, file=sys.stderr, flush=True)
        return STOPPED
    except preemption.Preempted as error:
        print(error, file=sys.stderr, flush=True)
        return preemption.EXIT_CODE
    except Exception as error:
        if is_loss(error) and not _is_ours(error) and not debug:
            print(SENTENCE, file=sys.stderr, flush=True)
            return LOST
        sentence = None if debug else refusal(error)
        if sentence is None:
            raise
        print(f"{sentence}\n(--debug shows where this comes from.)", file=sys.stderr, flush=True)
        return REFUSED
    return 0


def refusal(error: BaseException) -> str | None:
    """The sentence for the user that an error carries, or None for one that is our mistake.

    Args:
        error: an exception that was raised.

    Returns:
        The message of a ValueError, FileNotFoundError, FileExistsError or FloatingPointError that
        a ``raise`` of this package made, which are sentences by our rule; one about a disk or
        memory that is full, or a platform that JAX cannot start; what the system says of a file; or
        None.

    Example:
        >>> from cu_jax.config import default_config, validate
        >>> try:
        ...     validate(default_config() | {"name": "x"})
        ... except Exception as error:
        ...     print(refusal(error))
        None
    """
    for one in _chain(error):
        sentence = _of_the_machine(one)
        if sentence is not None:
            return sentence
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"The system must let the command use {error.filename}, and does not "
            f"({error.strerror}): correct its name or its permissions."
        )
    sentences = (ValueError, FileNotFoundError, FileExistsError, FloatingPointError)
    return str(error) if isinstance(error, sentences) and _is_ours(error) else None


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full.

    Example:
        >>> is_full(OSError(errno.ENOSPC, "No space left on device"))
        True
    """
    full = isinstance(error, OSError) and error.errno in _DISK
    return full or "No space left on device" in str(error)


def _of_the_machine(error: BaseException) -> str | None:
    """The sentence on what the machine lacks, whoever met it: the system, NumPy or JAX."""
    number, told = getattr(error, "errno", None), str(error)
    if is_full(error):
        return (
            "The disk must have room for what is written, and is full: free some space and "
            "give the same command again."
        )
    if isinstance(error, OSError) and number in _FILES:
        return (
            "The system must let a command open some hundred files, and refuses one more "
            f"({error.strerror}): raise the limit with ulimit -n."
        )
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in told or "bad_alloc" in told:
        return (
            "The memory must have room for the model and a batch, and is full "
            f"({' '.join(told.split())[:120] or 'no more is said'}): lower config.batch_size or "
            "config.evaluation.batch_size (of cu_jax.restore, --batch-size), raise "
            "config.boundary.microbatches and config.pareto.microbatches, or choose a smaller "
            "model."
        )
    if isinstance(error, (RuntimeError, AssertionError)) and _lacks_platform():
        reason = " ".join(told.partition(" (set JAX_PLATFORMS")[0].split()).removesuffix(".")
        return (
            "JAX must be able to start on the platform that JAX_PLATFORMS names, "
            f"{os.environ['JAX_PLATFORMS']}, and is not ({reason or 'no plugin for it is found'}): "
            "install what it needs, such as jax[cuda12] for cuda, or unset JAX_PLATFORMS."
        )
    if isinstance(error, RuntimeError) and "determine home directory" in told:
        return (
            "There must be a folder for what is kept between runs, and neither XDG_CACHE_HOME nor "
            "HOME names one: set XDG_CACHE_HOME to a folder that can be written to."
        )
    return None


def _lacks_platform() -> bool:
    """Whether JAX, if it is in use, cannot start where it is told to, whatever it says of it."""
    jax = sys.modules.get("jax")  # Not every command needs it.
    if jax is None or not os.environ.get("JAX_PLATFORMS"):
        return False
    try:
        jax.devices()
    except (RuntimeError, AssertionError):
        return True
    return False


def quiet_libraries() -> None:
    """Keeps libraries from printing an error, traceback and all, that they raise as well.

    For the whole process: a command calls it once, when its flags have been read.
    """
    for name in ("absl", "asyncio", "concurrent.futures"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # A cache that cannot be used is one that is not used.
    warnings.filterwarnings("ignore", ".*persistent compilation cache")
    sys.unraisablehook = lambda unraisable: None  # of callbacks that come after the error


def _is_ours(error: BaseException) -> bool:
    """Whether a ``raise`` of the package raised it, and not something that it called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    package = str(trace.tb_frame.f_globals.get("__package__"))
    instruction = trace.tb_frame.f_code.co_code[trace.tb_lasti]
    return package.partition(".")[0] == "cu_jax" and instruction == dis.opmap["RAISE_VARARGS"]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
