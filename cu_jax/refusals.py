"""What a command says and returns when it cannot do what it was asked for."""

import dis
import errno
import logging
import sys
from collections.abc import Callable, Iterator

from cu_jax import preemption
from cu_jax.supervision import SENTENCE, is_loss

REFUSED = 2
"""Exit code of a command that was refused, or stopped by something that is not its own mistake."""
STOPPED = 130
"""Exit code of a command that its user broke off, as shells have it."""

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
        if is_loss(error) and not debug:
            print(SENTENCE, file=sys.stderr, flush=True)
            return preemption.EXIT_CODE
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
        a ``raise`` of this package made, which are sentences by our rule; one about a full disk;
        what the system says of a file; or None.

    Example:
        >>> from cu_jax.config import default_config, validate
        >>> try:
        ...     validate(default_config() | {"name": "x"})
        ... except Exception as error:
        ...     print(refusal(error))
        None
    """
    for one in _chain(error):
        full = isinstance(one, OSError) and one.errno in _DISK
        if full or "No space left on device" in str(one):
            return (
                "The disk must have room for what is written, and is full: free some space and "
                "give the same command again."
            )
    if isinstance(error, OSError) and error.filename is not None:
        return str(error)
    sentences = (ValueError, FileNotFoundError, FileExistsError, FloatingPointError)
    return str(error) if isinstance(error, sentences) and _is_ours(error) else None


def quiet_libraries() -> None:
    """Keeps libraries from printing an error, traceback and all, that they raise as well.

    For the whole process: a command calls it once, when its flags have been read.
    """
    for name in ("absl", "asyncio", "concurrent.futures"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
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
