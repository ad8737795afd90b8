"""Unlearn the published masked autoencoder on Places365: the paper's settings.

What must be on disk (docs/data.md, docs/weights.md), once:

    python -m cu_jax.data.prepare places365 --from=DIR      # DIR holds the three archives
    python -m cu_jax.convert import mae mae_visualize_vit_large.pth mae_visualize_vit_large

and then:

    python -m cu_jax.main --config=configs/mae_places365.py --workdir=runs/mae_places365

50 forget and 50 retain classes of those with 5,000 training pictures, split 4,500 + 500 (the paper
states 5,000 + 500, more than Places365-Standard has). All else as in mae_imagenet.py: ViT-L/16 (or
`:base`, `:huge`), 32 pictures of each set in a batch, AdamW, learning rate 1e-4, alpha = beta = 5,
8 passes over the 225,000 forget pictures a stage, 56,250 steps. Not measured here.
"""

from ml_collections import ConfigDict

from cu_jax.paper import mae_experiment


def get_config(size: str = "large") -> ConfigDict:
    """The settings for ViT-B (`base`), ViT-L (`large`) or ViT-H (`huge`)."""
    config = mae_experiment(size)
    config.name = "mae_places365"
    config.data.name = "cu_places365"
    return config
