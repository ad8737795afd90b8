"""The mesh of devices, and where arrays lie on it. One device is a mesh of one."""

from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec


def make_mesh() -> Mesh:
    """All devices along one axis, ``data``.

    Example:
        >>> make_mesh().axis_names
        ('data',)
    """
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
    """The whole array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def batched(mesh: Mesh) -> NamedSharding:
    """The first axis split over ``data``."""
    return NamedSharding(mesh, PartitionSpec("data"))


def check_batch(mesh: Mesh | AbstractMesh, batch_size: int) -> None:
    """Refuses a batch that the mesh can't split evenly.

    Raises:
        ValueError: if ``batch_size`` is no multiple of the number of devices.
    """
    devices = mesh.shape["data"]
    if batch_size % devices:
        raise ValueError(
            f"A batch must be a multiple of the {devices} devices, got {batch_size} pictures: "
            f"change the config's batch_size."
        )


def put_batch(mesh: Mesh, batch: Any) -> Any:
    """Places this process's share of a batch (NumPy arrays) on the devices."""
    where = batched(mesh)
    return jax.tree.map(
        lambda x: jax.make_array_from_process_local_data(where, np.asarray(x)), batch
    )


def put_replicated(mesh: Mesh, tree: Any) -> Any:
    """Places a tree whole on every device."""
    return jax.device_put(tree, replicated(mesh))
