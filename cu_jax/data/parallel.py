"""A function of each item by several threads, results in order."""

import concurrent.futures
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = min(16, os.cpu_count() or 1)
_AHEAD = 256


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
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        while ahead := list(itertools.islice(remaining, _AHEAD)):
            yield from pool.map(function, ahead)
