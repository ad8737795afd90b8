"""The paper's experiment with a published masked autoencoder, whatever the data set."""

from ml_collections import ConfigDict

from cu_jax.config import default_config, optimizer

# encoder width, depth, heads; patch size
MAE_SIZES = {
    "base": (768, 12, 12, 16),
    "large": (1024, 24, 16, 16),
    "huge": (1280, 32, 16, 14),
}


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
    if size not in MAE_SIZES:
        raise ValueError(
            f"The model's size must be one of {', '.join(MAE_SIZES)}, got {size!r}: write one of "
            "them behind the config's name and a colon."
        )
    width, depth, heads, patch = MAE_SIZES[size]
    config = default_config()
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
    config.data.augment = "random_crop"
    config.pretrain.weights = f"mae_visualize_vit_{size}"
    config.batch_size = 32
    config.boundary.update(epochs=8.0, alpha=5.0, optimizer=optimizer(1e-4))
    config.pareto.update(epochs=8.0, beta=5.0, optimizer=optimizer(1e-4))
    # Whole patches: 4 x 4 of them (the main hole) and 8 x 8.
    holes = (f"center:{4 * patch}", f"center:{8 * patch}", "outpaint:0.5", "random:0.75")
    config.evaluation.update(batch_size=50, holes=holes)
    return config
