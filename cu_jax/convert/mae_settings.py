"""What a published file of a masked autoencoder does not say by its shapes alone."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax.convert.heads import Transformer
from cu_jax.convert.mae_layout import HEADS, MaeSizes, published_name

# Pictures in [0, 1] are normalized with these, by the programs that made the published weights.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MASK_RATIO = 0.75


def transformer(sizes: MaeSizes) -> Transformer:
    """What :func:`cu_jax.convert.heads.choose_heads` needs to know.

    Example:
        >>> from cu_jax.convert.mae_layout import PUBLISHED
        >>> transformer(PUBLISHED["ViT-H/14"]).heads
        (16, 16)
    """
    name = published_name(sizes)
    widths = (sizes.encoder_width, sizes.decoder_width)
    return Transformer(widths, name, HEADS[name] if name else None, describe(sizes))


def check_norm_pix(args: Mapping[str, Any], source: Path, accepted: bool) -> tuple[str, ...]:
    """Tells models of normalized patches by what the file says of its training, or by its name.

    Args:
        args: of the training, from the file; most files have none.
        source: the file.
        accepted: whether the user takes such a model.

    Returns:
        Sentences that the user should read.

    Raises:
        ValueError: it is such a model, and not accepted.

    Example:
        >>> check_norm_pix({}, Path("mae_visualize_vit_base.pth"), False)
        ()
        >>> check_norm_pix({"norm_pix_loss": True}, Path("mine.pth"), False)
        Traceback (most recent call last):
        ValueError: A model must predict pixels to restore pictures, and mine.pth was trained ...
    """
    said = args.get("norm_pix_loss")
    published = re.match(r"mae_(pretrain|visualize)_vit_(base|large|huge)", source.name)
    if said is None and published:
        said = published[1] == "pretrain"
    if said and not accepted:
        raise ValueError(
            "A model must predict pixels to restore pictures, and "
            f"{source} was trained to predict patches normalized to mean 0 and deviation 1 "
            "(norm_pix_loss): give mae_visualize_vit_base.pth, _large or _huge, or --norm-pix to "
            "take it all the same."
        )
    if accepted:
        return (
            "It predicts patches normalized to mean 0 and deviation 1: pictures that it restores "
            "lack their brightness and contrast.",
        )
    if said is None:
        return (
            f"Nothing in {source} says whether it predicts pixels or normalized patches "
            "(norm_pix_loss); it is taken to predict pixels.",
        )
    return ()


def model_settings(sizes: MaeSizes, heads: tuple[int, int], norm_pix: bool) -> dict[str, Any]:
    """The ``model`` section of a config for an imported model.

    Args:
        sizes: the model's sizes.
        heads: attention heads of encoder and decoder.
        norm_pix: whether it predicts normalized patches.

    Example:
        >>> from cu_jax.convert.mae_layout import PUBLISHED
        >>> model_settings(PUBLISHED["ViT-B/16"], (12, 16), False)["mean"]
        (0.485, 0.456, 0.406)
    """
    color = sizes.channels == len(_MEAN)
    return {
        "name": "mae",
        "image_size": sizes.image_size,
        "patch_size": sizes.patch_size,
        "channels": sizes.channels,
        "encoder_width": sizes.encoder_width,
        "encoder_depth": sizes.encoder_depth,
        "encoder_heads": heads[0],
        "decoder_width": sizes.decoder_width,
        "decoder_depth": sizes.decoder_depth,
        "decoder_heads": heads[1],
        "mlp_ratio": sizes.mlp_ratio,
        "mask_ratio": _MASK_RATIO,
        "norm_pix_loss": norm_pix,
        "mean": _MEAN if color else (0.0,) * sizes.channels,
        "std": _STD if color else (1.0,) * sizes.channels,
        "dtype": "float32",
    }


def sizes_of(model: Mapping[str, Any], path: Path) -> MaeSizes:
    """The inverse of :func:`model_settings`, for sizes.

    Args:
        model: the ``model`` section of a config.
        path: where it was read, for the message.

    Raises:
        ValueError: a size is missing.

    Example:
        >>> from cu_jax.convert.mae_layout import PUBLISHED
        >>> settings = model_settings(PUBLISHED["ViT-B/16"], (12, 16), False)
        >>> sizes_of(settings, Path("model.json")) == PUBLISHED["ViT-B/16"]
        True
    """
    try:
        return MaeSizes(**{name: model[name] for name in MaeSizes.__dataclass_fields__})
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must have the sizes of a masked autoencoder, but it lacks {error}: copy the "
            "solution again."
        ) from error


def describe(sizes: MaeSizes) -> str:
    """A published model's name, or the sizes of another.

    Example:
        >>> from cu_jax.convert.mae_layout import PUBLISHED
        >>> describe(PUBLISHED["ViT-B/16"])
        'ViT-B/16'
    """
    return published_name(sizes) or (
        f"encoder {sizes.encoder_width} wide and {sizes.encoder_depth} deep, decoder "
        f"{sizes.decoder_width} and {sizes.decoder_depth}, patches of {sizes.patch_size} pixels"
    )
