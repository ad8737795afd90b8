"""What a training step carries from one step to the next."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from cu_jax.models import Params
from cu_jax.optim import SkipNonfiniteState


@flax.struct.dataclass
class TrainState:
    """Parameters, optimizer state and the constants of one stage, as one tree of arrays.

    Attributes:
        step: int32, updates done so far.
        params: the tree that is trained.
        opt_state: the optimizer's state over ``params``.
        frozen: what a step reads and never changes: the rest of the model, the teacher.
        knobs: named float32 scalars that tell stages of one method apart (``epsilon``, ``alpha``,
            ``steps``): numbers in the state, so that such stages share one compiled program.
        average: None, or the exponential moving average of ``params``, float32, which began as the
            parameters that the stage was given: ``average ← d · average + (1 - d) · params`` with
            d the knob ``ema_decay``.
    """

    step: Int[Array, ""]
    params: Params
    opt_state: optax.OptState
    frozen: Params
    knobs: dict[str, Float[Array, ""]]
    average: Params = None

    def updated(self, updates: optax.Updates, opt_state: optax.OptState) -> "TrainState":
        """The state one step on, after ``updates``; a skipped step moves nothing but its number."""
        params = optax.apply_updates(self.params, updates)
        average = self.average
        if average is not None:
            share = 1 - self.knobs["ema_decay"]
            average = jax.tree.map(lambda old, new: old + share * (new - old), average, params)
        if isinstance(opt_state, SkipNonfiniteState):
            # Updates of zero are not enough: they make 0 of -0, and the average moves on.
            skipped = opt_state.notfinite_count != self.opt_state.notfinite_count
            params, average = jax.tree.map(
                lambda old, new: jnp.where(skipped, old, new),
                (self.params, self.average),
                (params, average),
            )
        return dataclasses.replace(
            self, step=self.step + 1, params=params, opt_state=opt_state, average=average
        )

    @property
    def nonfinite_steps(self) -> int:
        """Steps skipped so far, whose loss or gradient was not finite."""
        counted = isinstance(self.opt_state, SkipNonfiniteState)
        return int(self.opt_state.notfinite_count) if counted else 0

    @property
    def result(self) -> Params:
        """What the stage is for: the average if there is one, else the parameters."""
        return self.params if self.average is None else self.average

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps; the rest is rebuilt from the config."""
        kept = {"step": self.step, "params": self.params, "opt_state": self.opt_state}
        return kept if self.average is None else kept | {"average": self.average}


def create(
    params: Params,
    tx: optax.GradientTransformation,
    frozen: Params = None,
    knobs: Mapping[str, ArrayLike] | None = None,
    ema_decay: float = 0.0,
) -> TrainState:
    """A state at step 0.

    Args:
        params: the tree to train; copied, so that donating the state leaves the caller's alone.
        tx: its optimizer.
        frozen: constants of the stage; copied likewise.
        knobs: named numbers.
        ema_decay: of the parameters' moving average, in [0, 1); 0: there is none.

    Returns:
        The state.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> int(create({"w": jnp.ones(3)}, optax.sgd(0.1)).step)
        0
    """
    params, frozen = jax.tree.map(jnp.array, (params, frozen))
    numbers = dict(knobs or {})
    average = None
    if ema_decay:
        numbers["ema_decay"] = ema_decay
        average = jax.tree.map(lambda x: jnp.array(x, jnp.float32), params)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=tx.init(params),
        frozen=frozen,
        knobs={name: jnp.asarray(value, jnp.float32) for name, value in numbers.items()},
        average=average,
    )
