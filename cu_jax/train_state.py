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
    """

    step: Int[Array, ""]
    params: Params
    opt_state: optax.OptState
    frozen: Params
    knobs: dict[str, Float[Array, ""]]

    def updated(self, updates: optax.Updates, opt_state: optax.OptState) -> "TrainState":
        """The state one step on, after ``updates``."""
        params = optax.apply_updates(self.params, updates)
        return dataclasses.replace(self, step=self.step + 1, params=params, opt_state=opt_state)

    def saved(self) -> dict[str, Any]:
        """What a checkpoint keeps; the rest is rebuilt from the config."""
        return {"step": self.step, "params": self.params, "opt_state": self.opt_state}


def create(
    params: Params,
    tx: optax.GradientTransformation,
    frozen: Params = None,
    knobs: Mapping[str, ArrayLike] | None = None,
) -> TrainState:
    """A state at step 0.

    Args:
        params: the tree to train; copied, so that donating the state leaves the caller's alone.
        tx: its optimizer.
        frozen: constants of the stage; copied likewise.
        knobs: named numbers.

    Returns:
        The state.

    Example:
        >>> import jax.numpy as jnp, optax
        >>> int(create({"w": jnp.ones(3)}, optax.sgd(0.1)).step)
        0
    """
    params, frozen = jax.tree.map(jnp.array, (params, frozen))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=tx.init(params),
        frozen=frozen,
        knobs={name: jnp.asarray(value, jnp.float32) for name, value in (knobs or {}).items()},
    )
