"""CLIP's image tower: published arrays and our parameter tree, published sizes and our settings."""

import dataclasses
from typing import Any

from cu_jax.convert.clip_layout import KIND, ClipSizes, layout, published_name
from cu_jax.convert.renaming import Renaming, leaf_name, numbered


def renaming(sizes: ClipSizes) -> Renaming:
    """Between the published arrays and the parameters of :mod:`cu_jax.metrics.clip`.

    Example:
        >>> from cu_jax.convert.clip_layout import PUBLISHED
        >>> renaming(PUBLISHED["ViT-H/14"]).template()["patch_embedding"]["kernel"]
        ShapeDtypeStruct(shape=(14, 14, 3, 1280), dtype=float32)
    """
    return Renaming(layout(sizes), path)


def path(key: str) -> tuple[str, ...]:
    """Where a published array lies in our tree.

    Example:
        >>> path("vision_model.encoder.layers.3.self_attn.q_proj.weight")
        ('layers_3', 'self_attn', 'q_proj', 'kernel')
        >>> path("vision_model.pre_layrnorm.weight")
        ('pre_layernorm', 'scale')
        >>> path("vision_model.embeddings.position_embedding.weight")
        ('position_embedding',)
    """
    for start in ("vision_model.", "embeddings.", "encoder."):
        key = key.removeprefix(start)
    key = key.replace("pre_layrnorm", "pre_layernorm")  # the library's slip
    *parents, leaf = numbered(key, "layers").split(".")
    if parents == ["position_embedding"] or not parents:
        return (parents[0] if parents else leaf,)
    return (*parents, leaf_name(leaf, parents[-1]))


def model_settings(sizes: ClipSizes) -> dict[str, Any]:
    """What ``model.json`` says of an imported image tower, for :mod:`cu_jax.metrics.clip`.

    Example:
        >>> from cu_jax.convert.clip_layout import PUBLISHED
        >>> settings = model_settings(PUBLISHED["ViT-H/14"])
        >>> settings["name"], settings["heads"], settings["activation"]
        ('clip', 16, 'gelu')
    """
    return {"name": KIND, **dataclasses.asdict(sizes)}


def describe(sizes: ClipSizes) -> str:
    """A published model's name, or the sizes of another.

    Example:
        >>> from cu_jax.convert.clip_layout import PUBLISHED
        >>> describe(PUBLISHED["ViT-B/32"])
        "CLIP's image tower ViT-B/32"
    """
    name = published_name(sizes) or f"({sizes.depth} blocks, {sizes.width} wide)"
    return f"CLIP's image tower {name}"
