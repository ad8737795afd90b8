"""VQ-GAN tokenizers: published arrays and our parameter tree, published sizes and our settings."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax.convert.renaming import Renaming, leaf_name
from cu_jax.convert.vqgan_layout import GROUPS, VqGanSizes, layout

_SIDE = 256  # In pixels, of the pictures that the published tokenizer was trained with.


def renaming(sizes: VqGanSizes) -> Renaming:
    """Between the published arrays and the parameters of :class:`cu_jax.models.vqgan.VqGan`.

    Example:
        >>> from cu_jax.convert.vqgan_layout import PUBLISHED
        >>> renaming(PUBLISHED).template()["quantize"]["embedding"]
        ShapeDtypeStruct(shape=(1024, 256), dtype=float32)
    """
    return Renaming(layout(sizes), path)


def path(key: str) -> tuple[str, ...]:
    """Where a published array lies in our tree.

    Example:
        >>> path("encoder.down.2.block.0.norm1.weight")
        ('encoder', 'down_2_block_0', 'norm1', 'scale')
        >>> path("decoder.up.1.upsample.conv.weight")
        ('decoder', 'up_1_upsample', 'conv', 'kernel')
        >>> path("encoder.mid.block_1.conv1.weight")
        ('encoder', 'mid_block_1', 'conv1', 'kernel')
    """
    if key == "quantize.embedding.weight":
        return ("quantize", "embedding")
    key = re.sub(r"\.(down|up)\.(\d+)\.(?:block\.(\d+)|(upsample))\.", _joined, key)
    *parents, leaf = key.replace(".mid.", ".mid_").split(".")
    return (*parents, leaf_name(leaf, parents[-1]))


def model_settings(sizes: VqGanSizes, image_size: int | None = None) -> dict[str, Any]:
    """The ``model.tokenizer`` section of a config for an imported tokenizer.

    Args:
        sizes: the tokenizer's sizes.
        image_size: side of a picture in pixels; None, where nothing tells: 256, or the least that
            the tokenizer takes.

    Example:
        >>> from cu_jax.convert.vqgan_layout import PUBLISHED
        >>> model_settings(PUBLISHED)["image_size"]
        256
    """
    return {
        "image_size": image_size or max(_SIDE, sizes.patch_size),
        "channels": sizes.channels,
        "width": sizes.width,
        "multipliers": sizes.multipliers,
        "res_blocks": sizes.res_blocks,
        "groups": GROUPS,
        "codes": sizes.codes,
        "code_width": sizes.code_width,
        "dtype": "float32",
    }


def sizes_of(settings: Mapping[str, Any], source: Path) -> VqGanSizes:
    """The inverse of :func:`model_settings`, for sizes.

    Args:
        settings: the ``model.tokenizer`` section of a config.
        source: where it was read, for the message.

    Raises:
        ValueError: a size is missing, or GroupNorms have other groups than published ones.

    Example:
        >>> from cu_jax.convert.vqgan_layout import PUBLISHED
        >>> sizes_of(model_settings(PUBLISHED), Path("model.json")) == PUBLISHED
        True
    """
    try:
        sizes = {name: settings[name] for name in VqGanSizes.__dataclass_fields__}
        sizes["multipliers"] = tuple(sizes["multipliers"])
        groups = settings["groups"]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{source} must have the sizes of a tokenizer, but it lacks {error}: copy the solution "
            "again."
        ) from error
    if groups != GROUPS:
        raise ValueError(
            f"A published tokenizer must have {GROUPS} groups in each GroupNorm, which no file "
            f"tells, and that of {source} has {groups}: export a model with {GROUPS}."
        )
    return VqGanSizes(**sizes)


def describe(sizes: VqGanSizes) -> str:
    """The sizes in words.

    Example:
        >>> from cu_jax.convert.vqgan_layout import PUBLISHED
        >>> describe(PUBLISHED)
        'VQ-GAN tokenizer (1024 codes, 16 pixels a token)'
    """
    return f"VQ-GAN tokenizer ({sizes.codes} codes, {sizes.patch_size} pixels a token)"


def _joined(match: re.Match[str]) -> str:
    side, level, block, other = match.groups()
    return f".{side}_{level}_{other or f'block_{block}'}."
