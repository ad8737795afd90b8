"""A run that is told to stop: signals set a flag, and the work looks at it where it can stop.

A cluster that takes a machine back sends SIGTERM a while before, and a batch system can be asked to
send one, or SIGUSR1, before a job's time is over.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""What tells a run to stop. SIGINT is its user's, and breaks it off at once."""

EXIT_CODE = 75
"""Of a command that was told to stop and is to be given again: EX_TEMPFAIL of ``sysexits.h``.

No error of ours, of Python or of a shell has it, so that ``launch/slurm.sh`` puts a job that ends
with it, and only such a job, into the queue again.
"""

_noticed: list[int] = []  # Signals so far; the first counts.
_meet: list[Callable[[int], int]] = []  # With several processes, how they agree.


class Preempted(Exception):
    """Raised where the work stops.

    Args:
        signal_name: what told it to.
        where: ``at step 123 of stage control_0.5``, and the state there is saved; empty: where what
            is finished is on the disk, and nothing else is worth it.

    Example:
        >>> print(Preempted("SIGTERM"))
        Stopped by SIGTERM, what is finished is saved: give the same command again to go on.
    """

    def __init__(self, signal_name: str, where: str = "") -> None:
        place = f" {where}, saved" if where else ", what is finished is saved"
        super().__init__(f"Stopped by {signal_name}{place}: give the same command again to go on.")


def noticed(*, meeting: bool = True) -> str | None:
    """The name of the signal that told the run to stop, or None.

    Args:
        meeting: whether every process asks now, at the same step; where several work together
            (:func:`meet_by`), none is told of a signal between two meetings.

    Example:
        >>> noticed() is None
        True
    """
    number = _noticed[0] if _noticed else 0
    if _meet:
        number = _meet[0](number) if meeting else 0
    return signal.Signals(number).name if number else None


def meet_by(function: Callable[[int], int]) -> None:
    """Says how several processes agree to stop, all after the same step.

    Args:
        function: called by all processes at the same step with a signal's number or 0, it gives the
            greatest of these numbers to each.
    """
    _meet[:] = [function]


def check() -> None:
    """Stops the work, where nothing has to be saved, if it was told to stop.

    Of several processes all call it equally often.

    Raises:
        Preempted: it was.

    Example:
        >>> check()
    """
    name = noticed()
    if name:
        raise Preempted(name)


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Takes note of the signals instead of dying of them, until the end of the ``with``.

    Only in the main thread, where alone Python lets signals be handled; elsewhere it does nothing.

    Example:
        >>> with listening():
        ...     signal.raise_signal(signal.SIGTERM)
        ...     noticed()
        'SIGTERM'
        >>> noticed() is None
        True
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: a handler that was not set from Python cannot be set again by it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        _noticed.clear()


def _note(number: int, frame: FrameType | None) -> None:
    """The handler: it may run between any two instructions, so it does next to nothing."""
    del frame
    _noticed.append(number)
