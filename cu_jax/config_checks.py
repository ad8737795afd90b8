"""Which settings are refused, before any compilation."""

from typing import Any

from ml_collections import ConfigDict

from cu_jax.data import DATASETS
from cu_jax.methods import BASELINES
from cu_jax.methods.objectives import SPACES
from cu_jax.models import MODELS

DTYPES = ("float32", "bfloat16")
STARTS = ("original", "utility", "complete")


def validate(config: ConfigDict) -> None:
    """Refuses what can be refused before any compilation.

    Raises:
        ValueError: one sentence: what must hold, what was given, what to do.

    Example:
        >>> from cu_jax.config import default_config
        >>> config = default_config()
        >>> config.controls = (0.5, 1.5)
        >>> config.model = ConfigDict({"name": "mae"})
        >>> config.data.name = "mnist5k"
        >>> validate(config)
        Traceback (most recent call last):
        ValueError: Controls must lie in [0, 1], got 1.5: change config.controls.
    """
    _member("config.model.name", config.model.name, MODELS)
    if not config.data.folder:
        _member("config.data.name", config.data.name, DATASETS)
    for name, section in (
        ("model", config.model),
        ("model.tokenizer", config.model.get("tokenizer", {})),
    ):
        for key in ("dtype", "sampling_dtype"):
            _member(f"config.{name}.{key}", section.get(key, DTYPES[0]), DTYPES)
    if not 0 <= config.data.max_bad_fraction <= 1:
        raise ValueError(
            "config.data.max_bad_fraction must lie in [0, 1], got "
            f"{config.data.max_bad_fraction}: change it."
        )
    if config.data.cache_tokens and config.data.augment:
        raise ValueError(
            "Tokens can be kept of fixed pictures alone, got config.data.cache_tokens with "
            f"config.data.augment={config.data.augment}: give --config.data.augment=None, or leave "
            "out the first."
        )
    _member("config.loss.space", config.loss.space, SPACES)
    _member("config.pareto.start", config.pareto.start, STARTS)
    for name, values in (
        ("controls", config.controls),
        ("search.controls", config.search.controls),
        ("control", (config.control,)),
        ("pareto.first_control", (config.pareto.first_control,)),
    ):
        for value in values:
            number = value is None or isinstance(value, (int, float))
            if not number or not 0 <= (value or 0) <= 1:  # NaN is refused too
                raise ValueError(f"Controls must lie in [0, 1], got {value}: change config.{name}.")
    if config.control is not None and config.epsilon is not None:
        raise ValueError(
            f"At most one of config.control and config.epsilon may be given, got {config.control} "
            f"and {config.epsilon}: leave one out."
        )
    if len(set(config.controls)) != len(config.controls):
        raise ValueError(
            f"Controls must differ, got {tuple(config.controls)}: remove the repeated."
        )
    if config.control is None and config.epsilon is None and not config.controls:
        raise ValueError("At least one of config.controls must be given, got none: add one.")
    for name in ("boundary", "pareto"):
        steps, epochs = config[name].steps, config[name].epochs
        if steps < 0 or (steps == 0 and not epochs > 0):
            raise ValueError(
                f"config.{name}.steps must be at least 1, or 0 and config.{name}.epochs greater "
                f"than 0, got {steps} and {epochs}: raise one."
            )
    sections = []
    if config.pretrain.from_scratch:
        sections = ["pretrain", *(["classifier"] if config.classifier.weights else [])]
        if "tokenizer" in config.model and not config.tokenizer.weights:
            sections.append("tokenizer")
    counts = {f"{name}.steps": config[name].steps for name in sections}
    for name in ("batch_size", "log_every_steps", "max_nonfinite_steps"):
        counts[name] = config[name]
    counts |= {f"evaluation.{name}": config.evaluation[name] for name in ("batch_size", "pictures")}
    relearning = config.audit.relearning
    counts |= {"audit.pictures": config.audit.pictures}
    for name in ("updates", "every", "batch_size", "pictures"):
        counts[f"audit.relearning.{name}"] = relearning[name]
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"config.{name} must be at least 1, got {value}: raise it.")
    if not relearning.tolerance >= 0:
        raise ValueError(
            "config.audit.relearning.tolerance must be at least 0 dB, got "
            f"{relearning.tolerance}: raise it."
        )
    if config.checkpoint_every_steps < 0:
        raise ValueError(
            f"config.checkpoint_every_steps must be at least 0, got {config.checkpoint_every_steps}"
            ": give 0 for a checkpoint at the end of each stage alone."
        )
    for name in ("boundary", "pareto"):
        parts = config[name].microbatches
        if parts < 1 or config.batch_size % parts:
            raise ValueError(
                f"config.{name}.microbatches must be at least 1 and divide config.batch_size="
                f"{config.batch_size}, got {parts}: change either."
            )
    for name in ("tokenizer", "pretrain", "classifier", "boundary", "pareto"):
        if not 0 <= config[name].ema_decay < 1:
            raise ValueError(
                f"config.{name}.ema_decay must lie in [0, 1), got {config[name].ema_decay}: change "
                "it."
            )
    _check_baselines(config)


def _check_baselines(config: ConfigDict) -> None:
    alphas = {"composite_alphas": config.composite_alphas, "search.bracket": config.search.bracket}
    alphas |= {f"baselines.alphas.{key}": value for key, value in config.baselines.alphas.items()}
    for name, values in alphas.items():
        for alpha in values:
            if not alpha > 0:
                raise ValueError(f"config.{name} must be greater than 0, got {alpha}: change it.")
    low, high = config.search.bracket
    if not low < high or config.search.most < 1 or not config.search.tolerance > 0:
        raise ValueError(
            "config.search must have a rising bracket, a tolerance above 0 and at least 1 run, got "
            f"{(low, high)}, {config.search.tolerance} and {config.search.most}: change it."
        )
    if config.baselines.steps < 0:
        raise ValueError(
            f"config.baselines.steps must be at least 0, got {config.baselines.steps}: give 0 for "
            "as many as the middle control took."
        )
    for name in config.baselines.methods:
        if not name:
            continue
        _member("config.baselines.methods", name, BASELINES)
        if name in config.baselines.alphas and not config.baselines.alphas[name]:
            raise ValueError(
                f"config.baselines.alphas.{name} must have at least one weight, got none: add one."
            )
    if config.data.cache_tokens and {"max_loss", "noisy_label"} & set(config.baselines.methods):
        raise ValueError(
            "The methods max_loss and noisy_label must see pictures, got config.data.cache_tokens: "
            "leave it out, or them."
        )


def _member(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {sorted(known)}, got {value!r}.")
