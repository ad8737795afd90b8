"""Unlearn a diffusion model (Palette) on real digits: retain 0-4, forget 5-9.

    sh launch/local.sh --config=configs/palette_mnist.py --workdir=runs/palette_mnist

Two CPU cores, no network after installation, no GPU: docs/models.md has the time and the numbers it
gives. The original model ships with the package. To make it again:

    sh launch/local.sh --config=configs/palette_mnist.py --workdir=runs/pretrain_palette \
        --config.pretrain.from_scratch=True

It is trained to fill boxes of 12 to 14 of 28 pixels, which the published model's are in proportion;
brush strokes would hide little of a digit. Its digits are not distorted while it is trained: their
strokes would blur, and what it restores is compared with sharp ones.
"""

from ml_collections import ConfigDict

from cu_jax.config import default_config, optimizer


def get_config() -> ConfigDict:
    """The settings."""
    config = default_config()
    config.name = "palette_mnist"
    config.checkpoint_every_steps = 100  # A killed run loses ten seconds at most.
    config.model = ConfigDict(
        dict(
            name="palette",
            image_size=28,
            channels=1,
            width=8,
            multipliers=(1, 3, 6),
            res_blocks=1,
            heads=4,
            embed_width=32,
            groups=4,
            schedule=dict(length=2000, start=1e-6, end=1e-2),
            holes="box",
            forget_noise="picture",
            sampler="ddim",
            steps=5,
            eta=1.0,
            paste="hard",
            dtype="float32",
            sampling_dtype="float32",
        )
    )
    config.data.update(
        name="mnist5k",
        retain=("0", "1", "2", "3", "4"),
        forget=("5", "6", "7", "8", "9"),
        validation_per_class=100,
    )
    config.pretrain.update(weights="palette_mnist", steps=6000, batch_size=32, ema_decay=0.998)
    config.pretrain.clip = 1.0
    config.pretrain.optimizer = optimizer(2e-3, b2=0.99, warmup_steps=200, weight_decay=0.01)
    config.classifier.update(
        weights="digits_classifier", steps=1500, batch_size=64, augment="affine"
    )
    config.classifier.optimizer = optimizer(2e-3, b2=0.999, weight_decay=0.05)

    config.batch_size = 16
    config.boundary.update(steps=200, utility_alpha=0.05, gradient_decay=0.9, value_decay=0.9)
    config.boundary.optimizer = optimizer(2e-3, warmup_steps=50)
    config.pareto.update(steps=600, first_steps=1000, beta=1.0, gradient_decay=0.9, value_decay=0.9)
    config.pareto.optimizer = optimizer(4e-3, warmup_steps=50)
    config.composite_alphas = (0.12, 0.3, 0.7)
    config.data.proxy = ("0", "1")  # What composite_proxy is given: two of the classes to retain.
    config.baselines.dual_rate = 0.03
    config.baselines.alphas.update(
        composite=(0.12, 0.3, 1.0),  # As far as control 0.25, or nothing could be compared there.
        composite_proxy=(0.04, 0.12, 0.3),
        max_loss=(0.1, 0.3, 0.6),
        noisy_label=(0.1, 0.3, 1.0),
        retain_label=(0.3, 1.0, 3.0),
        random_encoder=(0.12, 0.3, 0.7),
    )

    # What the other digits' models restore, and half of the side, as the published model is tested.
    config.evaluation.update(batch_size=100, holes=("center:12", "center:14"), pictures=10)
    return config
