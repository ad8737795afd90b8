"""Unlearn the published diffusion model (Palette) on ImageNet-1K.

What must be on disk (docs/data.md, docs/weights.md), once:

    python -m cu_jax.data.prepare imagenet --from=DIR       # DIR holds the two ILSVRC2012 archives
    python -m cu_jax.convert import palette 16_Network.pth palette_places2

and then:

    python -m cu_jax.main --config=configs/palette_imagenet.py --workdir=runs/palette_imagenet

100 forget and 100 retain classes, 100 training and 50 validation pictures of each. The published
model was made for places (Places2); who has one of ImageNet gives its folder as
`--config.pretrain.weights`. All else as in palette_places365.py: 256 pixels, 12 pictures of each
set in a batch, Adam, constant learning rate 5e-5, alpha = beta = 5, 2 passes over the 10,000 forget
pictures a stage, 1,667 steps. Not measured here.
"""

from ml_collections import ConfigDict

from cu_jax.paper import palette_experiment


def get_config() -> ConfigDict:
    """The settings."""
    config = palette_experiment()
    config.name = "palette_imagenet"
    config.data.name = "cu_imagenet"
    return config
