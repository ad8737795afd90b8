"""Unlearn the published MAGE, a transformer over a VQ-GAN's tokens, on ImageNet-1K.

What must be on disk (docs/data.md, docs/weights.md), once:

    python -m cu_jax.data.prepare imagenet --from=DIR       # DIR holds the two ILSVRC2012 archives
    python -m cu_jax.convert import mage mage-vitb-1600.pth mage_vitb_1600

and then:

    python -m cu_jax.main --config=configs/vqgan_imagenet.py --workdir=runs/vqgan_imagenet

100 forget and 100 retain classes, 100 training and 50 validation pictures of each. ViT-B at 256
pixels; `--config=configs/vqgan_imagenet.py:large` is ViT-L. 32 pictures of each set in a batch,
AdamW with betas (0.90, 0.95), learning rate 5e-5, no decay, no dropout, alpha = beta = 5, 6 passes
over the 10,000 forget pictures a stage. The paper states two hours on one A40 (48 GB); not measured
here.

Every solution restores four holes: 64 x 64 pixels in the middle (`retain/psnr`), 128 x 128
(`retain/psnr_center128`), all but the central half of the side (`_outpaint50`), and all but 3 of 16
of it (`_outpaint81_25`).

    --config.data.split=predecessor     the class lists of Li et al. (2024)
    --config.data.augment=None --config.data.cache_tokens=True      fixed crops, tokenized once
    --config.model.tie_head=True        the output layer changes with the encoder's embeddings;
                                        wants weights imported with --tie-head
    --config.model.dtype=bfloat16       bf16 compute; parameters, losses and multiplier stay float32
                                        (the tokenizer too: config.model.tokenizer.dtype)
    --config.loss.space=output          losses on the tokens' logits instead of features
"""

from ml_collections import ConfigDict

from cu_jax.paper import mage_experiment


def get_config(size: str = "base") -> ConfigDict:
    """The settings for ViT-B (`base`) or ViT-L (`large`)."""
    config = mage_experiment(size)
    config.name = "vqgan_imagenet"
    config.data.name = "cu_imagenet"
    return config
