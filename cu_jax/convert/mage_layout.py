"""The key layout of published MAGE models, and the sizes that a file's shapes tell.

The layout is that of the PyTorch checkpoints of Li et al. (2023): the blocks of a masked
autoencoder, embeddings of tokens, a head that reads the word embeddings, the tokenizer under
``vqgan.``, and tensors that nothing reads.
"""

import dataclasses
from collections.abc import Mapping

from cu_jax.convert import vqgan_layout
from cu_jax.convert.layouts import (
    Shape,
    Wording,
    blocks,
    check_kind,
    check_layout,
    check_telling,
    depth,
    linear,
    vectors,
)
from cu_jax.convert.state_files import POSITION_IDS
from cu_jax.convert.vqgan_layout import VqGanSizes

WORDING = Wording("a MAGE with its tokenizer", "give mage-vitb-1600.pth or mage-vitl-1600.pth")
"""How messages speak of it."""
TOKENIZER = "vqgan."
"""What stands before the tokenizer's keys."""
UNUSED = (
    *("cls_token", "pos_embed", "mask_token", "decoder_pos_embed", POSITION_IDS),
    *("patch_embed.proj.weight", "patch_embed.proj.bias"),
    *("decoder_pred.weight", "decoder_pred.bias"),
)
"""Keys of published files that the model never reads, left over from the masked autoencoder."""
_TELLING = {
    "token_emb.word_embeddings.weight": 2,
    "token_emb.position_embeddings.weight": 2,
    "decoder_embed.weight": 2,
    "blocks.0.mlp.fc1.weight": 2,
    "decoder_blocks.0.mlp.fc1.weight": 2,
}


@dataclasses.dataclass(frozen=True)
class MageSizes:
    """What the shapes of a file tell; the fields are named as in ``config.model``, but the grid."""

    tokenizer: VqGanSizes
    grid: int
    encoder_width: int
    encoder_depth: int
    decoder_width: int
    decoder_depth: int
    mlp_ratio: float
    vocabulary: int


PUBLISHED = {
    "MAGE ViT-B": MageSizes(vqgan_layout.PUBLISHED, 16, 768, 12, 768, 8, 4.0, 2025),
    "MAGE ViT-L": MageSizes(vqgan_layout.PUBLISHED, 16, 1024, 24, 1024, 8, 4.0, 2025),
}
"""The two published models."""
HEADS = {"MAGE ViT-B": (12, 16), "MAGE ViT-L": (16, 16)}
"""Attention heads of encoder and decoder, which no file tells."""


def layout(sizes: MageSizes) -> dict[str, Shape]:
    """Every key of a published file and its shape, in the file's order.

    Example:
        >>> keys = layout(PUBLISHED["MAGE ViT-L"])
        >>> len(keys), keys["token_emb.word_embeddings.weight"]
        (577, (2025, 1024))
    """
    wide, narrow = sizes.encoder_width, sizes.decoder_width
    tokens = 1 + sizes.grid**2
    channels, side = sizes.tokenizer.channels, sizes.tokenizer.patch_size
    tokenizer = vqgan_layout.layout(sizes.tokenizer)
    return {
        "cls_token": (1, 1, wide),
        "pos_embed": (1, tokens, wide),
        "mask_token": (1, 1, narrow),
        "decoder_pos_embed": (1, tokens, narrow),
        "decoder_pos_embed_learned": (1, tokens, narrow),
        **{f"{TOKENIZER}{key}": shape for key, shape in tokenizer.items()},
        POSITION_IDS: (1, tokens),
        "token_emb.word_embeddings.weight": (sizes.vocabulary, wide),
        "token_emb.position_embeddings.weight": (tokens, wide),
        **vectors("token_emb.LayerNorm", wide),
        "patch_embed.proj.weight": (wide, channels, side, side),
        "patch_embed.proj.bias": (wide,),
        **blocks("blocks", sizes.encoder_depth, wide, sizes.mlp_ratio),
        **vectors("norm", wide),
        **linear("decoder_embed", narrow, wide),
        **blocks("decoder_blocks", sizes.decoder_depth, narrow, sizes.mlp_ratio),
        **vectors("decoder_norm", narrow),
        **linear("decoder_pred", side**2 * channels, narrow),
        "mlm_layer.bias": (1, 1, sizes.vocabulary),
        **linear("mlm_layer.fc", wide, narrow),
        **vectors("mlm_layer.ln", wide),
    }


def recognize(shapes: Mapping[str, Shape], source: str) -> MageSizes:
    """The sizes of the MAGE in a file, if it holds a whole one.

    Args:
        shapes: of every array in the file, by its key.
        source: the file, for the message.

    Returns:
        The sizes; :func:`layout` of them is exactly ``shapes``.

    Raises:
        ValueError: the file holds another kind of model, lacks the tokenizer or other keys, has
            others, or has shapes that do not fit each other.

    Example:
        >>> recognize(layout(PUBLISHED["MAGE ViT-B"]), "mage.pth") == PUBLISHED["MAGE ViT-B"]
        True
    """
    check_kind(shapes, "mage", source)
    check_telling(shapes, _TELLING, layout(PUBLISHED["MAGE ViT-B"]), WORDING, source)
    if not any(key.startswith(TOKENIZER) for key in shapes):
        raise ValueError(
            f"A MAGE must come with its tokenizer, and {source} has no {TOKENIZER}… among its "
            f"keys: {WORDING.advice}."
        )
    tokenizer = vqgan_layout.read_sizes(shapes, source, WORDING, TOKENIZER)
    sizes = _sizes(shapes, tokenizer, source)
    check_layout(shapes, layout(sizes), WORDING, source)
    return sizes


def published_name(sizes: MageSizes) -> str | None:
    """The published model that has these sizes, or None.

    Example:
        >>> published_name(PUBLISHED["MAGE ViT-L"])
        'MAGE ViT-L'
    """
    return next((name for name, known in PUBLISHED.items() if known == sizes), None)


def _sizes(shapes: Mapping[str, Shape], tokenizer: VqGanSizes, source: str) -> MageSizes:
    vocabulary, wide = shapes["token_emb.word_embeddings.weight"]
    narrow = shapes["decoder_embed.weight"][0]
    tokens = shapes["token_emb.position_embeddings.weight"][0] - 1
    grid = round(tokens**0.5)
    ratios = [
        shapes["blocks.0.mlp.fc1.weight"][0] / wide,
        shapes["decoder_blocks.0.mlp.fc1.weight"][0] / narrow,
    ]
    wrong = ""
    if grid < 1 or grid**2 != tokens:
        wrong = f"{tokens} tokens, which are no square"
    elif wide != narrow or wide % 4:
        wrong = f"an encoder {wide} wide and a decoder {narrow} wide"
    elif ratios[0] != ratios[1]:
        wrong = f"MLPs that are {ratios[0]:g} and {ratios[1]:g} times as wide as their blocks"
    if wrong:
        raise ValueError(
            "A MAGE must have a square of tokens, one width of encoder and decoder, a multiple of "
            f"4, and one ratio of MLP to width, and that in {source} has {wrong}: give another "
            "file."
        )
    return MageSizes(
        tokenizer=tokenizer,
        grid=grid,
        encoder_width=wide,
        encoder_depth=depth(shapes, "blocks"),
        decoder_width=narrow,
        decoder_depth=depth(shapes, "decoder_blocks"),
        mlp_ratio=ratios[0],
        vocabulary=vocabulary,
    )
