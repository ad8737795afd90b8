"""Unlearn the published masked autoencoder on ImageNet-1K: the paper's settings.

    python -m cu_jax.main --config=configs/mae_imagenet.py --workdir=runs/mae_imagenet

ViT-L/16 at 224 pixels; `--config=configs/mae_imagenet.py:base` and `:huge` are the other two
published sizes. 100 forget and 100 retain classes, 100 training and 50 validation pictures of each;
32 pictures of each set in a batch, AdamW with betas (0.90, 0.95), learning rate 1e-4, no decay,
alpha = beta = 5, 8 passes over the 10,000 forget pictures a stage. The paper states one hour on one
A40 (48 GB); not measured here.

The weights are the published ones that predict pixels, imported into a folder (docs/weights.md):

    python -m cu_jax.convert import mae mae_visualize_vit_large.pth mae_visualize_vit_large

`--config.pretrain.weights=FOLDER` names another. Every solution restores four holes: 4 x 4 patches
in the middle (`retain/psnr`), 8 x 8 (`retain/psnr_center128`), all but the central half of the side
(`_outpaint50`) and three quarters of the patches (`_random75`); no classifier is asked for classes.
`--config.model.dtype=bfloat16` computes in bfloat16, with parameters, losses and multiplier in
float32.

The config builds its model and validates today. Its data set (`imagenet`) is not in this release:
running it says so.
"""

from ml_collections import ConfigDict

from cu_jax.config import default_config, optimizer

# encoder width, depth, heads; patch size
SIZES = {
    "base": (768, 12, 12, 16),
    "large": (1024, 24, 16, 16),
    "huge": (1280, 32, 16, 14),
}
EPOCHS = 8
FORGET_PICTURES = 10_000


def get_config(size: str = "large") -> ConfigDict:
    """The settings for ViT-B, ViT-L or ViT-H.

    Args:
        size: `base`, `large` or `huge`.

    Raises:
        ValueError: for another size.
    """
    if size not in SIZES:
        raise ValueError(f"The model's size must be one of {sorted(SIZES)}, got {size!r}.")
    width, depth, heads, patch = SIZES[size]
    config = default_config()
    config.name = "mae_imagenet"
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
    config.data.name = "imagenet"
    config.pretrain.weights = f"mae_visualize_vit_{size}"
    config.batch_size = 32

    steps = EPOCHS * FORGET_PICTURES // config.batch_size
    config.boundary.update(steps=steps, alpha=5.0)
    config.boundary.optimizer = optimizer(1e-4)
    config.pareto.update(steps=steps, first_steps=steps, beta=5.0)
    config.pareto.optimizer = optimizer(1e-4)

    # Whole patches: 4 x 4 of them (the main one) and 8 x 8.
    holes = (f"center:{4 * patch}", f"center:{8 * patch}", "outpaint:0.5", "random:0.75")
    config.evaluation.update(batch_size=50, holes=holes)
    return config
