"""How many updates of ordinary training bring back what a solution no longer restores.

A model that has lost what it knew of the forget pictures relearns them about as slowly as one that
never saw them (`retrain`); one that only hides them has it back after a few updates.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
import optax
from jaxtyping import Int, UInt8

from cu_jax.methods import to_model_range
from cu_jax.methods.optimizer import base_optimizer
from cu_jax.models import Model, Params

State = TypeVar("State")


class Relearning(NamedTuple):
    """How a solution relearned.

    Attributes:
        updates: until the target, or the limit.
        reached: whether the target was.
        before: the measure at the start.
        after: the measure after ``updates``.
    """

    updates: int
    reached: bool
    before: float
    after: float


def relearn(
    state: State,
    step: Callable[[State, int], State],
    measure: Callable[[State], float],
    *,
    target: float,
    limit: int,
    every: int,
    done: Callable[[int, float], None] = lambda updates, value: None,
) -> Relearning:
    """Trains until a measure reaches its target.

    Args:
        state: at the start.
        step: makes the state after one more update, from the state and the updates before.
        measure: higher is better; looked at before the first update and after every ``every``.
        target: what it is to reach.
        limit: updates at the most.
        every: updates between two looks, so the result is a multiple of it, or the limit.
        done: hears of each look: updates so far and the measure.

    Returns:
        How it went; with a measure at the target from the start, 0 updates.

    Example:
        >>> relearn(0.0, lambda x, _: x + 1, float, target=4.5, limit=9, every=2)
        Relearning(updates=6, reached=True, before=0.0, after=6.0)
    """
    before = value = measure(state)
    updates = 0
    while not value >= target and updates < limit:  # a measure that is NaN goes on to the limit
        for _ in range(min(every, limit - updates)):
            state = step(state, updates)
            updates += 1
        value = measure(state)
        done(updates, value)
    return Relearning(updates, bool(value >= target), before, value)


class Training:
    """Ordinary training on forget pictures: one compiled step, which all solutions share.

    The whole model is trained but for its ``fixed`` parts, with its own pretraining loss. Every
    solution sees the same pictures in the same order under the same corruptions.

    Args:
        model: the model.
        config: ``updates`` at the most, ``batch_size``, ``optimizer``.
        images: forget training pictures, in memory.
        seed: of order and corruptions.
    """

    def __init__(
        self, model: Model, config: Any, images: UInt8[np.ndarray, "n h w c"], seed: int
    ) -> None:
        self._model, self._images, self._batch = model, images, config.batch_size
        self._order = order(len(images), config.updates * config.batch_size, seed)
        self._key = jax.random.key(seed)
        self._tx: optax.GradientTransformation = base_optimizer(config.optimizer, config.updates)
        self._init = jax.jit(self._tx.init)
        self._step = jax.jit(self._stepped, donate_argnums=(0, 1))

    def start(self, params: Params) -> tuple[Params, Any, Params]:
        """A solution's trained parameters (a copy), the optimizer's state and the fixed parts."""
        fixed = {name: params[name] for name in self._model.fixed}
        trained = {name: part for name, part in params.items() if name not in fixed}
        trained = jax.tree.map(jax.numpy.array, trained)
        return trained, self._init(trained), fixed

    def step(self, state: tuple[Params, Any, Params], number: int) -> tuple[Params, Any, Params]:
        """The state after update ``number``."""
        trained, opt_state, fixed = state
        chosen = self._order[number * self._batch : (number + 1) * self._batch]
        key = jax.random.fold_in(self._key, number)
        return *self._step(trained, opt_state, fixed, self._images[chosen], key), fixed

    def distinct(self, updates: int) -> int:
        """How many different pictures so many updates look at."""
        return len(np.unique(self._order[: updates * self._batch]))

    def _stepped(
        self, trained: Params, opt_state: Any, fixed: Params, images: Any, key: Any
    ) -> tuple[Params, Any]:
        def loss(part: Params) -> Any:
            pictures = to_model_range(images, self._model)
            return self._model.pretrain_loss(part | fixed, pictures, key)

        updates, opt_state = self._tx.update(jax.grad(loss)(trained), opt_state, trained)
        return optax.apply_updates(trained, updates), opt_state


def order(count: int, length: int, seed: int) -> Int[np.ndarray, " length"]:
    """Indices of pictures in the order of training: passes over all, each shuffled anew.

    Args:
        count: pictures, at least 1.
        length: indices wanted.
        seed: of the shuffles.

    Returns:
        The indices.

    Example:
        >>> sorted(order(3, 6, seed=0).tolist())
        [0, 0, 1, 1, 2, 2]
    """
    rng = np.random.default_rng(seed)
    passes = [rng.permutation(count) for _ in range(-(-length // count))]
    return np.concatenate(passes)[:length]
