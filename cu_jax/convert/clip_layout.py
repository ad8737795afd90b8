"""The key layout of CLIP's image tower in the transformers library, and what its config.json says.

A checkpoint is a folder: ``model.safetensors`` or ``pytorch_model.bin``, and ``config.json``, since
no array tells the number of attention heads or the activation.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax import bounded
from cu_jax.convert.layouts import (
    Shape,
    Wording,
    check_kind,
    check_layout,
    check_telling,
    linear,
    vectors,
)

KIND = "clip"
"""In ``model.json``, as in :mod:`cu_jax.metrics.clip`."""
WORDING = Wording(
    "CLIP's image tower",
    "give the folder of a CLIP model of the transformers library, such as "
    "CLIP-ViT-H-14-laion2B-s32B-b79K",
)
FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of the weights in a folder, the first before the second."""
CONFIG = "config.json"
OTHER = (
    *("text_model.", "text_projection.", "logit_scale"),
    "vision_model.embeddings.position_ids",  # 0, 1, 2, …: older files store it
)
"""How keys start that a whole CLIP model has, and its image tower does not."""
ACTIVATIONS = ("gelu", "quick_gelu")
_TYPES = ("clip", "clip_vision_model")  # A whole model, and an image tower alone.
_PROJECTION = "visual_projection.weight"
# What the library fills in where a config.json says nothing.
_DEFAULTS = {
    "image_size": 224,
    "patch_size": 32,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}


@dataclasses.dataclass(frozen=True)
class ClipSizes:
    """What makes an image tower; the fields are named as in ``model.json``."""

    image_size: int
    patch_size: int
    width: int
    depth: int
    heads: int
    mlp_width: int
    projection: int
    activation: str
    eps: float = 1e-5


PUBLISHED = {
    "ViT-B/32": ClipSizes(224, 32, 768, 12, 12, 3072, 512, "quick_gelu"),
    "ViT-B/16": ClipSizes(224, 16, 768, 12, 12, 3072, 512, "quick_gelu"),
    "ViT-L/14": ClipSizes(224, 14, 1024, 24, 16, 4096, 768, "quick_gelu"),
    "ViT-H/14": ClipSizes(224, 14, 1280, 32, 16, 5120, 1024, "gelu"),
}
"""OpenAI's models, and open_clip's ViT-H/14, which published measures of restored pictures use."""


def layout(sizes: ClipSizes) -> dict[str, Shape]:
    """Every key of the image tower and its shape, in the file's order.

    Example:
        >>> keys = layout(PUBLISHED["ViT-H/14"])
        >>> len(keys), keys["vision_model.embeddings.position_embedding.weight"]
        (520, (257, 1280))
    """
    width, patch = sizes.width, sizes.patch_size
    tokens = 1 + (sizes.image_size // patch) ** 2
    start = "vision_model.embeddings"
    keys: dict[str, Shape] = {
        f"{start}.class_embedding": (width,),
        f"{start}.patch_embedding.weight": (width, 3, patch, patch),
        f"{start}.position_embedding.weight": (tokens, width),
        **vectors("vision_model.pre_layrnorm", width),
    }
    for index in range(sizes.depth):
        block = f"vision_model.encoder.layers.{index}"
        for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
            keys |= linear(f"{block}.self_attn.{name}", width, width)
        keys |= vectors(f"{block}.layer_norm1", width)
        keys |= linear(f"{block}.mlp.fc1", sizes.mlp_width, width)
        keys |= linear(f"{block}.mlp.fc2", width, sizes.mlp_width)
        keys |= vectors(f"{block}.layer_norm2", width)
    keys |= vectors("vision_model.post_layernorm", width)
    return keys | {_PROJECTION: (sizes.projection, width)}


def find_weights(source: Path) -> Path:
    """The file of weights that the user means.

    Args:
        source: that file, or its folder.

    Raises:
        FileNotFoundError: the folder holds none.

    Example:
        >>> find_weights(Path("clip/model.safetensors")).name
        'model.safetensors'
    """
    if not source.is_dir():
        return source
    for name in FILES:
        if (source / name).is_file():
            return source / name
    raise FileNotFoundError(
        f"A CLIP model's folder must hold {' or '.join(FILES)}, and {source} holds neither: give "
        "another, or the file by its name."
    )


def recognize(shapes: Mapping[str, Shape], source: Path) -> ClipSizes:
    """The sizes of the image tower in a file, if it holds a whole one.

    Args:
        shapes: of every array in the file but those of :data:`OTHER`, by its key.
        source: the file; ``config.json`` lies beside it.

    Returns:
        The sizes; :func:`layout` of them is exactly ``shapes``.

    Raises:
        FileNotFoundError: there is no ``config.json``.
        ValueError: that is of another model or cannot be read, or the file is of another kind,
            lacks keys, has others, or has other shapes than ``config.json`` says.

    Example:
        >>> recognize({"visual.class_embedding": (1280,)}, Path("open_clip_pytorch_model.bin"))
        Traceback (most recent call last):
        ValueError: A file must hold CLIP's image tower with the published names, and
        open_clip_pytorch_model.bin lacks visual_projection.weight and has visual.class_embedding:
        give the folder of a CLIP model of the transformers library, such as
        CLIP-ViT-H-14-laion2B-s32B-b79K.
    """
    check_kind(shapes, KIND, str(source))
    known = layout(PUBLISHED["ViT-B/32"])
    check_telling(shapes, {_PROJECTION: 2}, known, WORDING, str(source))
    sizes = _configured(source.with_name(CONFIG), shapes[_PROJECTION][0])
    check_layout(shapes, layout(sizes), WORDING, str(source))
    return sizes


def published_name(sizes: ClipSizes) -> str | None:
    """The published model that has these sizes, or None.

    Example:
        >>> published_name(PUBLISHED["ViT-H/14"])
        'ViT-H/14'
    """
    return next((name for name, known in PUBLISHED.items() if known == sizes), None)


def _configured(path: Path, projection: int) -> ClipSizes:
    """Sizes from ``config.json``, but for the projection's, which two places in it may tell."""
    if not path.is_file():
        raise FileNotFoundError(
            f"A CLIP model must have {CONFIG} beside its weights, and there is no {path}: copy it, "
            "too."
        )
    try:
        config = bounded.read_json(path)
        kind = config["model_type"]
        vision: Any = _DEFAULTS | (config.get("vision_config", {}) if kind == "clip" else config)
        *numbers, activation, eps = (vision[name] for name in _DEFAULTS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} must say how to build a CLIP model, but it cannot be read ({error!r}): copy "
            "it again."
        ) from error
    wrong = ""
    if kind not in _TYPES:
        wrong = f"of the type {kind!r}"
    elif not all(type(number) is int and number > 0 for number in numbers):
        wrong = f"one with the sizes {numbers}"
    elif vision["hidden_size"] % vision["num_attention_heads"]:
        wrong = f"{vision['hidden_size']} wide with {vision['num_attention_heads']} heads"
    elif vision["image_size"] % vision["patch_size"]:
        wrong = f"one with patches of {vision['patch_size']} of {vision['image_size']} pixels"
    elif activation not in ACTIVATIONS or not isinstance(eps, float):
        wrong = f"one with the activation {activation!r} and norms with eps {eps!r}"
    if wrong:
        raise ValueError(
            "A CLIP model must have whole patches, heads that share its width, and activation "
            f"gelu or quick_gelu, and that of {path} is {wrong}: {WORDING.advice}."
        )
    image, patch, width, depth, heads, hidden = numbers
    return ClipSizes(image, patch, width, depth, heads, hidden, projection, activation, eps)
