"""One line on stderr: how much of how much is done, and the time left."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")

_SELDOM = 60.0  # Seconds between two lines where stderr is a file.


class Progress:
    """The line itself: rewritten in place on a terminal, once a minute in a log file.

    Args:
        what: begins the line.
        unit: what is counted, in the plural.
        total: how much there is; None if that is not known: then only the count is shown.
        every: seconds between two updates on a terminal.

    Example:
        >>> progress = Progress("Reading a.tar", "MB", 120)
        >>> progress.show(60)
        >>> progress.end(120)
    """

    def __init__(self, what: str, unit: str, total: int | None, every: float = 0.2) -> None:
        self._what, self._unit, self._total = what, unit, total
        self._live = sys.stderr.isatty()
        self._every = every if self._live else _SELDOM
        self._began = self._shown = time.monotonic()

    def show(self, done: int) -> None:
        """Says how much is done, if the last word on it was long enough ago."""
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        left = ""
        if self._total is not None and done > 0:
            seconds = (now - self._began) / done * (self._total - done)
            left = f", {seconds:.0f} s left"
        self._write(f"{self._counted(done)}{left}", "" if self._live else "\n")

    def end(self, done: int) -> None:
        """Says that everything is done."""
        took = time.monotonic() - self._began
        self._write(f"{self._counted(done)}, done in {took:.1f} s", "\n")

    def _counted(self, done: int) -> str:
        total = "" if self._total is None else f" of {self._total:,}"
        return f"{self._what}: {done:,}{total} {self._unit}"

    def _write(self, text: str, ending: str) -> None:
        sys.stderr.write(f"{chr(13) + chr(27) + '[K' if self._live else ''}{text}{ending}")
        sys.stderr.flush()


def watched(items: Iterable[T], what: str, unit: str, every: float = 0.2) -> Iterator[T]:
    """Yields ``items`` and keeps one line on stderr: how many of how many, and the time left.

    Args:
        items: what to yield; without a length only the count is shown.
        what: begins the line.
        unit: what is counted, in the plural.
        every: seconds between two updates. Where stderr is no terminal, one line a minute and one
            at the end are written.

    Yields:
        The items, unchanged.

    Example:
        >>> list(watched("ab", "Reading", "letters"))
        ['a', 'b']
    """
    progress = Progress(what, unit, len(items) if isinstance(items, Sized) else None, every)
    count = 0
    for item in items:
        yield item
        count += 1
        progress.show(count)
    progress.end(count)
