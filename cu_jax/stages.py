"""What each stage is asked for: a method's settings, and the points of the path."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

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


class Request(NamedTuple):
    """One solution asked for.

    Attributes:
        name: of the stage and of the solution.
        control: the control coefficient r.
        epsilon: ε(r) = ε_min + r (ε_max - ε_min).
        start: name of the solution whose parameters it starts from: ``config.pareto.start`` for
            the first, the neighbor for the others.
    """

    name: str
    control: float
    epsilon: float
    start: str


def requests(config: ConfigDict, boundaries: Boundaries) -> list[Request]:
    """The solutions asked for, in the order they are visited.

    The path begins at the control nearest to ``config.pareto.first_control`` and goes outwards from
    there, first relaxing (controls above) and then tightening (below); each control starts from its
    neighbor on the way.

    Args:
        config: the experiment's settings.
        boundaries: the range of ε.

    Returns:
        One request a control, or the single one that ``config.control`` or ``config.epsilon`` asks
        for.

    Raises:
        ValueError: if ``config.epsilon`` is outside the range that the boundaries found.
    """
    low, high = boundaries.epsilon_min, boundaries.epsilon_max
    start = config.pareto.start
    if config.epsilon is not None:
        if not low <= config.epsilon < boundaries.epsilon_original:
            raise ValueError(
                f"config.epsilon must lie in [{low:.4g}, {boundaries.epsilon_original:.4g}), the "
                f"range that the boundaries found, got {config.epsilon}: choose one inside."
            )
        control = (config.epsilon - low) / (high - low)
        return [Request(f"epsilon_{config.epsilon:g}", control, config.epsilon, start)]
    controls = config.controls if config.control is None else (config.control,)
    return [
        Request(
            f"control_{control:g}",
            control,
            low + control * (high - low),
            start if neighbor is None else f"control_{neighbor:g}",
        )
        for control, neighbor in _outwards(controls, config.pareto.first_control)
    ]


def _outwards(controls: Sequence[float], near: float) -> list[tuple[float, float | None]]:
    """Each control with its neighbor towards the one nearest to ``near``, which comes first."""
    ordered = sorted(controls)
    first = min(ordered, key=lambda control: abs(control - near))
    at = ordered.index(first)
    pairs = (*itertools.pairwise(ordered[at:]), *itertools.pairwise(ordered[at::-1]))
    return [(first, None), *((control, neighbor) for neighbor, control in pairs)]
