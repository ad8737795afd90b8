"""What each stage is asked for: a method's settings, points of the path, composite losses."""

import math
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from cu_jax.methods import BY_ALPHA, METHODS, Method
from cu_jax.models import Model, Params

FEW_STEPS = 100
"""Stages that are given in passes and get fewer updates than this are remarked upon."""


def loss_config(config: ConfigDict, mean: Sequence[float], std: Sequence[float]) -> ConfigDict:
    """The losses' settings: the config's, and the noise pictures' mean and deviation by channel."""
    return ConfigDict(
        dict(
            space=config.loss.space,
            noise_mean=tuple(map(float, mean)),
            noise_std=tuple(map(float, std)),
        )
    )


def stage_steps(config: ConfigDict, section: str, forget_pictures: int) -> int:
    """Updates of a stage: the section's ``steps``, or as many as its ``epochs`` take.

    Args:
        config: the experiment's settings.
        section: ``boundary`` or ``pareto``.
        forget_pictures: how many the forget training set has; an epoch is a pass over them.

    Returns:
        At least 1.

    Example:
        >>> config = ConfigDict({"batch_size": 32, "pareto": {"steps": 0, "epochs": 8.0}})
        >>> stage_steps(config, "pareto", 10_000)
        2500
    """
    given = config[section]
    return given.steps or max(math.ceil(given.epochs * forget_pictures / config.batch_size), 1)


def epochs_note(config: ConfigDict, section: str, forget_pictures: int) -> str:
    """What a section's ``epochs`` come to, for people.

    Example:
        >>> config = ConfigDict({"batch_size": 32, "pareto": {"steps": 0, "epochs": 8.0}})
        >>> epochs_note(config, "pareto", 10_000)
        'Stages of pareto: 8 passes over 10,000 pictures to forget are 2,500 updates.'
        >>> print(epochs_note(config, "pareto", 3))
        Stages of pareto: 8 passes over 3 pictures to forget are 1 updates, which may be too few:
        see --config.pareto.steps.
    """
    steps = stage_steps(config, section, forget_pictures)
    few = "" if steps >= FEW_STEPS else f", which may be too few: see --config.{section}.steps"
    return (
        f"Stages of {section}: {config[section].epochs:g} passes over {forget_pictures:,} pictures "
        f"to forget are {steps:,} updates{few}."
    )


def method_config(config: ConfigDict, loss: ConfigDict, section: str, **changes: Any) -> ConfigDict:
    """A method's settings: the losses', those of one section of the config, and ``changes``.

    Example:
        ``method_config(config, loss, "boundary", phase="boundary", swap=False)``
    """
    unused = {"beta": 5.0, "delta": 1.0, "alpha": 5.0, "tau": 2.0}  # By the other phase.
    return ConfigDict(unused | dict(loss) | dict(config[section]) | changes)


def stage_methods(
    config: ConfigDict, loss: ConfigDict, model: Model, frozen: Params
) -> dict[str, Method]:
    """The programs: Phase I, the same with the roles swapped, Phase II, composite loss, baselines.

    Args:
        config: the experiment's settings.
        loss: the losses', :func:`loss_config`.
        model: the model.
        frozen: what the losses read of the original (``frozen_parts``); None only to have the
            settings checked.

    Returns:
        Name to method.
    """
    complete = method_config(config, loss, "boundary", phase="boundary", swap=False)
    utility = method_config(config, loss, "boundary", phase="boundary", swap=True)
    if config.boundary.utility_alpha is not None:
        utility.alpha = config.boundary.utility_alpha
    pareto = method_config(config, loss, "pareto", phase="pareto", swap=False)
    baselines = config.baselines
    other = method_config(
        config,
        loss,
        "pareto",
        as_published=baselines.as_published,
        dual_rate=baselines.dual_rate,
    )
    names = {*BY_ALPHA, "primal_dual"} - {"composite_proxy"}
    return {
        "complete": METHODS["controllable"](complete, model, frozen),
        "utility": METHODS["controllable"](utility, model, frozen),
        "pareto": METHODS["controllable"](pareto, model, frozen),
        **{name: METHODS[name](other, model, frozen) for name in sorted(names)},
    }


def baseline_names(config: ConfigDict) -> list[str]:
    """The methods that a config asks for beside ours and the composite loss.

    Example:
        >>> baseline_names(ConfigDict({"baselines": {"methods": ("retrain", "composite", "")}}))
        ['retrain']
    """
    return [name for name in config.baselines.methods if name and name != "composite"]
