"""Steps that were skipped because a loss or a gradient was not finite: how many are too many."""

from collections.abc import Iterable, Mapping
from typing import Any

COUNT = "notfinite_count"
"""Name among a step's scalars: how many steps of the stage were skipped so far, this one too."""


class NonfiniteSteps:
    """Follows the steps of a stage as the host reads them, and ends one that goes nowhere.

    A skipped step leaves parameters, optimizer state and average as they were, so that nothing is
    lost by looking late. A stage that continues from a checkpoint counts its row from there.

    Args:
        stage: its name.
        limit: skipped steps in a row that end it, at least 1.
        before: steps skipped before the first that is seen.

    Example:
        >>> watch = NonfiniteSteps("control_0.5", limit=2)
        >>> watch.see([(0, {"notfinite_count": 0}), (1, {"notfinite_count": 1})])
        >>> watch.see([(2, {"notfinite_count": 2})])
        Traceback (most recent call last):
        FloatingPointError: Stage control_0.5: the loss or a gradient was not finite in all of the
        steps 1 to 2, and changed nothing: lower the learning rate of the stage (or clip its
        gradients) and give another --workdir; if the first steps are among them, look for NaN in
        the original's weights.
    """

    def __init__(self, stage: str, limit: int, before: int = 0) -> None:
        self._stage, self._limit, self._count = stage, limit, before
        self._row = 0

    def see(self, steps: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Takes note of steps.

        Args:
            steps: pairs (step within the stage, its scalars, on the host), in order; a method that
                counts nothing is believed to skip nothing.

        Raises:
            FloatingPointError: ``limit`` steps in a row were skipped.
        """
        for step, scalars in steps:
            count = int(scalars.get(COUNT, 0))
            self._row = self._row + 1 if count > self._count else 0
            self._count = count
            if self._row >= self._limit:
                raise FloatingPointError(
                    f"Stage {self._stage}: the loss or a gradient was not finite in all of the "
                    f"steps {step + 1 - self._row} to {step}, and changed nothing: lower the "
                    "learning rate of the stage (or clip its gradients) and give another "
                    "--workdir; if the first steps are among them, look for NaN in the original's "
                    "weights."
                )


def skipped_note(stage: str, skipped: int, steps: int) -> str:
    """What is said at the end of a stage that skipped steps.

    Example:
        >>> skipped_note("utility", 3, 1500)
        'Stage utility: 3 of 1,500 steps were skipped: the loss or a gradient was not finite.'
    """
    return (
        f"Stage {stage}: {skipped:,} of {steps:,} steps were skipped: the loss or a gradient was "
        "not finite."
    )
