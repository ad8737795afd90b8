"""The paper's experiment with a published model, whatever the data set."""

from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from cu_jax.config import default_config, optimizer
from cu_jax.convert import mae_layout, mae_settings, mage_layout, mage_settings, palette
from cu_jax.convert.palette_layout import PUBLISHED
from cu_jax.noise_schedules import NoiseSchedule

MAE_SIZES = {"base": "ViT-B/16", "large": "ViT-L/16", "huge": "ViT-H/14"}
MAGE_SIZES = {"base": "MAGE ViT-B", "large": "MAGE ViT-L"}
"""Name behind a config's colon to that of the published model."""


def mae_experiment(size: str) -> ConfigDict:
    """All of the paper's settings for the masked autoencoder but its data.

    Args:
        size: `base` (ViT-B/16), `large` (ViT-L/16) or `huge` (ViT-H/14).

    Returns:
        224 pixels, 32 pictures of each set in a batch, AdamW with betas (0.90, 0.95), learning rate
        1e-4, no decay, α = β = 5, 8 passes over the forget pictures a stage; four holes.

    Raises:
        ValueError: for another size.

    Note:
        Random crops while unlearning, as the published models were trained with; the paper is
        silent.

    Example:
        >>> mae_experiment("large").model.encoder_depth
        24
    """
    name = _member(size, MAE_SIZES)
    sizes = mae_layout.PUBLISHED[name]
    # Whole patches: 4 x 4 of them (the main hole) and 8 x 8.
    patch = sizes.patch_size
    holes = (f"center:{4 * patch}", f"center:{8 * patch}", "outpaint:0.5", "random:0.75")
    config = _experiment(epochs=8.0, optimizer=optimizer(1e-4), holes=holes)
    settings = mae_settings.model_settings(sizes, mae_layout.HEADS[name], norm_pix=False)
    config.model = ConfigDict(settings)
    config.pretrain.weights = f"mae_visualize_vit_{size}"
    return config


def mage_experiment(size: str) -> ConfigDict:
    """All settings for the published MAGE but its data: the predecessor's, in the paper's method.

    Args:
        size: `base` (ViT-B) or `large` (ViT-L).

    Returns:
        256 pixels, 32 pictures of each set in a batch, AdamW with betas (0.90, 0.95), learning rate
        5e-5, directions clipped at norm 3, no decay and no dropout, α = β = 5, 6 passes over the
        forget pictures a stage; four holes.

    Raises:
        ValueError: for another size.

    Note:
        The predecessor warms the learning rate up for five of six passes; here a cosine falls from
        the start, as in every other stage.

    Example:
        >>> mage_experiment("base").model.tokenizer.codes
        1024
    """
    name = _member(size, MAGE_SIZES)
    # 4 and 8 of 16 tokens' sides, and half and 13 of 16 of the side around a square.
    holes = ("center:64", "center:128", "outpaint:0.5", "outpaint:0.8125")
    config = _experiment(epochs=6.0, optimizer=optimizer(5e-5), holes=holes, clip=3.0)
    weights = f"mage_vit{size[0]}_1600"
    sizes, heads = mage_layout.PUBLISHED[name], mage_layout.HEADS[name]
    settings = mage_settings.model_settings(sizes, heads, tie_head=False, source=Path(weights))
    config.model = ConfigDict(settings)
    config.pretrain.weights = weights
    return config


def palette_experiment() -> ConfigDict:
    """All settings for the published diffusion model (Palette) but its data.

    Returns:
        256 pixels, 12 pictures of each set in a batch (for one device), Adam at a constant rate of
        5e-5, α = β = 5, 2 passes over the forget pictures a stage; four holes.

    Note:
        The predecessor runs one pass more than it is set to, on 8 devices with 12 pictures of both
        sets together on each. It distorts no pictures, and neither does this; it squashes them to a
        square, while here the middle is cut out.

    Example:
        >>> palette_experiment().model.multipliers
        (1, 2, 4, 8)
    """
    # Half and a quarter of the side, and what lies around half and 13 of 16 of it.
    holes = ("center:128", "center:64", "outpaint:0.5", "outpaint:0.8125")
    adam = optimizer(5e-5, name="adam", b1=0.9, b2=0.999, schedule="constant")
    config = _experiment(epochs=2.0, optimizer=adam, holes=holes)
    config.batch_size = 12
    config.data.augment = None
    config.model = ConfigDict(palette.model_settings(PUBLISHED, NoiseSchedule()))
    config.pretrain.weights = "palette_places2"
    return config


def _experiment(epochs: float, optimizer: ConfigDict, holes: Any, **changes: Any) -> ConfigDict:
    """What every paper-scale experiment has."""
    config = default_config()
    config.data.augment = "random_crop"
    config.batch_size = 32
    config.boundary.update(epochs=epochs, alpha=5.0, optimizer=optimizer, **changes)
    config.pareto.update(epochs=epochs, beta=5.0, optimizer=optimizer, **changes)
    config.evaluation.update(batch_size=50, holes=holes)
    return config


def _member(size: str, sizes: dict[str, str]) -> str:
    if size not in sizes:
        raise ValueError(
            f"The model's size must be one of {', '.join(sizes)}, got {size!r}: write one of them "
            "behind the config's name and a colon."
        )
    return sizes[size]
