"""Which settings are refused, before any compilation."""

from typing import Any

from ml_collections import ConfigDict

from cu_jax.data import DATASETS
from cu_jax.methods import BASELINES
from cu_jax.methods.objectives import SPACES
from cu_jax.models import MODELS

DTYPES = ("float32", "bfloat16")
_OPTIMIZER = {
    "learning_rate": "be finite and greater than 0",
    "b1": "lie in [0, 1)",
    "b2": "lie in [0, 1)",
    "weight_decay": "be finite and at least 0",
    "warmup_steps": "be at least 0",
}
STARTS = ("original", "utility", "complete")


def check_sections(config: Any, default: ConfigDict, name: str = "config") -> None:
    """Refuses settings of which some are missing, or of another kind than they must be.

    Args:
        config: what a config file returned.
        default: all that it must have.
        name: of what is checked, for the sentence.

    Raises:
        ValueError: one sentence that names the setting.

    Example:
        >>> from cu_jax.config import default_config
        >>> config = default_config()
        >>> del config.pareto.beta
        >>> check_sections(config, default_config())
        Traceback (most recent call last):
        ValueError: Every config must have config.pareto.beta, and this one has not: start from
        cu_jax.config.default_config() and change what differs.
    """
    if not isinstance(config, ConfigDict):
        raise ValueError(
            f"{name} must be a ConfigDict with the settings, got {config!r:.80}: start from "
            "cu_jax.config.default_config() and change what differs."
        )
    for key in default:
        if key not in config:
            raise ValueError(
                f"Every config must have {name}.{key}, and this one has not: start from "
                "cu_jax.config.default_config() and change what differs."
            )
        wanted = default[key]
        if isinstance(wanted, ConfigDict):
            check_sections(config[key], wanted, f"{name}.{key}")


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
    if not 0 <= config.seed < 2**31:
        raise ValueError(
            f"config.seed must be at least 0 and less than 2**31, got {config.seed}: change it."
        )
    if config.epsilon is not None and not 0 <= config.epsilon < float("inf"):
        raise ValueError(
            "config.epsilon must be a forget loss, finite and at least 0, got "
            f"{config.epsilon}: change it."
        )
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
    for name in ("tokenizer", "pretrain", "classifier", "boundary", "pareto", "audit.relearning"):
        _check_optimizer(f"config.{name}.optimizer", _section(config, name).optimizer)
    _check_baselines(config)


def _check_optimizer(name: str, optimizer: ConfigDict) -> None:
    values = {
        "learning_rate": (optimizer.learning_rate, 0 < optimizer.learning_rate < float("inf")),
        "b1": (optimizer.b1, 0 <= optimizer.b1 < 1),
        "b2": (optimizer.b2, 0 <= optimizer.b2 < 1),
        "weight_decay": (optimizer.weight_decay, 0 <= optimizer.weight_decay < float("inf")),
        "warmup_steps": (optimizer.warmup_steps, optimizer.warmup_steps >= 0),
    }
    for key, (value, holds) in values.items():
        if not holds:
            raise ValueError(f"{name}.{key} must {_OPTIMIZER[key]}, got {value}: change it.")


def _section(config: ConfigDict, name: str) -> Any:
    for part in name.split("."):
        config = config[part]
    return config


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
