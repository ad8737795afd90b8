"""cu_jax's own update, compiled as a stage compiles it, from a config without weights and data."""

import dataclasses
import time
from typing import Any

import jax
import numpy as np

from cu_jax import sharding
from cu_jax.methods import frozen_parts
from cu_jax.models import MODELS
from cu_jax.stages import loss_config, stage_methods
from cu_jax.startup import EXACT

PROGRAMS = {"ours": ("pareto", {"epsilon": 0.5}), "composite": ("composite", {"alpha": 0.1})}
"""Variant to the program and its knobs."""


@dataclasses.dataclass
class Ours:
    """A compiled update and its state.

    Attributes:
        program: the compiled program.
        state: the state's arrays.
        form: how they form a ``TrainState``.
        arguments: both batches and the key.
        seconds: that compiling took.
    """

    program: Any
    state: Any
    form: Any
    arguments: tuple
    seconds: float

    def __call__(self):
        """Makes an update and waits for it."""
        self.state, scalars = self.program(self.state, *self.arguments)
        jax.block_until_ready((self.state, scalars))
        return scalars

    @property
    def memory(self):
        """Bytes of the compiled program, or None where the compiler does not say."""
        found = self.program.memory_analysis()
        if found is None:
            return None
        held = found.argument_size_in_bytes + found.output_size_in_bytes
        return held + found.temp_size_in_bytes - found.alias_size_in_bytes


class Maker:
    """The model of a config, drawn at random, and its updates."""

    def __init__(self, config):
        self.config, self.mesh = config, sharding.make_mesh()
        self.model = MODELS[config.model.name](config.model)
        self.params = sharding.put(self.mesh, jax.jit(self.model.init)(jax.random.key(0)))
        channels = self.model.image_shape[-1]
        self.loss = loss_config(config, [0.5] * channels, [0.25] * channels)
        self.frozen = None

    def make(self, variant, retain, forget):
        """Compiles an update.

        Args:
            variant: a key of :data:`PROGRAMS`.
            retain, forget: NumPy uint8 pictures ``[b, h, w, c]``.
        """
        if self.frozen is None:
            frozen = frozen_parts(self.loss, self.model, self.params)
            self.frozen = sharding.put(self.mesh, frozen)
        program, knobs = PROGRAMS[variant]
        method = stage_methods(self.config, self.loss, self.model, self.frozen)[program]
        state = sharding.put(self.mesh, method.init(self.params, steps=1000, **knobs))
        arrays, form = jax.tree.flatten(state)
        batches = [self._batch(images) for images in (retain, forget)]
        key = sharding.put_replicated(self.mesh, jax.random.key(1))

        def step(arrays, retain, forget, key):
            state = jax.tree.unflatten(form, arrays)
            key = jax.random.fold_in(key, state.step)
            state, scalars = method.step(state, retain, forget, key)
            return jax.tree.leaves(sharding.kept(self.mesh, state)), scalars

        jitted = jax.jit(step, donate_argnums=0, compiler_options=EXACT)
        began = time.perf_counter()
        compiled = jitted.lower(arrays, *batches, key).compile()
        return Ours(compiled, arrays, form, (*batches, key), time.perf_counter() - began)

    def _batch(self, images):
        batch = {"image": images, "label": np.zeros(len(images), np.int32)}
        return sharding.put_batch(self.mesh, batch, len(images))
