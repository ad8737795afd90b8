"""Published arrays into our parameter trees and back, one renaming for every kind of model.

Pure functions of NumPy arrays. Nothing is computed but transposes, so a way there and back keeps
every bit. The order of q, k, v, of heads, and of (row, column, channel) in a patch is the published
one in our models too.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from cu_jax.convert.layouts import Shape

Tree = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Renaming:
    """Where each published array lies in our tree.

    A leaf called ``kernel`` has its axes turned: ``[outputs, inputs]`` to ``[inputs, outputs]``,
    and a convolution's ``[outputs, inputs, row, column]`` to ``[row, column, inputs, outputs]``.

    Args:
        layout: every key of the file and its shape, in the file's order.
        path: a key's names from our tree's root to the leaf; None if our tree does not hold it.
        rank: the axes of those leaves of ours that have fewer than the published array, by key: the
            first ones are merged.

    Example:
        >>> renaming = Renaming({"head.weight": (2, 3)}, lambda key: ("head", "kernel"))
        >>> tree = renaming.to_tree({"head.weight": np.ones((2, 3), np.float32)})
        >>> tree["head"]["kernel"].shape
        (3, 2)
        >>> renaming.from_tree(tree, {})["head.weight"].shape
        (2, 3)
    """

    layout: Mapping[str, Shape]
    path: Callable[[str], tuple[str, ...] | None]
    rank: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def to_tree(self, arrays: Mapping[str, Any]) -> Tree:
        """Our tree, views where no copy is needed.

        Args:
            arrays: every array of the layout; those that our tree does not hold may be missing.
        """
        tree: Tree = {}
        for key in self.layout:
            path = self.path(key)
            if path is None:
                continue
            array = arrays[key].transpose(self._axes(key))
            if key in self.rank:
                array = array.reshape(-1, *array.shape[array.ndim - self.rank[key] + 1 :])
            node = tree
            for name in path[:-1]:
                node = node.setdefault(name, {})
            node[path[-1]] = array
        return tree

    def from_tree(self, tree: Tree, beside: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The inverse of :meth:`to_tree`: published keys, shapes and order.

        Args:
            tree: our parameters; leaves that no key leads to are left out.
            beside: the arrays that our tree does not hold.
        """
        arrays = {}
        for key, shape in self.layout.items():
            path = self.path(key)
            if path is None:
                arrays[key] = beside[key]
                continue
            node: Any = tree
            for name in path:
                node = node[name]
            axes = self._axes(key)
            turned = np.asarray(node).reshape([shape[axis] for axis in axes])
            arrays[key] = turned.transpose(np.argsort(axes))
        return arrays

    def template(self) -> Tree:
        """Shapes and dtypes of our tree, for :func:`cu_jax.convert.load_weights`."""
        shapes = {
            key: jax.ShapeDtypeStruct(shape, np.float32)
            for key, shape in self.layout.items()
            if self.path(key) is not None
        }
        return jax.eval_shape(self.to_tree, shapes)

    def _axes(self, key: str) -> tuple[int, ...]:
        axes = tuple(range(len(self.layout[key])))
        path = self.path(key)
        if path is None or path[-1] != "kernel":
            return axes
        return (*axes[2:], 1, 0)


def numbered(key: str, prefix: str) -> str:
    """``blocks.3.norm1.weight`` to ``blocks_3.norm1.weight``.

    Example:
        >>> numbered("blocks.3.norm1.weight", "blocks")
        'blocks_3.norm1.weight'
    """
    start = f"{prefix}."
    return f"{prefix}_{key.removeprefix(start)}" if key.startswith(start) else key


def leaf_name(published: str, parent: str) -> str:
    """What we call a layer's ``weight``: ``scale`` in a norm, else ``kernel``.

    Example:
        >>> leaf_name("weight", "decoder_norm"), leaf_name("weight", "qkv"), leaf_name("bias", "ln")
        ('scale', 'kernel', 'bias')
    """
    if published != "weight":
        return published
    return "scale" if "norm" in parent.lower() or parent == "ln" else "kernel"
