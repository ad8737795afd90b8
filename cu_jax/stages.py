"""What each stage is asked for: a method's settings, and the points of the path."""

from typing import Any

from ml_collections import ConfigDict

from cu_jax.data import Data
from cu_jax.results import Boundaries


def loss_config(config: ConfigDict, data: Data) -> ConfigDict:
    """The losses' settings: the config's, and the noise pictures' statistics from the data."""
    mean, std = data.pixel_statistics("forget", "train")
    return ConfigDict(
        dict(
            space=config.loss.space,
            noise_mean=tuple(map(float, mean)),
            noise_std=tuple(map(float, std)),
        )
    )


def method_config(config: ConfigDict, data: Data, section: str, **changes: Any) -> ConfigDict:
    """A method's settings: the losses', those of one section of the config, and ``changes``.

    Example:
        ``method_config(config, data, "boundary", phase="boundary", swap=False)``
    """
    unused = {"beta": 5.0, "delta": 1.0, "alpha": 5.0, "tau": 2.0}  # By the other phase.
    return ConfigDict(unused | dict(loss_config(config, data)) | dict(config[section]) | changes)


def requests(config: ConfigDict, boundaries: Boundaries) -> list[tuple[str, float, float]]:
    """``(name, control, epsilon)`` of the solutions asked for, in the order they are visited.

    Raises:
        ValueError: if ``config.epsilon`` is outside the range that the boundaries found.
    """
    low, high = boundaries.epsilon_min, boundaries.epsilon_max
    if config.epsilon is not None:
        if not low <= config.epsilon < boundaries.epsilon_original:
            raise ValueError(
                f"config.epsilon must lie in [{low:.4g}, {boundaries.epsilon_original:.4g}), the "
                f"range that the boundaries found, got {config.epsilon}: choose one inside."
            )
        return [
            (f"epsilon_{config.epsilon:g}", (config.epsilon - low) / (high - low), config.epsilon)
        ]
    controls = config.controls if config.control is None else (config.control,)
    tightening = config.pareto.start != "complete"
    ordered = sorted(controls, reverse=tightening)
    return [(f"control_{r:g}", r, low + r * (high - low)) for r in ordered]
