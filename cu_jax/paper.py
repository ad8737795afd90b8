"""The paper's experiment with a published model, whatever the data set."""

from typing import Any

from ml_collections import ConfigDict

from cu_jax.config import default_config, optimizer

# encoder width, depth, heads; patch size
MAE_SIZES = {
    "base": (768, 12, 12, 16),
    "large": (1024, 24, 16, 16),
    "huge": (1280, 32, 16, 14),
}
# width of both halves; the encoder's depth, heads
MAGE_SIZES = {"base": (768, 12, 12), "large": (1024, 24, 16)}


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
    width, depth, heads, patch = _member(size, MAE_SIZES)
    # Whole patches: 4 x 4 of them (the main hole) and 8 x 8.
    holes = (f"center:{4 * patch}", f"center:{8 * patch}", "outpaint:0.5", "random:0.75")
    config = _experiment(epochs=8.0, optimizer=optimizer(1e-4), holes=holes)
    config.model = ConfigDict(
        dict(
            name="mae",
            image_size=224,
            patch_size=patch,
            channels=3,
            encoder_width=width,
            encoder_depth=depth,
            encoder_heads=heads,
            decoder_width=512,
            decoder_depth=8,
            decoder_heads=16,
            mlp_ratio=4.0,
            mask_ratio=0.75,
            norm_pix_loss=False,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            dtype="float32",
        )
    )
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
    width, depth, heads = _member(size, MAGE_SIZES)
    # 4 and 8 of 16 tokens' sides, and half and 13 of 16 of the side around a square.
    holes = ("center:64", "center:128", "outpaint:0.5", "outpaint:0.8125")
    config = _experiment(epochs=6.0, optimizer=optimizer(5e-5), holes=holes, clip=3.0)
    config.model = ConfigDict(
        dict(
            name="mage",
            tokenizer=dict(
                image_size=256,
                channels=3,
                width=128,
                multipliers=(1, 1, 2, 2, 4),
                res_blocks=2,
                groups=32,
                codes=1024,
                code_width=256,
                dtype="float32",
            ),
            encoder_width=width,
            encoder_depth=depth,
            encoder_heads=heads,
            decoder_width=width,
            decoder_depth=8,
            decoder_heads=16,
            mlp_ratio=4.0,
            vocabulary=2025,
            class_token=1100,
            mask_mean=0.55,
            mask_std=0.25,
            mask_min=0.5,
            mask_max=1.0,
            drop=0.5,
            holes=0.0,
            tie_head=False,
            margin=1,
            fill=(0.485, 0.456, 0.406),
            blend_grow=14,
            blend_blur=7.0,
            steps=20,
            temperature=6.0,
            token_temperature=1.0,
            noise_pool=1024,
            dtype="float32",
        )
    )
    config.pretrain.weights = f"mage_vit{size[0]}_1600"
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


def _member(size: str, sizes: dict[str, Any]) -> Any:
    if size not in sizes:
        raise ValueError(
            f"The model's size must be one of {', '.join(sizes)}, got {size!r}: write one of them "
            "behind the config's name and a colon."
        )
    return sizes[size]
