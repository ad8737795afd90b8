"""An experiment's update, its parts and its pictures, measured; and what the run will take."""

import bisect
import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
from ml_collections import ConfigDict

from cu_jax import preemption
from cu_jax.data import Data, training_iterator
from cu_jax.logs import Progress
from cu_jax.speed import peaks, programs
from cu_jax.speed.plan import planned_updates
from cu_jax.speed.programs import Program, Setting
from cu_jax.speed.timing import timed

PARTS = ("teacher", "gradients", "direction", "optimizer")
"""Of an update, in the order that each is added to the one before it."""

_QUEUED = 3  # Calls of a program in a row.
_READING = 6  # Seconds.
_Made = tuple[Program, Callable[[], Any]]


@dataclasses.dataclass(frozen=True)
class Bench:
    """What was measured; times are medians, in seconds.

    Attributes:
        name: the config's.
        device: kind of the devices.
        devices: how many.
        dtype: of the model's arithmetic.
        batch_size: pictures of each set in an update.
        parameters: of the whole model.
        trained: of those, how many an update moves.
        compile_seconds: of the update's program.
        step_seconds: of an update.
        part_seconds: what each of :data:`PARTS` adds; they sum up to the update.
        composite_seconds: of an update of the composite loss, the earlier method.
        flops: of an update, as the model is written.
        peak_flops: what all devices can do in a second.
        peak_source: ``data sheet`` or ``matrix product``.
        memory: bytes of the update's program on a device: arguments, results, all in between.
        data_pictures: pictures a second that reading gives; None where there are none at hand, or
            none are read because their tokens are kept.
        updates: of the whole run.
        loss_passes: how often the run takes both losses on the whole training sets.
        loss_seconds: what that takes each time; None without pictures.
    """

    name: str
    device: str
    devices: int
    dtype: str
    batch_size: int
    parameters: int
    trained: int
    compile_seconds: float
    step_seconds: float
    part_seconds: Mapping[str, float]
    composite_seconds: float
    flops: float
    peak_flops: float
    peak_source: str
    memory: float
    data_pictures: float | None
    updates: int
    loss_passes: int
    loss_seconds: float | None

    @property
    def pictures(self) -> float:
        """Pictures of both sets that updates take a second."""
        return 2 * self.batch_size / self.step_seconds

    @property
    def utilization(self) -> float:
        """The share of the devices' peak that the model's own operations reach."""
        return self.flops / self.step_seconds / self.peak_flops

    @property
    def run_seconds(self) -> float:
        """All updates, as fast as the slower of the update and its pictures, and the losses."""
        step = self.step_seconds
        if self.data_pictures is not None:
            step = max(step, 2 * self.batch_size / self.data_pictures)
        return self.updates * step + self.loss_passes * (self.loss_seconds or 0.0)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values; what is not known is null."""
        found = dataclasses.asdict(self) | {
            "pictures": self.pictures,
            "utilization": self.utilization,
            "run_seconds": self.run_seconds,
        }
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in found.items()
        }


def bench(config: ConfigDict, data: Data | None, updates: int) -> Bench:
    """Measures.

    The parts are found by programs that leave something out: the teacher's part alone; both
    gradients; the same with plain gradient descent along the combined direction; the whole.

    Args:
        config: the experiment's settings.
        data: its pictures, or None where they are not at hand.
        updates: how often each program is timed; they take turns.

    Returns:
        What was measured.

    Raises:
        ValueError: if the devices can't share a batch.
        Preempted: if the command was told to stop.
    """
    setting = programs.set_up(config)
    read = data is not None and not config.data.cache_tokens
    rate = _reading(config, data) if read and data is not None else None
    whole, seconds = _measured(setting, updates)
    trained, _ = setting.model.split(setting.teacher)
    reached = [seconds[name] for name in ("teacher", "gradients", "descent", "step")]
    parts = [now - before for before, now in zip([0.0, *reached], reached, strict=False)]
    device = jax.devices()[0]
    dtype = config.model.get("dtype", "float32")
    sheet = peaks.sheet_peak(device.device_kind, dtype)
    peak = peaks.measured_peak(dtype) if sheet is None else sheet
    planned, loss_seconds = planned_updates(config, data), None
    if data is not None:
        sets = sum(len(data.source(name, "train")) for name in ("retain", "forget"))
        loss_seconds = seconds["gradients"] * sets / (2 * config.batch_size)
    return Bench(
        name=config.name,
        device=device.device_kind,
        devices=jax.device_count(),
        dtype=dtype,
        batch_size=config.batch_size,
        parameters=_count(setting.teacher),
        trained=_count(trained),
        compile_seconds=whole.compile_seconds,
        step_seconds=seconds["step"],
        part_seconds=dict(zip(PARTS, parts, strict=True)),
        composite_seconds=seconds["composite"],
        flops=whole.flops,
        # The devices of a CPU share its cores.
        peak_flops=peak * (1 if jax.default_backend() == "cpu" else jax.device_count()),
        peak_source="matrix product" if sheet is None else "data sheet",
        memory=whole.memory,
        data_pictures=rate,
        updates=planned.updates,
        loss_passes=planned.solutions,
        loss_seconds=loss_seconds,
    )


def _measured(setting: Setting, rounds: int) -> tuple[Program, dict[str, float]]:
    """The update's program, and the median seconds of each.

    Programs on a CPU take turns, so that whatever else it does slows all of them; on other devices,
    whose memory may not hold all of their states, they come one after the other.
    """
    batches, key = setting.batches, setting.key
    params, _ = setting.model.split(setting.teacher)

    def pure(program: Program, *args: Any) -> _Made:
        return program, lambda: program.run(*args)

    def updating(name: str) -> _Made:
        return programs.updating(setting, name, _QUEUED * (rounds + 1))

    makers: dict[str, Callable[[], _Made]] = {
        "step": lambda: updating("pareto"),
        "teacher": lambda: pure(programs.targets(setting), setting.frozen, *batches, key),
        "gradients": lambda: pure(
            programs.gradients(setting), params, *batches, setting.frozen, key
        ),
        "descent": lambda: updating("descent"),
        "composite": lambda: updating("composite"),
    }
    groups = [list(makers)] if jax.default_backend() == "cpu" else [[name] for name in makers]
    made: dict[str, Program] = {}
    seconds: dict[str, float] = {}
    with Progress("Programs", len(makers), unit="programs") as progress:
        for group in groups:
            calls = {}
            for name in group:
                made[name], calls[name] = makers[name]()
                preemption.check()
                progress.update(len(made))
            seconds |= timed(calls, rounds, _QUEUED)
    return made["step"], seconds


def _reading(config: ConfigDict, data: Data) -> float:
    """Pictures a second of the training iterator, on its own."""
    iterator = training_iterator(
        data, batch_size=config.batch_size, seed=config.seed, augment=config.data.augment
    )
    began = time.perf_counter()
    ends: list[float] = []  # of batches, in seconds from the beginning
    with Progress("Reading pictures", _READING, unit="seconds") as progress:
        while len(ends) < 2 or ends[-1] < _READING:
            next(iterator)
            ends.append(time.perf_counter() - began)
            progress.update(min(int(ends[-1]), _READING))
            preemption.check()
    # What was read ahead before anybody asked is used up in the first half.
    first = min(bisect.bisect(ends, _READING / 2), len(ends) - 2)
    return 2 * config.batch_size * (len(ends) - 1 - first) / (ends[-1] - ends[first])


def _count(tree: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))
