"""What a published file of a MAGE does not say by its shapes alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax.convert import vqgan
from cu_jax.convert.heads import Heads, Transformer
from cu_jax.convert.mage_layout import HEADS, MageSizes, published_name

KIND = "mage"
"""Name in ``model.json``."""
# The class of a picture that has none, among the words between the codes and the mask token.
_CLASS_AFTER_CODES = 76
_FILL = (0.485, 0.456, 0.406)


def transformer(sizes: MageSizes) -> Transformer:
    """What :func:`cu_jax.convert.heads.choose_heads` needs to know.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> transformer(PUBLISHED["MAGE ViT-B"]).heads
        (12, 16)
    """
    name = published_name(sizes)
    widths = (sizes.encoder_width, sizes.decoder_width)
    return Transformer(widths, name, HEADS[name] if name else None, describe(sizes))


def model_settings(sizes: MageSizes, heads: Heads, tie_head: bool, source: Path) -> dict[str, Any]:
    """The ``model`` section of a config for an imported model.

    Args:
        sizes: the model's sizes.
        heads: attention heads of encoder and decoder.
        tie_head: whether the head reads the encoder's word embeddings.
        source: the file, for the message.

    Raises:
        ValueError: the vocabulary has no room for the class token and the mask token.

    Note:
        The class token stands 76 words after the codes: 1100 of the published 2025 words.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> settings = model_settings(PUBLISHED["MAGE ViT-B"], (12, 16), False, Path("mage.pth"))
        >>> settings["class_token"], settings["tokenizer"]["image_size"]
        (1100, 256)
    """
    class_token = sizes.tokenizer.codes + _CLASS_AFTER_CODES
    if class_token >= sizes.vocabulary - 1:
        raise ValueError(
            f"The words of a MAGE must go on for at least {_CLASS_AFTER_CODES + 2} after those of "
            f"the codes, and {source} has {sizes.vocabulary} words and {sizes.tokenizer.codes} "
            "codes: give another file."
        )
    image_size = sizes.grid * sizes.tokenizer.patch_size
    return {
        "name": KIND,
        "tokenizer": vqgan.model_settings(sizes.tokenizer, image_size),
        "encoder_width": sizes.encoder_width,
        "encoder_depth": sizes.encoder_depth,
        "encoder_heads": heads[0],
        "decoder_width": sizes.decoder_width,
        "decoder_depth": sizes.decoder_depth,
        "decoder_heads": heads[1],
        "mlp_ratio": sizes.mlp_ratio,
        "vocabulary": sizes.vocabulary,
        "class_token": class_token,
        "mask_mean": 0.55,
        "mask_std": 0.25,
        "mask_min": 0.5,
        "mask_max": 1.0,
        "drop": 0.5,
        "holes": 0.0,
        "tie_head": tie_head,
        "margin": 1,
        "fill": _FILL if sizes.tokenizer.channels == 3 else (0.5,) * sizes.tokenizer.channels,
        "blend_grow": 14,
        "blend_blur": 7.0,
        "steps": 20,
        "temperature": 6.0,
        "token_temperature": 1.0,
        "noise_pool": 1024,
        "dtype": "float32",
    }


def sizes_of(model: Mapping[str, Any], source: Path) -> MageSizes:
    """The inverse of :func:`model_settings`, for sizes.

    Args:
        model: the ``model`` section of a config.
        source: where it was read, for the message.

    Raises:
        ValueError: a size is missing, or the class token is not where published ones have it.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> settings = model_settings(PUBLISHED["MAGE ViT-B"], (12, 16), False, Path("mage.pth"))
        >>> sizes_of(settings, Path("model.json")) == PUBLISHED["MAGE ViT-B"]
        True
    """
    try:
        tokenizer = vqgan.sizes_of(model["tokenizer"], source)
        names = set(MageSizes.__dataclass_fields__) - {"tokenizer", "grid"}
        grid = model["tokenizer"]["image_size"] // tokenizer.patch_size
        sizes = MageSizes(tokenizer=tokenizer, grid=grid, **{name: model[name] for name in names})
        class_token = model["class_token"]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{source} must have the sizes of a MAGE, but it lacks {error}: copy the solution "
            "again."
        ) from error
    wanted = tokenizer.codes + _CLASS_AFTER_CODES
    if class_token != wanted:
        raise ValueError(
            f"A published MAGE of {tokenizer.codes} codes must have the class token {wanted}, "
            f"which no file tells, and that of {source} has {class_token}: export a model with "
            f"{wanted}."
        )
    return sizes


def describe(sizes: MageSizes) -> str:
    """A published model's name, or the sizes of another.

    Example:
        >>> from cu_jax.convert.mage_layout import PUBLISHED
        >>> describe(PUBLISHED["MAGE ViT-B"])
        'MAGE ViT-B'
    """
    return published_name(sizes) or (
        f"MAGE {sizes.encoder_width} wide, encoder {sizes.encoder_depth} and decoder "
        f"{sizes.decoder_depth} deep, {sizes.grid} x {sizes.grid} tokens"
    )
