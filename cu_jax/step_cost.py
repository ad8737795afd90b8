"""What an update costs in time and memory: ours of the Pareto phase, and the composite loss's."""

import math
import statistics
import time
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from cu_jax import sharding
from cu_jax.methods import Method, frozen_parts
from cu_jax.models import MODELS
from cu_jax.stages import loss_config, stage_methods
from cu_jax.startup import EXACT

PROGRAMS = {"controllable": "pareto", "composite": "composite"}
"""Name of a method to the program whose updates are measured."""
UPDATES = 10


class StepCost(NamedTuple):
    """What an update of one method costs.

    Attributes:
        seconds: median time, compilation not included.
        memory: bytes of its compiled program: arguments, results and all in between, what is
            donated counted once; NaN where the compiler does not say.
    """

    seconds: float
    memory: float


def step_costs(config: ConfigDict, updates: int = UPDATES) -> dict[str, StepCost]:
    """Measures both methods' updates as the experiment compiles them, on pictures of noise.

    The model is drawn at random, for neither time nor memory depends on its weights: no weights and
    no pictures need to be at hand. The methods are timed in turn, so that whatever else the machine
    does slows both.

    Args:
        config: the experiment's settings.
        updates: how many updates of each method are timed, after one that is not.

    Returns:
        ``controllable`` and ``composite`` to their costs.

    Raises:
        ValueError: if the devices can't share a batch.
    """
    mesh = sharding.make_mesh(config.mesh.fsdp)
    sharding.check_batch(mesh, config.batch_size)
    model = MODELS[config.model.name](config.model)
    teacher = sharding.put(mesh, model.init(jax.random.key(0)))
    channels = model.image_shape[-1]
    loss = loss_config(config, [0.5] * channels, [0.25] * channels)
    frozen = sharding.put(mesh, frozen_parts(loss, model, teacher))
    methods = stage_methods(config, loss, model, frozen)
    batches = [_pictures(mesh, model.image_shape, config.batch_size, seed) for seed in (0, 1)]
    key = sharding.put_replicated(mesh, jax.random.key(1))

    programs, states, memory = {}, {}, {}
    for name, program in PROGRAMS.items():
        knobs = {"epsilon": 0.5} if name == "controllable" else {"alpha": 0.1}
        state = methods[program].init(teacher, steps=updates + 1, **knobs)
        states[name], form = jax.tree.flatten(sharding.put(mesh, state))
        step = _step(methods[program], mesh, form)
        programs[name] = step.lower(states[name], *batches, key).compile()
        memory[name] = _memory(programs[name])
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(updates + 1):
        for name, run in programs.items():
            began = time.perf_counter()
            states[name], scalars = run(states[name], *batches, key)
            jax.block_until_ready((states[name], scalars))
            seconds[name].append(time.perf_counter() - began)
    return {
        name: StepCost(statistics.median(values[1:]), memory[name])
        for name, values in seconds.items()
    }


def _step(method: Method, mesh: Any, form: Any) -> Any:
    """As :func:`cu_jax.training.compile_step`, of the state's arrays.

    Lowering makes a tree of descriptions like that of the arguments, and a ``TrainState`` is one of
    arrays alone.
    """

    def step(arrays: Any, retain: Any, forget: Any, key: Any) -> Any:
        state = jax.tree.unflatten(form, arrays)
        state, scalars = method.step(state, retain, forget, jax.random.fold_in(key, state.step))
        return jax.tree.leaves(sharding.kept(mesh, state)), sharding.whole(mesh, scalars)

    return jax.jit(step, donate_argnums=0, compiler_options=EXACT)


def _pictures(mesh: Any, shape: tuple[int, ...], count: int, seed: int) -> Any:
    image = np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
    return sharding.put_batch(mesh, {"image": image, "label": np.zeros(count, np.int32)}, count)


def _memory(program: Any) -> float:
    found = program.memory_analysis()
    if found is None:
        return math.nan
    return float(
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        + found.temp_size_in_bytes
        - found.alias_size_in_bytes
    )
