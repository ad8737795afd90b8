"""Both losses and their gradients, which is what a constrained method reads."""

from collections.abc import Callable
from typing import Any

from cu_jax import optim
from cu_jax.losses import weighted_mean
from cu_jax.methods.objectives import Objectives


def both_gradients(objectives: Objectives, microbatches: int) -> Callable[..., Any]:
    """Differentiates the retain and the forget loss, in one pass where the objectives have one.

    Args:
        objectives: the losses.
        microbatches: parts that each batch is cut into, one after the other.

    Returns:
        ``(encoder, retain, forget, frozen, key) -> ((f_r, f_f), (g_r, g_f))``.

    Raises:
        ValueError: if ``microbatches`` is no integer ≥ 1.
    """

    def mean(loss: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: weighted_mean(loss(*given))

    if objectives.one_pass:
        return optim.joint_value_and_grads(
            mean(objectives.loss), objectives.examples, microbatches=microbatches
        )
    return optim.value_and_grads(
        mean(objectives.retain), mean(objectives.forget), microbatches=microbatches
    )
