"""Orbax checkpoints of a stage: state, data position, step. The only file that knows Orbax."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from etils import epath

from cu_jax.train_state import TrainState


class StageCheckpoints:
    """The checkpoints of one stage, in ``<workdir>/stages/<name>/<step>/``.

    Args:
        folder: the stage's folder; made if missing.
        keep: newest checkpoints to keep.

    Example:
        >>> import tempfile, jax.numpy as jnp, optax
        >>> from cu_jax import train_state
        >>> state = train_state.create({"w": jnp.ones(2)}, optax.sgd(0.1))
        >>> with StageCheckpoints(tempfile.mkdtemp()) as checkpoints:
        ...     checkpoints.save(state, 3, {"position": 7})
        ...     checkpoints.wait()
        ...     checkpoints.latest_step(), checkpoints.restore(state)[1]
        (3, {'position': 7})
    """

    def __init__(self, folder: str | Path, keep: int = 1) -> None:
        self._manager = ocp.CheckpointManager(
            epath.Path(folder).absolute(),
            options=ocp.CheckpointManagerOptions(max_to_keep=keep, create=True),
        )

    def __enter__(self) -> "StageCheckpoints":
        """Returns itself; leaving waits for pending writes."""
        return self

    def __exit__(self, *error: object) -> None:
        """Finishes pending writes."""
        self._manager.close()

    def latest_step(self) -> int | None:
        """The newest whole checkpoint's step, or None."""
        return self._manager.latest_step()

    def save(self, state: TrainState, step: int, data: dict[str, Any]) -> None:
        """Starts writing; the arrays are copied first, so the state may be donated at once."""
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(state.saved()), data=ocp.args.JsonSave(data)
        )
        self._manager.save(step, args=items)

    def restore(self, template: TrainState) -> tuple[TrainState, dict[str, Any]]:
        """The newest checkpoint.

        Args:
            template: a fresh state of the same stage: structure, shapes, and where arrays lie.

        Returns:
            The state (constants from the template) and the data iterator's state.
        """
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, template.saved())
        restored = self._manager.restore(
            self.latest_step(),
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(abstract), data=ocp.args.JsonRestore()
            ),
        )
        return dataclasses.replace(template, **restored["state"]), restored["data"]

    def wait(self) -> None:
        """Waits for pending writes."""
        self._manager.wait_until_finished()


def encode_position(state: Any) -> dict[str, Any]:
    """A Grain iterator's state (bytes or a JSON tree) as what a checkpoint keeps."""
    return {"grain": state.decode() if isinstance(state, bytes) else json.dumps(state)}


def decode_position(data: dict[str, Any], like: Any) -> Any:
    """The inverse of :func:`encode_position`, of the type of ``like``."""
    return data["grain"].encode() if isinstance(like, bytes) else json.loads(data["grain"])
