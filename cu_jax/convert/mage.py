"""MAGE: arrays as published in PyTorch checkpoints, and our parameter tree.

The renaming of :mod:`cu_jax.convert.renaming`, what published files hold and the model never reads,
and the one tensor that two of our parameters may come from: the word embeddings.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cu_jax.convert import vqgan
from cu_jax.convert.mage_layout import TOKENIZER, UNUSED, MageSizes, layout
from cu_jax.convert.renaming import Renaming, Tree, leaf_name, numbered
from cu_jax.convert.state_files import POSITION_IDS

_DECODER = ("decoder_", "mlm_layer.")


def to_tree(arrays: Mapping[str, Any], sizes: MageSizes, tie_head: bool) -> Tree:
    """Renames and transposes published arrays into our tree.

    Args:
        arrays: every array of :func:`~cu_jax.convert.mage_layout.layout`; unused ones may be
            missing.
        sizes: the model's sizes.
        tie_head: whether the head is to read the encoder's word embeddings, as in the published
            model; else it gets a copy.

    Returns:
        ``{"encoder": …, "decoder": …, "tokenizer": …}`` for :class:`cu_jax.models.mage.Mage`, views
        where no copy is needed.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> arrays = {key: np.broadcast_to(np.float32(0), shape)
        ...           for key, shape in layout(PUBLISHED["MAGE ViT-B"]).items()}
        >>> tree = to_tree(arrays, PUBLISHED["MAGE ViT-B"], tie_head=False)
        >>> tree["decoder"]["mlm_layer"]["word_embeddings"].shape
        (2025, 768)
    """
    tree = _renaming(sizes).to_tree(arrays)
    if not tie_head:
        tree["decoder"]["mlm_layer"]["word_embeddings"] = _words(tree)
    return tree


def from_tree(
    tree: Tree, sizes: MageSizes, unused: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The inverse of :func:`to_tree`: published keys, shapes and order.

    Args:
        tree: our parameters; word embeddings of the head's own are left out.
        sizes: the model's sizes.
        unused: the arrays that the tree does not hold: those of the imported file, or
            :func:`fresh_unused`.

    Returns:
        Key to array, as in a published file.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> sizes = PUBLISHED["MAGE ViT-B"]
        >>> arrays = {key: np.broadcast_to(np.float32(0), shape)
        ...           for key, shape in layout(sizes).items()}
        >>> back = from_tree(to_tree(arrays, sizes, tie_head=True), sizes, fresh_unused(sizes))
        >>> list(back) == list(layout(sizes)), back["mlm_layer.bias"].shape
        (True, (1, 1, 2025))
    """
    return _renaming(sizes).from_tree(tree, unused)


def template(sizes: MageSizes, tie_head: bool) -> Tree:
    """Shapes and dtypes of our tree, for :func:`cu_jax.convert.load_weights`.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> template(PUBLISHED["MAGE ViT-B"], tie_head=True)["decoder"]["mlm_layer"]["bias"]
        ShapeDtypeStruct(shape=(2025,), dtype=float32)
    """
    tree = _renaming(sizes).template()
    if not tie_head:
        tree["decoder"]["mlm_layer"]["word_embeddings"] = _words(tree)
    return tree


def head_moved(tree: Tree, sizes: MageSizes) -> float:
    """How far the encoder's word embeddings are from those that the head reads.

    Args:
        tree: our parameters.
        sizes: the model's sizes.

    Returns:
        The largest difference among the embeddings of codes, the only ones that the head reads; 0
        for a tied head.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> encoder = {"token_emb": {"word_embeddings": np.ones((2025, 768))}}
        >>> decoder = {"mlm_layer": {"word_embeddings": np.zeros((2025, 768))}}
        >>> head_moved({"encoder": encoder, "decoder": decoder}, PUBLISHED["MAGE ViT-B"])
        1.0
    """
    own = tree["decoder"]["mlm_layer"].get("word_embeddings")
    if own is None:
        return 0.0
    codes = sizes.tokenizer.codes
    return float(np.abs(_words(tree)[:codes] - own[:codes]).max())


def unused_shapes(sizes: MageSizes) -> Tree:
    """Shapes and dtypes of what our tree does not hold, for :func:`cu_jax.convert.load_weights`.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> unused_shapes(PUBLISHED["MAGE ViT-B"])["token_emb.position_ids"].dtype
        dtype('int64')
    """
    shapes = layout(sizes)
    # Not a jax array's description: without 64-bit mode jax has no int64.
    return {
        key: np.broadcast_to(np.zeros((), np.int64 if key == POSITION_IDS else np.float32), shape)
        for key, shape in shapes.items()
        if key in UNUSED
    }


def fresh_unused(sizes: MageSizes) -> dict[str, np.ndarray]:
    """What a published file must hold though nothing reads it: zeros, and the position ids.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> fresh_unused(PUBLISHED["MAGE ViT-B"])["token_emb.position_ids"][0, -1]
        np.int64(256)
    """
    arrays: dict[str, np.ndarray] = unused_shapes(sizes)
    ids = np.arange(arrays[POSITION_IDS].shape[1], dtype=np.int64)[None]
    return arrays | {POSITION_IDS: ids}


def check_position_ids(arrays: Mapping[str, np.ndarray], source: str) -> None:
    """Refuses a file whose positions are numbered otherwise than in order.

    Raises:
        ValueError: they are.

    Example:
        >>> check_position_ids({"token_emb.position_ids": np.arange(17)[None]}, "mage.pth")
    """
    ids = arrays[POSITION_IDS]
    if (ids != np.arange(ids.shape[1])).any():
        raise ValueError(
            f"{POSITION_IDS} must number the positions 0, 1, 2, … of a MAGE, and those in {source} "
            "do not: give a file without changes."
        )


def _renaming(sizes: MageSizes) -> Renaming:
    return Renaming(layout(sizes), _path, {"mlm_layer.bias": 1})


def _path(key: str) -> tuple[str, ...] | None:
    """``token_emb.LayerNorm.weight`` to ``encoder, token_emb, LayerNorm, scale``."""
    if key in UNUSED:
        return None
    if key.startswith(TOKENIZER):
        return ("tokenizer", *vqgan.path(key.removeprefix(TOKENIZER)))
    part = "decoder" if key.startswith(_DECODER) else "encoder"
    for prefix in ("blocks", "decoder_blocks"):
        key = numbered(key, prefix)
    *parents, leaf = key.split(".")
    if parents and parents[-1].endswith("_embeddings"):
        return (part, *parents)
    return (part, *parents, leaf_name(leaf, parents[-1]) if parents else leaf)


def _words(tree: Tree) -> Any:
    return tree["encoder"]["token_emb"]["word_embeddings"]
