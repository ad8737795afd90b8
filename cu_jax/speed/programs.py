"""The compiled programs of an experiment, with a model drawn at random and pictures of noise.

Neither time nor memory depends on a model's weights or on what is in a picture.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from cu_jax import sharding
from cu_jax.methods import (
    Method,
    Objectives,
    both_gradients,
    frozen_parts,
    to_model_range,
    unlearning_objectives,
)
from cu_jax.models import MODELS, Model, Params
from cu_jax.speed.flops import count_flops
from cu_jax.stages import loss_config, stage_methods
from cu_jax.startup import EXACT


class Setting(NamedTuple):
    """What the programs of an experiment are made of.

    Attributes:
        config: the experiment's settings.
        model: the model.
        mesh: the devices.
        loss: the losses' settings.
        teacher: the whole model's parameters, on the devices.
        frozen: what the losses read of it.
        methods: name to method, as :func:`cu_jax.stages.stage_methods` has them, and ``descent``:
            the Pareto phase with plain gradient descent in place of its optimizer.
        objectives: the two losses.
        batches: one of each set, of noise; its tokens where the run keeps them.
        key: of the corruptions.
    """

    config: ConfigDict
    model: Model
    mesh: Mesh
    loss: ConfigDict
    teacher: Params
    frozen: Params
    methods: dict[str, Method]
    objectives: Objectives
    batches: tuple[Any, Any]
    key: jax.Array


class Program(NamedTuple):
    """A compiled program.

    Attributes:
        run: it, to be called with arrays like those that it was compiled for.
        compile_seconds: tracing, lowering and compiling; less where the cache has it.
        memory: bytes of arguments, results and all in between, what is donated counted once; NaN
            where the compiler does not say.
        flops: of its matrix products and convolutions, as written and not as compiled.
    """

    run: Callable[..., Any]
    compile_seconds: float
    memory: float
    flops: float


def set_up(config: ConfigDict, teacher: Params | None = None) -> Setting:
    """Draws the model and the batches.

    Args:
        config: the experiment's settings.
        teacher: the whole model's parameters; None: drawn at random.

    Returns:
        All that programs are made of.

    Raises:
        ValueError: if the devices can't share a batch.
    """
    mesh = sharding.make_mesh(config.mesh.fsdp)
    sharding.check_batch(mesh, config.batch_size)
    model = MODELS[config.model.name](config.model)
    drawn = jax.jit(model.init)(jax.random.key(0)) if teacher is None else teacher
    teacher = sharding.put(mesh, drawn)
    channels = model.image_shape[-1]
    loss = loss_config(config, [0.5] * channels, [0.25] * channels)
    frozen = sharding.put(mesh, frozen_parts(loss, model, teacher))
    plain = config.copy_and_resolve_references()
    plain.pareto.optimizer.name = "sgd"
    methods = stage_methods(config, loss, model, frozen)
    methods["descent"] = stage_methods(plain, loss, model, frozen)["pareto"]
    kept = config.data.cache_tokens
    shape = (config.batch_size, *model.image_shape)
    pictures = [np.random.default_rng(i).integers(0, 256, shape, np.uint8) for i in range(2)]
    batches = tuple(batch_of(mesh, model, frozen, image, kept) for image in pictures)
    return Setting(
        config=config,
        model=model,
        mesh=mesh,
        loss=loss,
        teacher=teacher,
        frozen=frozen,
        methods=methods,
        objectives=unlearning_objectives(loss, model),
        batches=batches,
        key=sharding.put_replicated(mesh, jax.random.key(1)),
    )


def batch_of(mesh: Mesh, model: Model, frozen: Params, image: np.ndarray, kept: bool) -> Any:
    """A batch on the devices.

    Args:
        mesh: the devices.
        model: the model.
        frozen: what the losses read of the original.
        image: uint8 ``[b, h, w, c]``.
        kept: whether it has the model's inputs in place of the pictures, as with
            ``config.data.cache_tokens``.
    """
    batch: dict[str, Any] = {"image": image, "label": np.zeros(len(image), np.int32)}
    if kept:
        prepare = jax.jit(lambda rest, x, key: model.prepare(rest, to_model_range(x, model), key))
        inputs = prepare(frozen["rest"], image, jax.random.key(0))
        batch = {"inputs": np.asarray(inputs), "label": batch["label"]}
    return sharding.put_batch(mesh, batch, len(image))


def compiled(function: Callable[..., Any], *args: Any, **options: Any) -> Program:
    """Compiles a function as the experiment does, for arrays like those given.

    Args:
        function: of arrays.
        *args: what it will be called with; nothing is run.
        **options: of ``jax.jit``.

    Returns:
        The program.

    Example:
        >>> import jax.numpy as jnp
        >>> square = compiled(lambda x: x @ x, jnp.ones((10, 10)))
        >>> float(square.run(jnp.ones((10, 10)))[0, 0]), square.flops
        (10.0, 2000.0)
    """
    began = time.perf_counter()
    traced = jax.jit(function, compiler_options=EXACT, **options).trace(*args)
    program = traced.lower().compile()
    seconds = time.perf_counter() - began
    return Program(program, seconds, _memory(program), count_flops(traced.jaxpr))


def update(setting: Setting, name: str, steps: int) -> tuple[Program, list[Any]]:
    """A method's update, as :func:`cu_jax.training.compile_step` compiles it, and its first state.

    Args:
        setting: what it is made of.
        name: of the method.
        steps: of its stage.

    Returns:
        The program ``(leaves of the state, retain, forget, key) -> (leaves, scalars)``, which is
        given its first argument's memory; and the leaves.
    """
    method = setting.methods[name]
    state = method.init(setting.teacher, steps=steps, epsilon=0.5, alpha=0.1)
    leaves, form = jax.tree.flatten(sharding.put(setting.mesh, state))
    step = update_of(method, setting.mesh, form)
    return compiled(step, leaves, *setting.batches, setting.key, donate_argnums=0), leaves


def updating(setting: Setting, name: str, steps: int) -> tuple[Program, Callable[[], Any]]:
    """The program of :func:`update`, and what runs it once more each time, on the same batches.

    Args:
        setting: what it is made of.
        name: of the method.
        steps: of its stage.

    Returns:
        The program; and a function that returns the state and the scalars, which may not be there
        yet.
    """
    program, state = update(setting, name, steps)

    def call() -> Any:
        nonlocal state
        state, scalars = program.run(state, *setting.batches, setting.key)
        return state, scalars

    return program, call


def update_of(method: Method, mesh: Mesh, form: Any) -> Callable[..., Any]:
    """A method's update as a function of the state's leaves.

    Lowering makes a tree of descriptions like that of the arguments, and a ``TrainState`` is one of
    arrays alone.

    Args:
        method: the method.
        mesh: the devices.
        form: of the state.
    """

    def step(leaves: Any, retain: Any, forget: Any, key: Any) -> Any:
        state = jax.tree.unflatten(form, leaves)
        state, scalars = method.step(state, retain, forget, jax.random.fold_in(key, state.step))
        return jax.tree.leaves(sharding.kept(mesh, state)), sharding.whole(mesh, scalars)

    return step


def targets(setting: Setting) -> Program:
    """What the teacher has a part in: ``(frozen, retain, forget, key)`` to both sets' examples."""

    def examples(frozen: Params, retain: Any, forget: Any, key: Any) -> Any:
        return setting.objectives.examples(retain, forget, frozen, key)

    return compiled(examples, setting.frozen, *setting.batches, setting.key)


def gradients(setting: Setting) -> Program:
    """Both losses and gradients, the teacher included: ``(params, *batches, frozen, key)``."""
    params, _ = setting.model.split(setting.teacher)
    both = both_gradients(setting.objectives, setting.config.pareto.microbatches)
    return compiled(both, params, *setting.batches, setting.frozen, setting.key)


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
