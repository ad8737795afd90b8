"""Unlearn a masked autoencoder on real digits: retain 0-4, forget 5-9.

    sh launch/local.sh --config=configs/mae_mnist.py --workdir=runs/mae_mnist

Two CPU cores, no network after installation, no GPU: see the README for the time and the numbers
it gives. One solution instead of the path: `--config.control=0.3` or `--config.epsilon=0.7`.

The original model, the digits' classifier and a model that never saw the digits to forget ship with
the package. To make the three again:

    sh launch/local.sh --config=configs/mae_mnist.py --workdir=runs/pretrain \
        --config.pretrain.from_scratch=True --config.baselines.methods=retrain

All methods, three seeds, in three quarters of an hour:

    sh launch/compare.sh --config=configs/mae_mnist.py --workdir=runs/compare
"""

from ml_collections import ConfigDict

from cu_jax.config import default_config, optimizer


def get_config() -> ConfigDict:
    """The settings."""
    config = default_config()
    config.name = "mae_mnist"
    config.checkpoint_every_steps = 100  # A killed run loses five seconds at most.
    config.model = ConfigDict(
        dict(
            name="mae",
            image_size=28,
            patch_size=4,
            channels=1,
            encoder_width=64,
            encoder_depth=4,
            encoder_heads=4,
            decoder_width=64,
            decoder_depth=2,
            decoder_heads=4,
            mlp_ratio=4.0,
            mask_ratio=2 / 3,  # 16 of 49 patches stay.
            norm_pix_loss=False,
            mean=(0.0,),
            std=(1.0,),
            dtype="float32",
        )
    )
    config.data.update(
        name="mnist5k",
        retain=("0", "1", "2", "3", "4"),
        forget=("5", "6", "7", "8", "9"),
        validation_per_class=100,
    )
    config.pretrain.update(weights="mae_mnist", steps=4500, batch_size=64, augment="affine")
    config.pretrain.optimizer = optimizer(1.5e-3, warmup_steps=200, weight_decay=0.05)
    config.classifier.update(
        weights="digits_classifier", steps=1500, batch_size=64, augment="affine"
    )
    config.classifier.optimizer = optimizer(2e-3, b2=0.999, weight_decay=0.05)

    config.boundary.update(steps=200, utility_alpha=0.5, gradient_decay=0.9, value_decay=0.9)
    config.boundary.optimizer = optimizer(1e-3, warmup_steps=50)
    config.pareto.update(steps=400, first_steps=700, gradient_decay=0.9, value_decay=0.9)
    config.pareto.optimizer = optimizer(1e-3, warmup_steps=50)
    config.composite_alphas = (0.07, 0.18, 0.45)
    config.data.proxy = ("0", "1")  # What composite_proxy is given: two of the classes to retain.
    config.baselines.retrain_weights = "mae_mnist_retrain"
    config.baselines.alphas.update(
        composite=(0.07, 0.2, 0.8),
        composite_proxy=(0.02, 0.07, 0.2),
        max_loss=(0.1, 0.3, 0.6),
        noisy_label=(0.1, 0.3, 1.0),
        retain_label=(0.3, 1.0, 3.0),
        random_encoder=(0.07, 0.2, 0.6),
    )
    config.comparison.share = 0.35  # The comparison in three quarters of an hour.

    config.evaluation.update(batch_size=100, holes=("center:12",), pictures=10)
    config.audit.relearning.every = 1  # A look takes little here, and tells 5 updates from 9.
    return config
