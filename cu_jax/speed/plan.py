"""How many updates and evaluations a run of an experiment has, before it begins."""

import math
from typing import NamedTuple

from ml_collections import ConfigDict

from cu_jax.data import Data
from cu_jax.plan import baseline_requests, composite_requests, path_requests
from cu_jax.results import Boundaries
from cu_jax.stages import stage_steps

FORGET_PICTURES = 10_000
"""How many there are to forget where none are at hand: as the paper has of ImageNet."""
# Stand for what a run finds; how many updates it makes does not depend on them.
_BOUNDS = Boundaries(epsilon_min=0.0, epsilon_max=1.0, epsilon_original=math.inf)


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
    path = path_requests(config, later, _BOUNDS, {})
    taken = {"original": 0, "complete": boundary, "utility": boundary}  # from the original on
    for request in path:
        taken[request.name] = taken[request.start] + request.steps
    ours = 2 * boundary + sum(request.steps for request in path)
    middle = sorted(path, key=lambda request: request.knobs["epsilon"])[len(path) // 2]
    steps = config.baselines.steps or taken[middle.name]
    if config.baselines.equal_budget:
        steps = math.ceil(ours / len(path))
    others = composite_requests(config, steps, {})
    others += [request for _, request in baseline_requests(config, steps, _BOUNDS, {})]
    updates = ours + sum(request.steps for request in others)
    return Planned(updates, 3 + len(path) + len(others))
