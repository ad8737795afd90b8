"""The key layout of published masked autoencoders, and the sizes that a file's shapes tell.

The layout is that of the PyTorch checkpoints of He et al. (2022): a convolution that embeds
patches, ``blocks.N``, ``decoder_blocks.N``, and fixed positions that are stored all the same.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping

from cu_jax.convert.weights import few

Shape = tuple[int, ...]

_TELLING = (
    *("cls_token", "mask_token", "pos_embed", "patch_embed.proj.weight"),
    *("blocks.0.mlp.fc1.weight", "decoder_blocks.0.mlp.fc1.weight"),
)
"""What the sizes are read from."""


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
        **_blocks("blocks", sizes.encoder_depth, wide, sizes.mlp_ratio),
        **_vectors("norm", wide),
        **_linear("decoder_embed", narrow, wide),
        **_blocks("decoder_blocks", sizes.decoder_depth, narrow, sizes.mlp_ratio),
        **_vectors("decoder_norm", narrow),
        **_linear("decoder_pred", outputs, narrow),
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
    parts = {name.partition(".")[0] for name in shapes}
    if {"cls_token", "blocks"} <= parts and not any(
        part == "mask_token" or part.startswith("decoder") for part in parts
    ):
        raise ValueError(
            f"A file must hold encoder and decoder to restore pictures, and {source} holds an "
            "encoder alone, as mae_pretrain_vit_*.pth files do: give mae_visualize_vit_base.pth, "
            "_large or _huge."
        )
    if "vit" in parts:
        raise ValueError(
            f"A file must have the names of the published checkpoints, and {source} has those of "
            "the transformers library (vit.…): give mae_visualize_vit_base.pth, _large or _huge."
        )
    if missing := [key for key in _TELLING if key not in shapes]:
        known = [key for key in layout(PUBLISHED["ViT-B/16"]) if key in shapes]
        raise ValueError(
            f"A file must hold a masked autoencoder with the published names, and {source} lacks "
            f"{few(missing)}"
            + (f" and has {few(sorted(shapes))}" if not known else "")
            + ": give mae_visualize_vit_base.pth, _large or _huge."
        )
    sizes = _sizes(shapes, source)
    expected = layout(sizes)
    problems = []
    if missing := [key for key in expected if key not in shapes]:
        problems.append(f"lacks {few(missing)}")
    if unexpected := [key for key in shapes if key not in expected]:
        problems.append(f"has the unexpected {few(sorted(unexpected))}")
    different = [
        f"{key} ({list(shapes[key])} instead of {list(shape)})"
        for key, shape in expected.items()
        if key in shapes and tuple(shapes[key]) != shape
    ]
    if different:
        problems.append(f"differs in {few(different)}")
    if problems:
        raise ValueError(
            "A file must have the keys and shapes of a masked autoencoder as published, and "
            f"{source} {'; it '.join(problems)}: give a file without changes."
        )
    return sizes


def published_name(sizes: MaeSizes) -> str | None:
    """The published model that has these sizes, or None.

    Example:
        >>> published_name(PUBLISHED["ViT-H/14"])
        'ViT-H/14'
    """
    return next((name for name, known in PUBLISHED.items() if known == sizes), None)


def _sizes(shapes: Mapping[str, Shape], source: str) -> MaeSizes:
    ranks = {"patch_embed.proj.weight": 4, "cls_token": 3, "mask_token": 3, "pos_embed": 3}
    for key in _TELLING:
        shape, rank = shapes[key], ranks.get(key, 2)
        if len(shape) != rank or min(shape) < 1:
            raise ValueError(
                f"{key} must have {rank} axes with something in them in a masked autoencoder, and "
                f"has shape {list(shape)} in {source}: give a file without changes."
            )
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
        encoder_depth=_depth(shapes, "blocks"),
        decoder_width=narrow,
        decoder_depth=_depth(shapes, "decoder_blocks"),
        mlp_ratio=ratios[0],
    )


def _depth(names: Iterable[str], prefix: str) -> int:
    """How many blocks there are: counted, so that a far index is an unexpected key."""
    pattern = re.compile(rf"{prefix}\.(\d+)\.")
    return len({match[1] for name in names if (match := pattern.match(name))})


def _blocks(prefix: str, depth: int, width: int, mlp_ratio: float) -> dict[str, Shape]:
    hidden = int(width * mlp_ratio)
    keys: dict[str, Shape] = {}
    for index in range(depth):
        block = f"{prefix}.{index}"
        keys |= _vectors(f"{block}.norm1", width)
        keys |= _linear(f"{block}.attn.qkv", 3 * width, width)
        keys |= _linear(f"{block}.attn.proj", width, width)
        keys |= _vectors(f"{block}.norm2", width)
        keys |= _linear(f"{block}.mlp.fc1", hidden, width)
        keys |= _linear(f"{block}.mlp.fc2", width, hidden)
    return keys


def _linear(name: str, outputs: int, inputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _vectors(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
