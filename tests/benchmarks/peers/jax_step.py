"""cu_jax's own update, compiled as a stage compiles it, from a config without weights and data."""

import dataclasses
from typing import Any

import jax

from cu_jax import sharding
from cu_jax.speed import programs

PROGRAMS = {
    "ours": ("pareto", {"epsilon": 0.5}),
    "composite": ("composite", {"alpha": 0.1}),
    "kept": ("pareto", {"epsilon": 0.5}),
}
"""Variant to the program and its knobs."""


@dataclasses.dataclass
class Ours:
    """A compiled update and its state.

    Attributes:
        program: the compiled program.
        state: the state's arrays.
        form: how they form a ``TrainState``.
        arguments: both batches and the key.
    """

    program: programs.Program
    state: Any
    form: Any
    arguments: tuple

    def __call__(self):
        """Makes an update; its scalars may not be there yet."""
        self.state, scalars = self.program.run(self.state, *self.arguments)
        return scalars

    @property
    def seconds(self):
        """That compiling took."""
        return self.program.compile_seconds

    @property
    def memory(self):
        """Bytes of the compiled program."""
        return self.program.memory


class Maker:
    """The model of a config, and its updates.

    Args:
        config: the settings.
        params: of the whole model; None: drawn at random.
    """

    def __init__(self, config, params=None):
        self.setting = programs.set_up(config, params)

    def make(self, variant, retain, forget):
        """Compiles an update.

        Args:
            variant: a key of :data:`PROGRAMS`.
            retain, forget: NumPy uint8 pictures ``[b, h, w, c]``.
        """
        setting, (name, knobs) = self.setting, PROGRAMS[variant]
        method = setting.methods[name]
        state = method.init(setting.teacher, steps=1000, **knobs)
        arrays, form = jax.tree.flatten(sharding.put(setting.mesh, state))
        made_of = (setting.mesh, setting.model, setting.frozen)
        batches = [programs.batch_of(*made_of, x, variant == "kept") for x in (retain, forget)]
        step = programs.update_of(method, setting.mesh, form)
        program = programs.compiled(step, arrays, *batches, setting.key, donate_argnums=0)
        return Ours(program, arrays, form, (*batches, setting.key))
