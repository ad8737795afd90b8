"""Times programs in turns."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax

from cu_jax import preemption


def timed(calls: Mapping[str, Callable[[], Any]], rounds: int, queued: int = 1) -> dict[str, float]:
    """Median seconds of each call; they take turns, so that a busy machine slows all of them.

    Args:
        calls: name to what runs a program once and returns what it makes.
        rounds: turns of each, after one that does not count.
        queued: calls in a turn. Nobody waits in between, as in the loop: an accelerator is handed
            the next one while it works on this one.

    Returns:
        Name to seconds of one call.

    Raises:
        Preempted: if the command was told to stop.

    Example:
        >>> import jax.numpy as jnp
        >>> seconds = timed({"sum": lambda: jnp.ones(10).sum()}, rounds=2)
        >>> seconds["sum"] > 0
        True
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(queued):
                made = call()
            jax.block_until_ready(made)
            seconds[name].append((time.perf_counter() - began) / queued)
        preemption.check()
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}
