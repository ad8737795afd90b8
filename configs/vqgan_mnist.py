"""Unlearn MAGE, a transformer over a VQ-GAN's tokens, on real digits: retain 0-4, forget 5-9.

    sh launch/local.sh --config=configs/vqgan_mnist.py --workdir=runs/vqgan_mnist

Two CPU cores, no network after installation, no GPU: docs/models.md has the time and the numbers it
gives. The original model, its tokenizer inside, ships with the package. To make it again:

    sh launch/local.sh --config=configs/vqgan_mnist.py --workdir=runs/pretrain_vqgan \
        --config.pretrain.from_scratch=True

Where the settings differ from the published model's (cu_jax/paper.py): 7 x 7 tokens are few, so a
margin of one around the hole would hide nearly all of them; the hole has a hard edge; tokens are
drawn one by one, the surest first. Pretraining shows pictures with filled boxes (`holes`) and masks
fewer tokens, as restoring does.
"""

from ml_collections import ConfigDict

from cu_jax.config import default_config, optimizer


def get_config() -> ConfigDict:
    """The settings."""
    config = default_config()
    config.name = "vqgan_mnist"
    config.checkpoint_every_steps = 100  # A killed run loses five seconds at most.
    config.model = ConfigDict(
        dict(
            name="mage",
            tokenizer=dict(
                image_size=28,
                channels=1,
                width=8,
                multipliers=(1, 1, 4),
                res_blocks=1,
                groups=2,
                codes=128,
                code_width=16,
                dtype="float32",
            ),
            encoder_width=64,
            encoder_depth=4,
            encoder_heads=4,
            decoder_width=64,
            decoder_depth=2,
            decoder_heads=4,
            mlp_ratio=4.0,
            vocabulary=130,  # 128 codes, the class token's and the mask's.
            class_token=128,
            mask_mean=0.25,
            mask_std=0.25,
            mask_min=0.05,
            mask_max=1.0,
            drop=0.0,
            holes=0.8,
            tie_head=False,
            margin=0,
            fill=(0.0,),
            blend_grow=0,
            blend_blur=0.0,
            steps=100,
            temperature=0.0,
            token_temperature=0.5,
            noise_pool=256,
            dtype="float32",
        )
    )
    config.data.update(
        name="mnist5k",
        retain=("0", "1", "2", "3", "4"),
        forget=("5", "6", "7", "8", "9"),
        validation_per_class=100,
        cache_tokens=True,
    )
    config.tokenizer.update(weights="vqgan_mnist", steps=1500, batch_size=16, augment="affine")
    config.tokenizer.optimizer = optimizer(1.6e-2, b2=0.999, warmup_steps=100)
    config.pretrain.update(weights="mage_mnist", steps=4000, batch_size=64, augment="affine")
    config.pretrain.optimizer = optimizer(1.5e-3, warmup_steps=200, weight_decay=0.05)
    config.classifier.update(
        weights="digits_classifier", steps=1500, batch_size=64, augment="affine"
    )
    config.classifier.optimizer = optimizer(2e-3, b2=0.999, weight_decay=0.05)

    config.boundary.update(steps=200, utility_alpha=0.05, gradient_decay=0.9, value_decay=0.9)
    config.boundary.optimizer = optimizer(2e-3, warmup_steps=50)
    config.pareto.update(steps=400, first_steps=700, beta=1.0, gradient_decay=0.9, value_decay=0.9)
    config.pareto.optimizer = optimizer(1e-3, warmup_steps=50)
    config.composite_alphas = (0.12, 0.35, 0.9)
    config.data.proxy = ("0", "1")  # What composite_proxy is given: two of the classes to retain.
    config.baselines.dual_rate = 0.05
    config.baselines.alphas.update(
        composite=(0.12, 0.35, 0.9),
        composite_proxy=(0.04, 0.12, 0.35),
        max_loss=(0.1, 0.3, 0.6),
        noisy_label=(0.1, 0.3, 1.0),
        retain_label=(0.3, 1.0, 3.0),
        random_encoder=(0.12, 0.35, 0.9),
    )

    config.evaluation.update(batch_size=100, holes=("center:12",), pictures=10)
    return config
