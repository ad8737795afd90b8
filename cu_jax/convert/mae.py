"""Masked autoencoders: arrays as published in PyTorch checkpoints, and our parameter tree.

Pure functions of NumPy arrays. Nothing is computed but transposes, so a way there and back keeps
every bit. The order of q, k, v, of heads, and of (row, column, channel) in a predicted patch is the
published one in our models too.
"""

import re
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from cu_jax.convert.mae_layout import MaeSizes, layout
from cu_jax.positions import sincos_table

Tree = dict[str, Any]

POSITIONS = ("pos_embed", "decoder_pos_embed")
"""Keys of published files that our tree does not hold: our models compute fixed positions."""
_TOLERANCE = 1e-5  # Far above the rounding of float32 values in [-1, 1], far below trained ones.
_DECODER = ("mask_token", "decoder_")


def to_tree(arrays: Mapping[str, Any], sizes: MaeSizes) -> Tree:
    """Renames and transposes published arrays into our tree.

    Args:
        arrays: every array of :func:`~cu_jax.convert.mae_layout.layout`; positions are not used.
        sizes: the model's sizes.

    Returns:
        ``{"encoder": …, "decoder": …}`` for :class:`cu_jax.models.mae.Mae`, views where no copy is
        needed.

    Example:
        >>> sizes = MaeSizes(4, 2, 1, 8, 1, 4, 1, 2.0)
        >>> arrays = {key: np.zeros(shape, np.float32) for key, shape in layout(sizes).items()}
        >>> to_tree(arrays, sizes)["encoder"]["patch_embed"]["kernel"].shape
        (4, 8)
    """
    tree: Tree = {}
    for key in layout(sizes):
        if key in POSITIONS:
            continue
        *parents, leaf = _path(key)
        node = tree
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = _ours(arrays[key])
    return tree


def from_tree(
    tree: Tree, sizes: MaeSizes, positions: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The inverse of :func:`to_tree`: published keys, shapes and order.

    Args:
        tree: our parameters.
        sizes: the model's sizes.
        positions: the two arrays that the tree does not hold: those of the imported file, or
            :func:`fixed_positions`.

    Returns:
        Key to array, as in a published file.

    Example:
        >>> sizes = MaeSizes(4, 2, 1, 8, 1, 4, 1, 2.0)
        >>> arrays = {key: np.ones(shape, np.float32) for key, shape in layout(sizes).items()}
        >>> back = from_tree(to_tree(arrays, sizes), sizes, fixed_positions(sizes))
        >>> list(back) == list(layout(sizes)), back["patch_embed.proj.weight"].shape
        (True, (8, 1, 2, 2))
    """
    arrays = {}
    for key, shape in layout(sizes).items():
        if key in POSITIONS:
            arrays[key] = positions[key]
            continue
        node: Any = tree
        for name in _path(key):
            node = node[name]
        arrays[key] = _published(np.asarray(node), shape)
    return arrays


def template(sizes: MaeSizes) -> Tree:
    """Shapes and dtypes of our tree, for :func:`cu_jax.convert.load_weights`.

    Example:
        >>> template(MaeSizes(4, 2, 1, 8, 1, 4, 1, 2.0))["decoder"]["decoder_pred"]["kernel"]
        ShapeDtypeStruct(shape=(4, 4), dtype=float32)
    """
    shapes = {key: jax.ShapeDtypeStruct(s, np.float32) for key, s in layout(sizes).items()}
    return jax.eval_shape(lambda arrays: to_tree(arrays, sizes), shapes)


def fixed_positions(sizes: MaeSizes) -> dict[str, np.ndarray]:
    """The positions that our models compute, as published files store them.

    Example:
        >>> fixed_positions(MaeSizes(4, 2, 1, 8, 1, 4, 1, 2.0))["pos_embed"].shape
        (1, 5, 8)
    """
    widths = (sizes.encoder_width, sizes.decoder_width)
    return {
        key: sincos_table(width, sizes.grid)[None]
        for key, width in zip(POSITIONS, widths, strict=True)
    }


def check_positions(arrays: Mapping[str, np.ndarray], sizes: MaeSizes, source: str) -> None:
    """Refuses a file whose positions are not the fixed ones that our models compute.

    Args:
        arrays: among them the two of :data:`POSITIONS`.
        sizes: the model's sizes.
        source: the file, for the message.

    Raises:
        ValueError: they differ by more than rounding.

    Example:
        >>> sizes = MaeSizes(4, 2, 1, 8, 1, 4, 1, 2.0)
        >>> check_positions(fixed_positions(sizes), sizes, "mae.pth")
    """
    for key, expected in fixed_positions(sizes).items():
        difference = np.abs(arrays[key] - expected).max()
        if not difference <= _TOLERANCE:  # NaN is refused too
            raise ValueError(
                f"A masked autoencoder must have the fixed sine-cosine positions, and {key} in "
                f"{source} differs from them by up to {difference:.2g}: give a model that was not "
                "trained with positions of its own."
            )


def _path(key: str) -> list[str]:
    """``blocks.3.norm1.weight`` to ``encoder, blocks_3, norm1, scale``."""
    part = "decoder" if key.startswith(_DECODER) else "encoder"
    key = re.sub(r"^((?:decoder_)?blocks)\.(\d+)\.", r"\1_\2.", key)
    *parents, leaf = key.replace("patch_embed.proj.", "patch_embed.").split(".")
    if leaf == "weight":
        leaf = "scale" if "norm" in parents[-1] else "kernel"
    return [part, *parents, leaf]


def _ours(array: Any) -> Any:
    if array.ndim == 4:  # [width, channel, row, column] of the convolution
        return array.transpose(2, 3, 1, 0).reshape(-1, array.shape[0])
    return array.T if array.ndim == 2 else array


def _published(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) == 4:
        width, channels, rows, columns = shape
        return array.reshape(rows, columns, channels, width).transpose(3, 2, 0, 1)
    return array.T if len(shape) == 2 else array
