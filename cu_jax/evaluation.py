"""What is said of a solution: both losses and their gradients on the whole training sets."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from cu_jax import metrics, sharding
from cu_jax.data import SETS, Data, evaluation_batches
from cu_jax.methods import Objectives
from cu_jax.models import Model, Params
from cu_jax.startup import EXACT

ROUNDING = 1e-9
"""A retain loss below this is rounding (student and teacher run through code that the compiler
fuses differently), and is stated as 0, its gradient with it."""


class FullSet(NamedTuple):
    """Both losses, norms of their gradients, and stationarity, on the whole training sets.

    ``multiplier``, ``cosine`` and ``stationarity`` follow from the full-set gradients: λ̂ =
    max(-⟨g_r, g_f⟩ / ‖g_f‖², 0), stationarity = ‖g_r + λ̂ g_f‖ / ‖g_r‖.
    """

    retain_loss: float
    forget_loss: float
    retain_grad_norm: float
    forget_grad_norm: float
    multiplier: float
    cosine: float
    stationarity: float


@partial(jax.jit, donate_argnums=0)
def _add(total: Any, part: Any) -> Any:
    return jax.tree.map(jnp.add, total, part)


# Whole trees in one program: leaf by leaf each shape would be compiled at every start.
@jax.jit
def _divided(total: Any, count: Any) -> Any:
    return jax.tree.map(lambda x: x / count, total)


@jax.jit
def _products(a: Any, b: Any) -> tuple[Any, Any, Any]:
    return optax.tree.vdot(a, b), optax.tree.vdot(a, a), optax.tree.vdot(b, b)


class FullSetLosses:
    """Losses and gradients over the whole training sets, training corruption, fixed keys.

    Args:
        objectives: the losses of each example.
        model: the model.
        frozen: what the losses read of the original model.
        data: both sets.
        batch_size: pictures at once.
        seed: of the fixed keys; every solution sees the same corruptions and noise.
        mesh: the devices; None: all, with the parameters whole on each.
    """

    def __init__(
        self,
        objectives: Objectives,
        model: Model,
        frozen: Params,
        data: Data,
        batch_size: int,
        seed: int,
        mesh: Mesh | None = None,
    ) -> None:
        self._mesh = mesh or sharding.make_mesh()
        self._model = model
        self._frozen = frozen
        self._data, self._batch_size = data, batch_size
        self._key = jax.random.key(seed)
        # Two programs at the most: one for each set, shared by every solution.
        self._sums = {name: self._summed(getattr(objectives, name)) for name in SETS}

    @staticmethod
    def _summed(per_example: Callable[..., Any]) -> Callable[..., Any]:
        def loss(params: Params, batch: Any, frozen: Params, key: Any) -> Any:
            return jnp.sum(per_example(params, batch, frozen, key) * batch["weight"])

        return jax.jit(jax.value_and_grad(loss), compiler_options=EXACT)

    @property
    def pictures(self) -> int:
        """How many pictures one evaluation looks at."""
        return sum(len(self._data.source(name, "train")) for name in SETS)

    def _mean(self, name: str, encoder: Params, done: Callable[[int], None]) -> Any:
        source = self._data.source(name, "train")
        total = None
        size = self._batch_size
        rows = sharding.rows(self._mesh, size)
        for index, pictures in enumerate(evaluation_batches(source, size, rows=rows)):
            batch = sharding.put_batch(self._mesh, pictures, size)
            key = jax.random.fold_in(self._key, index)
            part = self._sums[name](encoder, batch, self._frozen, key)
            total = part if total is None else _add(total, part)
            jax.block_until_ready(total)  # or the batches of a large set would all wait in memory
            done(min(size, len(source) - index * size))
        return _divided(total, float(len(source)))

    def __call__(self, params: Params, done: Callable[[int], None] = lambda count: None) -> FullSet:
        """Evaluates a whole model's parameters; ``done`` hears of each batch's pictures."""
        encoder, _ = self._model.split(params)
        (f_r, g_r), (f_f, g_f) = (self._mean(name, encoder, done) for name in SETS)
        dot, sq_r, sq_f = map(float, _products(g_r, g_f))
        if float(f_r) < ROUNDING:
            f_r, dot, sq_r = 0.0, 0.0, 0.0
        state = metrics.stationarity(dot, sq_r, sq_f)
        return FullSet(
            retain_loss=float(f_r),
            forget_loss=float(f_f),
            retain_grad_norm=sq_r**0.5,
            forget_grad_norm=sq_f**0.5,
            multiplier=state.multiplier,
            cosine=state.cosine,
            stationarity=state.stationarity,
        )
