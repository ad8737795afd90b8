"""The one place that says which settings exist and what they mean by default.

A file in ``configs/`` starts from :func:`default_config` and changes what differs.
"""

from typing import Any

from ml_collections import ConfigDict, config_dict

from cu_jax.config_checks import validate
from cu_jax.methods import BY_ALPHA

__all__ = ["default_config", "optimizer", "validate"]


def optimizer(learning_rate: float, **changes: Any) -> ConfigDict:
    """Settings of a base optimizer: AdamW, betas (0.90, 0.95), no decay, cosine to zero.

    Example:
        >>> optimizer(1e-3, warmup_steps=10).b2
        0.95
    """
    settings = dict(
        name="adamw",
        learning_rate=learning_rate,
        b1=0.9,
        b2=0.95,
        weight_decay=0.0,
        schedule="cosine",
        warmup_steps=0,
    )
    return ConfigDict(settings | changes)


def default_config() -> ConfigDict:
    """All settings that do not belong to one model, with the paper's values where it states them.

    Example:
        >>> default_config().pareto.beta
        5.0
    """
    config = ConfigDict()
    config.name = ""
    config.seed = 0
    config.log_every_steps = 50
    config.checkpoint_every_steps = 500  # Besides the one at a stage's end; 0: only that one.
    # A step whose loss or gradient is not finite changes nothing; so many in a row end the run.
    config.max_nonfinite_steps = 20

    config.data = ConfigDict(
        dict(
            name="",
            retain=("",),  # Class names; none: all that are not to forget.
            forget=("",),
            # Pictures of your own, in a folder for each class; instead of `name`.
            folder="",
            forget_files="",  # Instead of `forget`: a text file that lists pictures.
            retain_folder="",  # Another folder, whose pictures stand in for those to retain.
            # What the method composite_proxy is given in place of the retain pictures: some of
            # their classes, or any pictures in a folder. What is measured stays the same.
            proxy=("",),
            proxy_folder="",
            # ImageNet and Places365: a named choice of pictures, and what differs from it.
            split="paper",
            split_seed=0,
            classes_per_set=config_dict.placeholder(int),
            train_per_class=config_dict.placeholder(int),
            validation_per_class=config_dict.placeholder(int),  # Of a folder: None is a fifth.
            augment=config_dict.placeholder(str),  # While unlearning; see `AUGMENTATIONS`.
            # Of a model that reads tokens: made once for all passes, of the middle of each picture.
            cache_tokens=False,
            max_bad_fraction=0.01,  # Of the pictures, left out because they cannot be used.
            data_dir=config_dict.placeholder(str),
        )
    )
    config.batch_size = 32  # Of each set.

    # The devices, in rows of `fsdp`: those of a row split one copy of model and optimizer, and each
    # row has its own. 1: every device has it whole; all devices: for what fits on none alone.
    config.mesh = ConfigDict(dict(fsdp=1))

    # Of every stage: with an `ema_decay` above 0 its result is not the last iterate but the moving
    # average of all, from the parameters that it was given on.

    # A pretrained model that ships with the package or lies on disk, or the stages that make one.
    config.pretrain = ConfigDict(
        dict(
            from_scratch=False,
            weights="",
            steps=0,
            batch_size=64,
            augment=config_dict.placeholder(str),
            clip=config_dict.placeholder(float),
            ema_decay=0.0,
            optimizer=optimizer(1e-3),
        )
    )
    # The tokenizer of a model that has one, where the model is made from scratch: made first, or
    # with no steps read from `weights`. Weights of a whole model bring their own.
    config.tokenizer = config.pretrain.copy_and_resolve_references()
    # What reads the restored pictures' classes; without weights nothing does.
    config.classifier = config.pretrain.copy_and_resolve_references()

    config.loss = ConfigDict(dict(space="encoder"))

    # Phase I, from the original: `complete`, and with the roles swapped `utility`, whose own
    # `utility_alpha` (None: `alpha`) says how firmly it holds the retain loss while it forgets.
    # Steps of each stage; 0: as many as `epochs`, passes over the forget training pictures, take.
    config.boundary = ConfigDict(
        dict(steps=0, epochs=0.0, alpha=5.0, tau=2.0, gradient_decay=0.0, value_decay=0.0)
        | dict(utility_alpha=config_dict.placeholder(float))
        | dict(clip=config_dict.placeholder(float), microbatches=1, ema_decay=0.0)
        | dict(optimizer=optimizer(1e-4))
    )
    # Phase II, one stage a control. The path begins with the control nearest to `first_control`,
    # reached from `start` in `first_steps` (0: as many as `steps`), and goes outwards from there:
    # first_control=1 tightens all the way (from `original` or `utility`), 0 relaxes (`complete`).
    config.pareto = ConfigDict(
        dict(steps=0, epochs=0.0, first_steps=0, start="original", first_control=0.5)
        | dict(beta=5.0, delta=1.0, gradient_decay=0.0, value_decay=0.0)
        | dict(clip=config_dict.placeholder(float), microbatches=1, ema_decay=0.0)
        | dict(optimizer=optimizer(1e-4))
    )
    config.controls = (0.0, 0.25, 0.5, 0.75, 1.0)
    config.control = config_dict.placeholder(float)  # One solution instead of the path.
    config.epsilon = config_dict.placeholder(float)  # Likewise.
    config.composite_alphas = ()

    # What ours is compared with beside the composite loss; `cu_jax.compare` asks for all.
    # Each is run from the original in `steps` (0: as many as the middle control took from there)
    # with every α of its own, or for primal_dual every control.
    config.baselines = ConfigDict(
        dict(methods=("",), steps=0, dual_rate=0.01)
        # Instead of `steps`: each of n runs takes an nth of all that our n controls took.
        | dict(equal_budget=False)
        | dict(as_published=False)  # A sign that the earlier program has wrong.
        # A model that was made without the forget set, shipped or on disk; none: it is made.
        | dict(retrain_weights="")
        # Those of `composite` are a comparison's; a run's own are `composite_alphas`.
        | dict(alphas=ConfigDict({name: () for name in BY_ALPHA}))
    )
    # The α of the composite loss that meets a control, by bisection, as its users must find it;
    # each try takes as many steps as the middle control took from the original.
    config.search = ConfigDict(
        dict(controls=(), bracket=(0.01, 10.0), tolerance=0.02, most=10)  # Of ε_original - ε_min.
    )

    # `cu_jax.compare`: the controls, and those of them that are searched for; which share of all
    # steps of this config each stage takes.
    config.comparison = ConfigDict(dict(controls=(0.25, 0.5, 0.75), share=1.0))
    config.comparison.search = (0.5, 0.25, 0.75)  # In this order; each knows what was tried before.

    # `cu_jax.ablate`: a setting, as in `pareto.beta`, and what it is set to, a run for each value.
    # Values of `controls` and `evaluation.holes` may be single ones, which one run then has all.
    # `name`: of the figure (none: the setting's). `cost`: no run, but what an update costs.
    config.ablation = ConfigDict(dict(name="", setting="", values=(), cost=False))

    # Holes (cu_jax.holes) that every solution restores; measures of the first have plain names.
    # Networks that look at the restored pictures: folders of imported weights; none: not asked.
    # The published numbers compare with whole files squashed to a square (`legacy_reference`).
    config.evaluation = ConfigDict(
        dict(batch_size=500, holes=(), pictures=10, legacy_reference=False)
        | dict(networks=dict(inception="", clip="", efficientnetlite0=""))
    )

    # Of `python -m cu_jax.audit`, which a run itself does not need: at most `pictures` of each set
    # and split. Relearning trains on forget pictures until the PSNR of `pictures` of them is within
    # `tolerance` dB of the original's, looked at `every` so many updates.
    config.audit = ConfigDict(
        dict(
            pictures=500,
            relearning=dict(updates=300, every=5, batch_size=16, pictures=100, tolerance=0.5)
            | dict(optimizer=optimizer(1e-4, schedule="constant")),
        )
    )
    return config
