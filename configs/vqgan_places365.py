"""Unlearn the published MAGE, a transformer over a VQ-GAN's tokens, on Places365.

What must be on disk (docs/data.md, docs/weights.md), once:

    python -m cu_jax.data.prepare places365 --from=DIR      # DIR holds the three archives
    python -m cu_jax.convert import mage mage-vitb-1600.pth mage_vitb_1600

and then:

    python -m cu_jax.main --config=configs/vqgan_places365.py --workdir=runs/vqgan_places365

50 forget and 50 retain classes of those with 5,000 training pictures, split 4,500 + 500 (the paper
states 5,000 + 500, more than Places365-Standard has). All else as in vqgan_imagenet.py: ViT-B (or
`:large`), 32 pictures of each set in a batch, AdamW, learning rate 5e-5, alpha = beta = 5, 6 passes
over the 225,000 forget pictures a stage, 42,188 steps. Not measured here.
"""

from ml_collections import ConfigDict

from cu_jax.paper import mage_experiment


def get_config(size: str = "base") -> ConfigDict:
    """The settings for ViT-B (`base`) or ViT-L (`large`)."""
    config = mage_experiment(size)
    config.name = "vqgan_places365"
    config.data.name = "cu_places365"
    return config
