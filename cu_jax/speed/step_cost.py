"""What an update costs in time and memory: ours of the Pareto phase, and the composite loss's."""

from typing import NamedTuple

from ml_collections import ConfigDict

from cu_jax.speed.programs import set_up, updating
from cu_jax.speed.timing import timed

PROGRAMS = {"controllable": "pareto", "composite": "composite"}
"""Name of a method to the program whose updates are measured."""
UPDATES = 10


class StepCost(NamedTuple):
    """What an update of one method costs.

    Attributes:
        seconds: median time, compilation not included.
        memory: bytes of its compiled program: arguments, results and all in between, what is
            donated counted once; NaN where the compiler does not say.
    """

    seconds: float
    memory: float


def step_costs(config: ConfigDict, updates: int = UPDATES) -> dict[str, StepCost]:
    """Measures both methods' updates as the experiment compiles them, on pictures of noise.

    The methods are timed in turn, so that whatever else the machine does slows both.

    Args:
        config: the experiment's settings.
        updates: how many updates of each method are timed, after one that is not.

    Returns:
        ``controllable`` and ``composite`` to their costs.

    Raises:
        ValueError: if the devices can't share a batch.
    """
    setting = set_up(config)
    made = {name: updating(setting, method, updates + 1) for name, method in PROGRAMS.items()}
    seconds = timed({name: call for name, (_, call) in made.items()}, updates)
    return {name: StepCost(seconds[name], program.memory) for name, (program, _) in made.items()}
