"""The mesh of devices, and where arrays lie on it. One device is a mesh of one.

The mesh has two axes. A batch is split over both. Parameters, and all that has their shape (the
optimizer's moments, averages, the teacher), are split over ``fsdp`` by a rule of name and shape
alone, and repeated along ``data``: with ``fsdp`` = 1, the default, every device has the whole tree.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

AnyMesh = Mesh | AbstractMesh

AXES = ("data", "fsdp")
"""Names of the mesh's axes."""
SMALLEST = 4096
"""Elements; an array of fewer is on every device: to gather it costs more than it takes."""
WHOLE = (
    *("bias", "scale", "cls_token", "mask_token"),
    *("word_embeddings", "position_embeddings", "decoder_pos_embed_learned", "tokenizer"),
)
"""Names of parameters, and of parts of a model, that every device has whole at any size."""


def make_mesh(fsdp: int = 1) -> Mesh:
    """All devices, of every process, in rows of ``fsdp``: neighbors share one copy of a tree.

    Args:
        fsdp: devices that split a tree among them (``config.mesh.fsdp``).

    Raises:
        ValueError: if the devices do not form such rows.

    Example:
        >>> make_mesh().axis_names
        ('data', 'fsdp')
    """
    count = jax.device_count()
    if fsdp < 1 or count % fsdp:
        raise ValueError(
            f"config.mesh.fsdp must divide the number of devices, {count}, got {fsdp}: change it."
        )
    shape = (count // fsdp, fsdp)
    return jax.make_mesh(shape, AXES, axis_types=(AxisType.Auto,) * 2)


def replicated(mesh: AnyMesh) -> NamedSharding:
    """The whole array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def batched(mesh: AnyMesh) -> NamedSharding:
    """The first axis split over all devices."""
    return NamedSharding(mesh, PartitionSpec(AXES))


def partition(name: str, shape: Sequence[int], fsdp: int) -> PartitionSpec:
    """How an array of a tree is split over ``fsdp`` devices.

    Its longest axis that they divide is split (the last of equals); it is whole on each where
    there is none, where it has less than ``SMALLEST`` elements, and if its name is among ``WHOLE``.

    Args:
        name: of the parameter, the last part of its path.
        shape: of the array.
        fsdp: devices.

    Example:
        >>> tuple(partition("kernel", (768, 3072), 4)), tuple(partition("bias", (8192,), 4))
        ((None, 'fsdp'), ())
    """
    axes = [axis for axis, size in enumerate(shape) if size % fsdp == 0]
    if fsdp == 1 or not axes or math.prod(shape) < SMALLEST or name in WHOLE:
        return PartitionSpec()
    longest = max(axes, key=lambda axis: (shape[axis], axis))
    return PartitionSpec(*(None,) * longest, "fsdp")


def shardings(mesh: AnyMesh, tree: Any) -> list[NamedSharding]:
    """Where the leaves of a tree lie, in their order, by the rule of :func:`partition`.

    Args:
        mesh: the devices.
        tree: arrays or their shapes; the last key of a dictionary in an array's path is its name.

    Note:
        Tables of embeddings and a frozen tokenizer are small beside the rest, and whole: split,
        they make the compiler send features and maps from device to device.
    """

    def rule(path: Any, leaf: Any) -> NamedSharding:
        names = [str(part.key) for part in path if isinstance(part, jax.tree_util.DictKey)]
        name = next((name for name in names if name in WHOLE), names[-1] if names else "")
        return NamedSharding(mesh, partition(name, leaf.shape, mesh.shape["fsdp"]))

    return [rule(*found) for found in jax.tree_util.tree_leaves_with_path(tree)]


def put(mesh: Mesh, tree: Any) -> Any:
    """Places a tree by the rule; every process gives the same values."""
    return _placed(tree, shardings(mesh, tree))


def put_replicated(mesh: Mesh, tree: Any) -> Any:
    """Places a tree whole on every device; every process gives the same values."""
    return _placed(tree, [replicated(mesh)] * len(jax.tree.leaves(tree)))


def kept(mesh: Mesh, tree: Any) -> Any:
    """A tree inside of ``jax.jit``, whose arrays are to lie by the rule."""
    leaves, form = jax.tree.flatten(tree)
    placed = jax.lax.with_sharding_constraint(leaves, shardings(mesh, tree))
    return jax.tree.unflatten(form, placed)


def whole(mesh: Mesh, tree: Any) -> Any:
    """A tree inside of ``jax.jit``, whose arrays are to be whole on every device."""
    return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, replicated(mesh)), tree)


def everywhere(holds: bool) -> bool:
    """Whether something holds in every process; all of them call it.

    Example:
        >>> everywhere(True)
        True
    """
    if jax.process_count() == 1:
        return holds
    return bool(multihost_utils.process_allgather(np.array(holds)).all())


def on_host(tree: Any) -> Any:
    """A tree as NumPy arrays, of which this process may have parts alone; all processes call it."""
    return jax.tree.map(_fetched, tree)


def check_batch(mesh: AnyMesh, batch_size: int) -> None:
    """Refuses a batch that the mesh can't split evenly.

    Raises:
        ValueError: if ``batch_size`` is no multiple of the number of devices.
    """
    if batch_size % mesh.size:
        raise ValueError(
            f"A batch must be a multiple of the {mesh.size} devices, got {batch_size} pictures: "
            f"change the config's batch_size."
        )


def rows(mesh: AnyMesh, batch_size: int) -> slice:
    """The part of a batch that this process reads: its devices' share.

    Of a batch that the devices can't split evenly it is all.

    Example:
        >>> rows(make_mesh(), 64)
        slice(0, 64, None)
    """
    if batch_size % mesh.size:
        return slice(0, batch_size)
    share = batch_size // jax.process_count()
    return slice(jax.process_index() * share, (jax.process_index() + 1) * share)


def put_batch(mesh: Mesh, batch: Any, batch_size: int) -> Any:
    """Places a batch, split evenly over all devices, or whole on each where that can't be.

    Args:
        mesh: the devices.
        batch: NumPy arrays, this process's :func:`rows` of them.
        batch_size: of the whole batch.
    """
    where = replicated(mesh) if batch_size % mesh.size else batched(mesh)
    return jax.tree.map(
        lambda x: jax.make_array_from_process_local_data(where, np.asarray(x)), batch
    )


def _placed(tree: Any, where: list[NamedSharding]) -> Any:
    leaves, form = jax.tree.flatten(tree)
    if jax.process_count() == 1:
        return jax.tree.unflatten(form, jax.device_put(leaves, where))
    return jax.tree.unflatten(form, [_spread(*one) for one in zip(leaves, where, strict=True)])


def _spread(leaf: Any, where: NamedSharding) -> Any:
    """One array on the devices of all processes, each of which has it whole already."""
    if jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key):
        data = _spread(jax.random.key_data(leaf), where)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        return jax.device_put(leaf, where)
    values = np.asarray(leaf)
    return jax.make_array_from_callback(values.shape, where, lambda index: values[index])


def _fetched(leaf: Any) -> np.ndarray:
    if isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated):
        return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))
    return np.asarray(leaf)
