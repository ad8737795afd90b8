"""What a command says and returns when it cannot do what it was asked for."""

import errno
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

REFUSED = 2
"""Exit code of a command that was refused, or stopped by something that is not its own mistake."""

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def run_command(command: Callable[[], None], *, debug: bool) -> int:
    """Runs a command; what its user can put right ends in one sentence, not in a traceback.

    Args:
        command: the command.
        debug: whether to let every error through, with its traceback.

    Returns:
        0, or 2 after a sentence on stderr.

    Example:
        >>> run_command(lambda: None, debug=False)
        0
    """
    try:
        command()
    except Exception as error:
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
        The message of a ValueError, FileNotFoundError or FloatingPointError that this package
        itself raised, which are sentences by our rule; a sentence about a full disk; or None.

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
                "The disk of the workdir must have room for checkpoints and solutions, and is "
                "full: free some space and give the same command again, which continues."
            )
    sentences = (ValueError, FileNotFoundError, FloatingPointError)
    return str(error) if isinstance(error, sentences) and _is_ours(error) else None


def quiet_libraries() -> None:
    """Keeps libraries from printing an error, traceback and all, that they raise as well.

    For the whole process: a command calls it once, when its flags have been read.
    """
    for name in ("absl", "asyncio", "concurrent.futures"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    shown = sys.excepthook

    def of_main_thread(*error: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            shown(*error)

    sys.excepthook = of_main_thread


def _is_ours(error: BaseException) -> bool:
    """Whether the package raised it itself: the innermost frame is one of its modules."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    package = trace.tb_frame.f_globals.get("__package__") if trace is not None else None
    return (package or "").partition(".")[0] == "cu_jax"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
