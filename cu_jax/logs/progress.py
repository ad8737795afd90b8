"""Shows how far a stage is: rate, time left and current losses."""

import collections
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

# Seconds. A terminal's line changes often enough to look alive; a log file stays short.
_TERMINAL_EVERY = 0.25
_LOG_EVERY = 10.0
# Shorter work is over before a reader has read the line.
_SILENT_BEFORE = 2.0
# The rate is that of the last seconds: the first step, which compiles, is soon forgotten.
_RATE_WINDOW = 20.0


@runtime_checkable
class Stream(Protocol):
    """What `Progress` writes to: any text file, `sys.stderr` among them.

    Example:
        >>> isinstance(sys.stderr, Stream)
        True
    """

    def write(self, text: str, /) -> Any:
        """Writes text."""

    def flush(self) -> Any:
        """Brings what was written to the reader."""

    def isatty(self) -> bool:
        """Whether the reader is a terminal."""


class Progress:
    """The progress of one stage: one refreshing line on a terminal, plain lines elsewhere.

    It looks at the clock and at what it is given, never at the device: give it floats that are on
    the host already, or none.

    Args:
        stage: What the lines start with.
        total: Units of work, at least 0.
        unit: What is counted, in the plural: `steps`, `pictures`.
        start: Units done before (a resumed stage); they do not count in the rate.
        stream: Where to write; None = standard error.
        clock: Seconds that only go forward.

    Raises:
        ValueError: ``total`` is negative.

    Example:
        >>> import itertools
        >>> seconds = itertools.count(0.0).__next__
        >>> with Progress("utility", 4, stream=sys.stdout, clock=seconds) as progress:
        ...     progress.update(1, {"retain_loss": 0.5})
        ...     progress.update(2, {"retain_loss": 0.25})
        utility         2/4 steps    50%   1 steps/s   2 s left   retain_loss 0.25
        utility         2 steps in 3 s (0.667 steps/s)   retain_loss 0.25
    """

    default: Stream | None = None
    """Of the class: where to write without a ``stream``, in a process that leaves the talking to
    another; None: standard error."""

    def __init__(
        self,
        stage: str,
        total: int,
        *,
        unit: str = "steps",
        start: int = 0,
        stream: Stream | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        if total < 0:
            raise ValueError(f"The amount of work must be at least 0, got {total}: count it again.")
        self._stage, self._total, self._unit, self._start = stage, total, unit, start
        self._stream = stream or Progress.default or sys.stderr
        self._terminal = self._stream.isatty()
        self._clock = clock
        self._began = clock()
        self._shown = -float("inf")
        self._done = start
        self._losses: Mapping[str, float] = {}
        self._marks = collections.deque([(self._began, start)])
        self._open = True

    def update(self, done: int, losses: Mapping[str, float] | None = None) -> None:
        """Says how much is done; writes a line if it is time for one.

        Args:
            done: Units done in all, ``start`` included.
            losses: Numbers to show, floats on the host; None keeps the last ones.
        """
        now = self._clock()
        self._done = done
        if losses is not None:
            self._losses = dict(losses)
        self._mark(now, done)
        wait = _TERMINAL_EVERY if self._terminal else _LOG_EVERY
        # The first plain line comes early, for a reader who wonders whether anything happens.
        if now - self._began >= _SILENT_BEFORE and now - self._shown >= wait:
            self._shown = now
            self._write(self._running_line(now))

    def finish(self) -> None:
        """Writes the last line: what was done, in what time; a second call does nothing."""
        if self._open:
            self._open = False
            elapsed = self._clock() - self._began
            worked = self._done - self._start
            rate = f" ({_short(worked / elapsed)} {self._unit}/s)" if elapsed > 0 and worked else ""
            head = f"{self._stage:<15} {worked} {self._unit} in {duration(elapsed)}{rate}"
            self._write(head + self._numbers(), last=True)

    def stop(self) -> None:
        """Writes the last line of work that an error or the user broke off."""
        if self._open:
            self._open = False
            elapsed = duration(self._clock() - self._began)
            where = f"{self._done}/{self._total} {self._unit}"
            self._write(f"{self._stage:<15} stopped at {where} after {elapsed}", last=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish()
        else:
            self.stop()

    def _mark(self, now: float, done: int) -> None:
        marks = self._marks
        # Ten marks a second are enough, however fast the steps are.
        if len(marks) > 1 and now - marks[-2][0] < 0.1:
            marks[-1] = (now, done)
        else:
            marks.append((now, done))
        # The first step compiles. It leaves the window as soon as anything else is in it.
        if len(marks) == 3 and marks[0] == (self._began, self._start):
            marks.popleft()
        while len(marks) > 2 and now - marks[1][0] >= _RATE_WINDOW:
            marks.popleft()

    def _running_line(self, now: float) -> str:
        (since, before), (_, done) = self._marks[0], self._marks[-1]
        rate = (done - before) / (now - since) if now > since else 0.0
        share = self._done / self._total if self._total else 1.0
        width = len(str(self._total))
        parts = [
            f"{self._stage:<15} {self._done:>{width}}/{self._total} {self._unit}",
            f"{share:4.0%}",
        ]
        if rate > 0:
            left = max(self._total - self._done, 0) / rate
            parts += [f"{_short(rate)} {self._unit}/s", f"{duration(left)} left"]
        return "   ".join(parts) + self._numbers()

    def _numbers(self) -> str:
        return "".join(f"   {key} {_short(value)}" for key, value in self._losses.items())

    def _write(self, line: str, last: bool = False) -> None:
        if self._terminal:
            # A longer line would wrap, and the carriage return would go back to its last row only.
            line = line[: shutil.get_terminal_size().columns - 1]
            line = f"\r{line}\x1b[K"
        self._stream.write(line + ("\n" if last or not self._terminal else ""))
        self._stream.flush()


def duration(seconds: float) -> str:
    """A time for people.

    Args:
        seconds: At least 0.

    Returns:
        Two units at most.

    Example:
        >>> [duration(s) for s in (0.42, 31.2, 125.0, 7321.0)]
        ['0.4 s', '31 s', '2 min 05 s', '2 h 02 min']
    """
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _short(value: float) -> str:
    """Three digits, without a mantissa where people would not write one."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
