"""The loop: one stage of training, whatever the method.

Pretraining, boundaries, the path and the baselines all run here. The host never waits for the
device inside the loop, but where several processes meet: a step's scalars are read while later
steps run.
"""

import dataclasses
import math
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from cu_jax import checkpoint, preemption, sharding
from cu_jax.corruptions import Key
from cu_jax.data import Data, training_iterator
from cu_jax.logs import MetricLog, Progress
from cu_jax.methods import Method
from cu_jax.models import Params
from cu_jax.nonfinite import COUNT, NonfiniteSteps, skipped_note
from cu_jax.processes import is_first
from cu_jax.startup import EXACT
from cu_jax.train_state import TrainState


@dataclasses.dataclass(frozen=True)
class Stage:
    """One run of the loop.

    Attributes:
        name: of the stage, as in the workdir and the logs.
        step: the compiled step (:func:`compile_step`), shared by stages of one method.
        init: makes the state that it starts from; called when the stage runs, so that nobody else
            holds a copy of the arrays.
        steps: updates to make.
        batch_size: pictures of each set in a batch.
        augment: name of the random distortion of the pictures, or None.
    """

    name: str
    step: Callable[..., Any]
    init: Callable[[], TrainState]
    steps: int
    batch_size: int
    augment: str | None = None


@dataclasses.dataclass(frozen=True)
class Runner:
    """What every stage of an experiment shares.

    Attributes:
        workdir: the experiment's folder.
        data: both sets.
        mesh: the devices.
        log: where scalars go.
        seed: the experiment's seed.
        log_every_steps: scalars are read and written in groups of this many steps.
        checkpoint_every_steps: besides the checkpoint at the end of the stage; 0: only there.
        max_nonfinite_steps: skipped steps in a row that end the run; in a shorter stage, all steps.
        skipped: stage to the steps that it skipped, of those that were run or read so far.
    """

    workdir: Path
    data: Data
    mesh: Mesh
    log: MetricLog
    seed: int
    log_every_steps: int = 50
    checkpoint_every_steps: int = 0
    max_nonfinite_steps: int = 20
    skipped: dict[str, int] = dataclasses.field(default_factory=dict)


def compile_step(method: Method, mesh: Mesh) -> Callable[..., Any]:
    """``method.step`` under ``jax.jit``: its arguments lie as they were put, and so do its results.

    The state is donated, split by the rule of :mod:`cu_jax.sharding` before and after; scalars are
    whole on every device. The key is the stage's; each step folds its number in.
    """

    def step(state: TrainState, retain: Any, forget: Any, key: Key) -> Any:
        stepped, scalars = method.step(state, retain, forget, jax.random.fold_in(key, state.step))
        return sharding.kept(mesh, stepped), sharding.whole(mesh, scalars)

    return jax.jit(step, donate_argnums=0, compiler_options=EXACT)


def stage_key(seed: int, name: str) -> Key:
    """A key of the experiment's seed and the stage's name alone."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))


def run_stage(runner: Runner, stage: Stage) -> tuple[Params, float]:
    """Runs a stage to its end, from its newest checkpoint if it has one.

    Args:
        runner: what stages share.
        stage: the stage.

    Returns:
        The trained parameters (the last iterate, or with ``ema_decay`` the average) and the seconds
        that the stage took, those before an interruption up to its newest checkpoint included.

    Raises:
        ValueError: if the devices can't share a batch.
        FloatingPointError: if the parameters end up not finite, or too many steps in a row were
            skipped because a loss or a gradient was not, naming the stage.
        Preempted: if the run was told to stop; a checkpoint is there then.
    """
    preemption.check()
    sharding.check_batch(runner.mesh, stage.batch_size)
    state = sharding.put(runner.mesh, stage.init())
    key = sharding.put_replicated(runner.mesh, stage_key(runner.seed, stage.name))
    iterator = training_iterator(
        runner.data,
        batch_size=stage.batch_size,
        seed=zlib.crc32(f"{runner.seed}/{stage.name}".encode()),
        augment=stage.augment,
        rows=sharding.rows(runner.mesh, stage.batch_size),
    )
    with checkpoint.StageCheckpoints(runner.workdir / "stages" / stage.name) as checkpoints:
        start, before = 0, 0.0
        restored = checkpoints.restore_newest(state)
        if restored is not None:
            state, start, before = restored.state, restored.step, restored.data["seconds"]
            position = checkpoint.decode_position(restored.data["grain"], iterator.get_state())
            iterator.set_state(position)
        if start < stage.steps:
            runner.log.rewind(stage.name, start)
            began = time.perf_counter() - before
            state = _steps(runner, stage, state, iterator, key, checkpoints, start, began)
            before = time.perf_counter() - began
    runner.skipped[stage.name] = state.nonfinite_steps
    if state.nonfinite_steps and is_first():
        note = skipped_note(stage.name, state.nonfinite_steps, stage.steps)
        print(note, file=sys.stderr, flush=True)
    params = state.result
    if not all(math.isfinite(float(abs(leaf).sum())) for leaf in jax.tree.leaves(params)):
        raise FloatingPointError(
            f"Stage {stage.name} ended with parameters that are not finite: lower its "
            "learning rate."
        )
    return params, before


def _steps(
    runner: Runner,
    stage: Stage,
    state: TrainState,
    iterator: Any,
    key: Key,
    checkpoints: checkpoint.StageCheckpoints,
    start: int,
    began: float,
) -> TrainState:
    """The loop proper."""

    def save(step: int) -> None:
        position = checkpoint.encode_position(iterator.get_state())
        seconds = time.perf_counter() - began
        checkpoints.save(state, step, {"grain": position, "seconds": seconds})

    watch = NonfiniteSteps(
        stage.name, min(runner.max_nonfinite_steps, stage.steps), state.nonfinite_steps
    )
    pending: list[tuple[int, dict[str, jax.Array]]] = []
    with Progress(stage.name, stage.steps, start=start) as progress:
        for number in range(start, stage.steps):
            batch = sharding.put_batch(runner.mesh, next(iterator), stage.batch_size)
            state, scalars = stage.step(state, batch["retain"], batch["forget"], key)
            pending.append((number, scalars))
            # The older half has long been computed: reading it waits for nothing.
            if len(pending) == 2 * runner.log_every_steps:
                shown = _write(runner, watch, stage.name, pending[: runner.log_every_steps])
                del pending[: runner.log_every_steps]
                progress.update(number + 1, shown)
            every = runner.checkpoint_every_steps
            due = every > 0 and (number + 1) % every == 0
            signal = preemption.noticed(meeting=(number + 1) % runner.log_every_steps == 0)
            if (due or signal) and number + 1 < stage.steps:
                _write(runner, watch, stage.name, pending)
                pending.clear()
                save(number + 1)
                if signal:
                    checkpoints.wait()
                    raise preemption.Preempted(
                        signal, f"at step {number + 1} of stage {stage.name}"
                    )
        shown = _write(runner, watch, stage.name, pending)
        progress.update(stage.steps, shown)
        save(stage.steps)
    return state


def _write(
    runner: Runner,
    watch: NonfiniteSteps,
    stage: str,
    pending: list[tuple[int, dict[str, jax.Array]]],
) -> dict[str, float]:
    """Writes steps to the log; returns the last one's losses for the display."""
    fetched = jax.device_get(pending)
    runner.log.log_steps(stage, fetched)
    watch.see(fetched)
    last = fetched[-1][1] if fetched else {}
    shown = {name: float(value) for name, value in last.items() if name.endswith("loss")}
    return shown | ({"skipped": float(last[COUNT])} if last.get(COUNT) else {})
