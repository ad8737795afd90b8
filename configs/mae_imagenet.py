"""Unlearn the published masked autoencoder on ImageNet-1K: the paper's settings.

What must be on disk (docs/data.md, docs/weights.md), once:

    python -m cu_jax.data.prepare imagenet --from=DIR       # DIR holds the two ILSVRC2012 archives
    python -m cu_jax.convert import mae mae_visualize_vit_large.pth mae_visualize_vit_large

and then:

    python -m cu_jax.main --config=configs/mae_imagenet.py --workdir=runs/mae_imagenet

100 forget and 100 retain classes, 100 training and 50 validation pictures of each. ViT-L/16 at 224
pixels; `--config=configs/mae_imagenet.py:base` and `:huge` are the other two published sizes.
32 pictures of each set in a batch, AdamW with betas (0.90, 0.95), learning rate 1e-4, no decay,
alpha = beta = 5, 8 passes over the 10,000 forget pictures a stage. The paper states one hour on one
A40 (48 GB); not measured here.

Every solution restores four holes: 4 x 4 patches in the middle (`retain/psnr`), 8 x 8
(`retain/psnr_center128`), all but the central half of the side (`_outpaint50`) and three quarters
of the patches (`_random75`).

    --config.data.split=predecessor     the class lists of Li et al. (2024)
    --config.data.folder=PICTURES --config.data.forget=cat,dog     pictures of your own instead
    --config.pretrain.weights=FOLDER    weights imported to another folder
    --config.model.dtype=bfloat16       bf16 compute; parameters, losses and multiplier stay float32
    --config.loss.space=output          losses on the model's pixels instead of its features
"""

from ml_collections import ConfigDict

from cu_jax.paper import mae_experiment


def get_config(size: str = "large") -> ConfigDict:
    """The settings for ViT-B (`base`), ViT-L (`large`) or ViT-H (`huge`)."""
    config = mae_experiment(size)
    config.name = "mae_imagenet"
    config.data.name = "cu_imagenet"
    return config
