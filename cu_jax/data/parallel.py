"""A function of each item by several threads, results in order."""

import concurrent.futures
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_MOST_THREADS = 16  # Each has two batches made ahead in training, which cost memory.
_AHEAD = 256


def threads() -> int:
    """One thread a core that this process may use, and at most 16.

    Example:
        >>> 1 <= threads() <= 16
        True
    """
    # Only Linux knows which cores are this process's.
    allowed = getattr(os, "sched_getaffinity", None)
    return min(len(allowed(0)) if allowed else os.cpu_count() or 1, _MOST_THREADS)


def in_order(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """``map`` with threads, for functions that read files or decode pictures.

    Args:
        function: called in several threads at once.
        items: its arguments; at most 256 are taken ahead, so that results do not pile up.

    Yields:
        The results, in the order of the items.

    Example:
        >>> list(in_order(len, ["a", "bcd"]))
        [1, 3]
    """
    remaining = iter(items)
    with concurrent.futures.ThreadPoolExecutor(threads()) as pool:
        while ahead := list(itertools.islice(remaining, _AHEAD)):
            yield from pool.map(function, ahead)
