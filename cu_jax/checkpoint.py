"""Orbax checkpoints of a stage: state, data position, step. The only file that knows Orbax."""

import contextlib
import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import orbax.checkpoint as ocp
from etils import epath

from cu_jax import bounded
from cu_jax.digest import digest
from cu_jax.train_state import TrainState

_JSON = ("metadata", ".zarray", "zarr.json", "_sharding")
"""How the names of the files end that are read whole; arrays are as large as the state's are."""


class Restored(NamedTuple):
    """A checkpoint that was read.

    Attributes:
        state: with the constants of the template.
        step: updates that were done.
        data: what was saved beside the state.
    """

    state: TrainState
    step: int
    data: dict[str, Any]


class StageCheckpoints:
    """The checkpoints of one stage, in ``<workdir>/stages/<name>/<step>/``.

    A checkpoint is written under another name and renamed when it is whole; it carries a digest of
    its arrays, so that one that was changed afterwards is not taken for whole either.

    Args:
        folder: the stage's folder; made if missing.
        keep: newest checkpoints to keep: more than one, should the newest be damaged.

    Example:
        >>> import tempfile, jax.numpy as jnp, optax
        >>> from cu_jax import train_state
        >>> state = train_state.create({"w": jnp.ones(2)}, optax.sgd(0.1))
        >>> with StageCheckpoints(tempfile.mkdtemp()) as checkpoints:
        ...     checkpoints.save(state, 3, {"position": 7})
        ...     checkpoints.wait()
        ...     restored = checkpoints.restore_newest(state)
        ...     restored.step, restored.data["position"]
        (3, 7)
    """

    def __init__(self, folder: str | Path, keep: int = 2) -> None:
        self._folder = Path(folder).absolute()
        self._manager = ocp.CheckpointManager(
            epath.Path(self._folder),
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep, create=True, cleanup_tmp_directories=True
            ),
        )

    def __enter__(self) -> "StageCheckpoints":
        """Returns itself; leaving waits for pending writes."""
        return self

    def __exit__(self, *error: object) -> None:
        """Finishes pending writes."""
        self._manager.close()

    def save(self, state: TrainState, step: int, data: dict[str, Any]) -> None:
        """Starts writing; the arrays are copied first, so the state may be donated at once."""
        saved = state.saved()
        known = data | {"digest": int(digest(saved))}
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(saved), data=ocp.args.JsonSave(known)
        )
        self._manager.save(step, args=items)

    def restore_newest(self, template: TrainState) -> Restored | None:
        """The newest whole checkpoint; damaged ones are said, and get ``.damaged`` to their name.

        Args:
            template: a fresh state of the same stage: structure, shapes, and where arrays lie.

        Returns:
            The checkpoint, or None if there is no whole one.
        """
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                return self._restored(template, step)
            except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
                # What Orbax and its stores raise for files that are cut, changed or gone.
                self._put_aside(step, error)
        return None

    def _put_aside(self, step: int, error: Exception) -> None:
        path = self._folder / str(step)
        aside = path.with_name(f"{step}.damaged")
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        shutil.rmtree(aside, ignore_errors=True)
        if jax.process_count() > 1:  # others may not have met the damage, and wait for this one
            with contextlib.suppress(FileNotFoundError):
                path.rename(aside)
            raise ValueError(
                f"Checkpoints must be whole, and {path} is damaged and now called {aside.name} "
                f"({reason}): give the same command again, and it goes on from the one before."
            ) from error
        path.rename(aside)
        self._manager.reload()
        print(
            f"The checkpoint {path} is damaged and now called {aside.name} ({reason}): going on "
            "from the one before.",
            file=sys.stderr,
            flush=True,
        )

    def _restored(self, template: TrainState, step: int) -> Restored:
        for path in (self._folder / str(step)).rglob("*"):
            if path.name.lower().endswith(_JSON) and path.stat().st_size > bounded.RECORD:
                raise ValueError(f"{path.name} has more than {bounded.RECORD:,} bytes")
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, template.saved())
        read = self._manager.restore(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(abstract), data=ocp.args.JsonRestore()
            ),
        )
        if int(digest(read["state"])) != read["data"]["digest"]:
            raise ValueError("its arrays are not those that were saved")
        return Restored(dataclasses.replace(template, **read["state"]), step, read["data"])

    def wait(self) -> None:
        """Waits for pending writes."""
        self._manager.wait_until_finished()


def encode_position(state: Any) -> str:
    """A Grain iterator's state (bytes or a JSON tree) as what a checkpoint keeps."""
    return state.decode() if isinstance(state, bytes) else json.dumps(state)


def decode_position(text: str, like: Any) -> Any:
    """The inverse of :func:`encode_position`, of the type of ``like``."""
    return text.encode() if isinstance(like, bytes) else json.loads(text)
