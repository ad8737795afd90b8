"""Masked autoencoders: arrays as published in PyTorch checkpoints, and our parameter tree.

The renaming of :mod:`cu_jax.convert.renaming`, and the fixed positions that published files store
and our models compute.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cu_jax.convert.mae_layout import MaeSizes, layout
from cu_jax.convert.renaming import Renaming, Tree, leaf_name, numbered
from cu_jax.positions import sincos_table

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
    return _renaming(sizes).to_tree(arrays)


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
    return _renaming(sizes).from_tree(tree, positions)


def template(sizes: MaeSizes) -> Tree:
    """Shapes and dtypes of our tree, for :func:`cu_jax.convert.load_weights`.

    Example:
        >>> template(MaeSizes(4, 2, 1, 8, 1, 4, 1, 2.0))["decoder"]["decoder_pred"]["kernel"]
        ShapeDtypeStruct(shape=(4, 4), dtype=float32)
    """
    return _renaming(sizes).template()


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


def _renaming(sizes: MaeSizes) -> Renaming:
    # The convolution that embeds patches is a dense layer of ours, [row · column · channel, width].
    return Renaming(layout(sizes), _path, {"patch_embed.proj.weight": 2})


def _path(key: str) -> tuple[str, ...] | None:
    """``blocks.3.norm1.weight`` to ``encoder, blocks_3, norm1, scale``."""
    if key in POSITIONS:
        return None
    part = "decoder" if key.startswith(_DECODER) else "encoder"
    for prefix in ("blocks", "decoder_blocks"):
        key = numbered(key, prefix)
    *parents, leaf = key.replace("patch_embed.proj.", "patch_embed.").split(".")
    return (part, *parents, leaf_name(leaf, parents[-1]) if parents else leaf)
