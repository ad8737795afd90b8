"""What was measured, for people."""

from cu_jax.logs import duration
from cu_jax.speed.bench import Bench
from cu_jax.speed.plan import FORGET_PICTURES

_WORDS = {
    "teacher": "teacher and corruption",
    "gradients": "both gradients",
    "direction": "multiplier, direction",
    "optimizer": "optimizer",
}


def bench_text(bench: Bench) -> str:
    """A small table.

    Args:
        bench: what was measured.

    Returns:
        Lines of text.
    """
    step = bench.step_seconds
    rows = [
        ("update", _time(step), f"{bench.pictures:,.0f} pictures/s"),
        *(
            (f"  {_WORDS[name]}", _time(seconds), f"{seconds / step:.0%}")
            for name, seconds in bench.part_seconds.items()
        ),
        (
            "composite loss's update",
            _time(bench.composite_seconds),
            f"ours takes {step / bench.composite_seconds:.2f} times as long",
        ),
        ("compiling the update", _time(bench.compile_seconds), ""),
        (
            "the model's operations",
            f"{_giga(bench.flops)} GFLOP",
            f"{_giga(bench.flops / step)} GFLOP/s, {bench.utilization:.0%} of "
            f"{_giga(bench.peak_flops)} ({bench.peak_source})",
        ),
        ("memory of the update", f"{bench.memory / 2**30:.2f} GiB", "on each device"),
        _reading(bench),
        ("the whole run", duration(bench.run_seconds), _run(bench)),
    ]
    first, second = (max(len(row[i]) for row in rows) for i in range(2))
    head = (
        f"{bench.name}: {bench.devices} x {bench.device}, {bench.dtype}, {bench.batch_size} + "
        f"{bench.batch_size} pictures an update, {bench.trained:,} of {bench.parameters:,} "
        "parameters trained."
    )
    lines = (f"{a:<{first}}  {b:>{second}}  {c}".rstrip() for a, b, c in rows)
    return "\n".join([head, *lines])


def _run(bench: Bench) -> str:
    """What the time of the whole run is of."""
    if bench.loss_seconds is None:
        return (
            f"{bench.updates:,} updates, without evaluation, for {FORGET_PICTURES:,} pictures to "
            "forget"
        )
    return f"{bench.updates:,} updates, and both losses on all pictures {bench.loss_passes} times"


def _reading(bench: Bench) -> tuple[str, str, str]:
    if bench.data_pictures is None:
        return "reading pictures", "–", "not measured"
    seconds = 2 * bench.batch_size / bench.data_pictures
    return (
        "reading pictures",
        _time(seconds),
        f"{bench.data_pictures:,.0f} pictures/s, beside the update",
    )


def _giga(number: float) -> str:
    return f"{number / 1e9:,.3g}" if number < 1e11 else f"{number / 1e9:,.0f}"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:,.3g} ms" if abs(seconds) < 1 else f"{seconds:,.3g} s"
