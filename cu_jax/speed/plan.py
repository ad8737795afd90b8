"""How many updates and evaluations a run of an experiment has, before it begins."""

from typing import NamedTuple

from ml_collections import ConfigDict

from cu_jax.data import Data
from cu_jax.stages import baseline_names, stage_steps

FORGET_PICTURES = 10_000
"""How many there are to forget where none are at hand: as the paper has of ImageNet."""


class Planned(NamedTuple):
    """What a run does.

    Attributes:
        updates: of all stages from the original on.
        solutions: whose losses are taken on the whole training sets, the original among them.
    """

    updates: int
    solutions: int


def planned_updates(config: ConfigDict, data: Data | None) -> Planned:
    """Counts a run's updates: both boundaries, the path, composite losses, baselines.

    Args:
        config: the experiment's settings.
        data: its pictures; without them there are taken to be :data:`FORGET_PICTURES` to forget.

    Note:
        Making an original, a search and the retrained model are not counted.
    """
    count = FORGET_PICTURES if data is None else len(data.source("forget", "train"))
    boundary, later = (stage_steps(config, name, count) for name in ("boundary", "pareto"))
    first = config.pareto.first_steps or later
    if config.control is not None or config.epsilon is not None:
        return Planned(2 * boundary + first, 4)
    path = len(config.controls)
    composites = len(config.composite_alphas)
    baselines = sum(
        path if name == "primal_dual" else len(config.baselines.alphas[name])
        for name in baseline_names(config)
        if name != "retrain"
    )
    updates = 2 * boundary + first + (path - 1) * later
    updates += composites * first + baselines * (config.baselines.steps or first)
    return Planned(updates, 3 + path + composites + baselines)
