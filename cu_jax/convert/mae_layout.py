"""The key layout of published masked autoencoders, and the sizes that a file's shapes tell.

The layout is that of the PyTorch checkpoints of He et al. (2022): a convolution that embeds
patches, ``blocks.N``, ``decoder_blocks.N``, and fixed positions that are stored all the same.
"""

import dataclasses
from collections.abc import Mapping

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

WORDING = Wording("a masked autoencoder", "give mae_visualize_vit_base.pth, _large or _huge")
# What the sizes are read from, and the number of axes of each.
_TELLING = {
    "cls_token": 3,
    "mask_token": 3,
    "pos_embed": 3,
    "patch_embed.proj.weight": 4,
    "blocks.0.mlp.fc1.weight": 2,
    "decoder_blocks.0.mlp.fc1.weight": 2,
}


@dataclasses.dataclass(frozen=True)
class MaeSizes:
    """What the shapes of a file tell; the fields are named as in ``config.model``."""

    image_size: int
    patch_size: int
    channels: int
    encoder_width: int
    encoder_depth: int
    decoder_width: int
    decoder_depth: int
    mlp_ratio: float

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // self.patch_size


PUBLISHED = {
    "ViT-B/16": MaeSizes(224, 16, 3, 768, 12, 512, 8, 4.0),
    "ViT-L/16": MaeSizes(224, 16, 3, 1024, 24, 512, 8, 4.0),
    "ViT-H/14": MaeSizes(224, 14, 3, 1280, 32, 512, 8, 4.0),
}
"""The three published models."""
HEADS = {"ViT-B/16": (12, 16), "ViT-L/16": (16, 16), "ViT-H/14": (16, 16)}
"""Attention heads of encoder and decoder, which no file tells."""


def layout(sizes: MaeSizes) -> dict[str, Shape]:
    """Every key of a published file and its shape, in the file's order.

    Example:
        >>> keys = layout(PUBLISHED["ViT-L/16"])
        >>> len(keys), keys["blocks.23.attn.qkv.weight"]
        (398, (3072, 1024))
    """
    wide, narrow = sizes.encoder_width, sizes.decoder_width
    tokens = 1 + sizes.grid**2
    patch = (sizes.channels, sizes.patch_size, sizes.patch_size)
    outputs = sizes.patch_size**2 * sizes.channels
    return {
        "cls_token": (1, 1, wide),
        "pos_embed": (1, tokens, wide),
        "mask_token": (1, 1, narrow),
        "decoder_pos_embed": (1, tokens, narrow),
        "patch_embed.proj.weight": (wide, *patch),
        "patch_embed.proj.bias": (wide,),
        **blocks("blocks", sizes.encoder_depth, wide, sizes.mlp_ratio),
        **vectors("norm", wide),
        **linear("decoder_embed", narrow, wide),
        **blocks("decoder_blocks", sizes.decoder_depth, narrow, sizes.mlp_ratio),
        **vectors("decoder_norm", narrow),
        **linear("decoder_pred", outputs, narrow),
    }


def recognize(shapes: Mapping[str, Shape], source: str) -> MaeSizes:
    """The sizes of the masked autoencoder in a file, if it holds a whole one.

    Args:
        shapes: of every array in the file, by its key.
        source: the file, for the message.

    Returns:
        The sizes; :func:`layout` of them is exactly ``shapes``.

    Raises:
        ValueError: the file holds an encoder alone, has another library's names, or lacks keys, has
            others, or has shapes that do not fit each other.

    Example:
        >>> recognize(layout(PUBLISHED["ViT-B/16"]), "mae.pth") == PUBLISHED["ViT-B/16"]
        True
        >>> recognize({"cls_token": (1, 1, 8), "blocks.0.norm1.bias": (8,)}, "mae.pth")
        Traceback (most recent call last):
        ValueError: A file must hold encoder and decoder to restore pictures, and mae.pth holds an
        encoder alone, as mae_pretrain_vit_*.pth files do: give mae_visualize_vit_base.pth, _large
        or _huge.
    """
    check_kind(shapes, "mae", source)
    parts = {name.partition(".")[0] for name in shapes}
    if {"cls_token", "blocks"} <= parts and not any(
        part == "mask_token" or part.startswith("decoder") for part in parts
    ):
        raise ValueError(
            f"A file must hold encoder and decoder to restore pictures, and {source} holds an "
            f"encoder alone, as mae_pretrain_vit_*.pth files do: {WORDING.advice}."
        )
    if "vit" in parts:
        raise ValueError(
            f"A file must have the names of the published checkpoints, and {source} has those of "
            f"the transformers library (vit.…): {WORDING.advice}."
        )
    check_telling(shapes, _TELLING, layout(PUBLISHED["ViT-B/16"]), WORDING, source)
    sizes = _sizes(shapes, source)
    check_layout(shapes, layout(sizes), WORDING, source)
    return sizes


def published_name(sizes: MaeSizes) -> str | None:
    """The published model that has these sizes, or None.

    Example:
        >>> published_name(PUBLISHED["ViT-H/14"])
        'ViT-H/14'
    """
    return next((name for name, known in PUBLISHED.items() if known == sizes), None)


def _sizes(shapes: Mapping[str, Shape], source: str) -> MaeSizes:
    width, channels, patch, _ = shapes["patch_embed.proj.weight"]
    narrow = shapes["mask_token"][2]
    patches = shapes["pos_embed"][1] - 1
    grid = round(patches**0.5)
    ratios = [
        shapes["blocks.0.mlp.fc1.weight"][0] / width,
        shapes["decoder_blocks.0.mlp.fc1.weight"][0] / narrow,
    ]
    wrong = ""
    if grid < 2 or grid**2 != patches:
        wrong = f"{patches} patches, which are no square of at least 2 x 2"
    elif width % 4 or narrow % 4:
        wrong = f"widths {width} and {narrow}, which are no multiples of 4"
    elif ratios[0] != ratios[1]:
        wrong = f"MLPs that are {ratios[0]:g} and {ratios[1]:g} times as wide as their blocks"
    if wrong:
        raise ValueError(
            "A masked autoencoder must have a square grid of patches, widths that are multiples of "
            f"4 and one ratio of MLP to width, and that in {source} has {wrong}: give another file."
        )
    return MaeSizes(
        image_size=grid * patch,
        patch_size=patch,
        channels=channels,
        encoder_width=width,
        encoder_depth=depth(shapes, "blocks"),
        decoder_width=narrow,
        decoder_depth=depth(shapes, "decoder_blocks"),
        mlp_ratio=ratios[0],
    )
