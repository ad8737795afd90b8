"""Every method: NaN in a batch, the teacher or one gradient alone moves nothing, bit for bit."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from cu_jax.config import optimizer
from cu_jax.methods import METHODS, frozen_parts, supervised
from cu_jax.methods.objectives import Objectives
from cu_jax.models import MODELS

SIZES = dict(name="mae", image_size=8, patch_size=4, channels=1, encoder_width=8)
SIZES |= dict(encoder_depth=1, encoder_heads=2, decoder_width=8, decoder_depth=1, decoder_heads=2)
CONFIG = ConfigDict(
    dict(space="encoder", noise_mean=(0.13,), noise_std=(0.31,), clip=1.0, microbatches=1)
    | dict(alpha=5.0, beta=1.0, tau=2.0, delta=1.0, gradient_decay=0.5, value_decay=0.5)
    | dict(phase="pareto", swap=False, dual_rate=0.5, as_published=False, ema_decay=0.5)
    | dict(optimizer=optimizer(1e-2, weight_decay=0.1))
)
SETS = ("retain", "forget")
WITHOUT_TEACHER = ("max_loss", "noisy_label", "retrain", "pretrain")
SEEN = {"retrain": ["retain"]}  # The sets that a method looks at, where it is not both.


@pytest.fixture(scope="module")
def model():
    return MODELS["mae"](SIZES)


@pytest.fixture(scope="module")
def teacher(model):
    params = model.init(jax.random.key(0))
    # A zero that has a sign, which adding an update of zero would take away.
    return jax.tree.map(lambda x: x.at[(0,) * x.ndim].set(-0.0), params)


def batch(seed, bad=None, count=4):
    """Pictures as floats, in which there can be NaN."""
    images = np.random.default_rng(seed).uniform(0, 255, (count, 8, 8, 1)).astype(np.float32)
    if bad is not None:
        images[1] = bad  # all of it: an encoder sees some patches alone
    return {"image": jnp.asarray(images), "label": jnp.zeros(count, jnp.int32)}


def bits(state):
    """All that a step may move but its number and the count, as bytes."""
    opt_state = state.opt_state._replace(notfinite_count=0)
    leaves = jax.tree.leaves((state.params, state.average, opt_state))
    return [np.asarray(leaf).tobytes() for leaf in leaves]


def with_broken_teacher(state):
    broken = jax.tree.map(lambda x: x * jnp.nan, state.frozen["teacher"])
    return state.replace(frozen=state.frozen | {"teacher": broken})


@pytest.mark.parametrize(
    "name",
    # Six seconds each.
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name not in ("controllable", "composite")))
        for name in METHODS
    ],
)
def test_what_is_not_finite_moves_nothing_and_is_counted(model, teacher, name):
    method = METHODS[name](CONFIG, model, frozen_parts(CONFIG, model, teacher))
    step = jax.jit(method.step)
    start = jax.tree.map(lambda x: 1.03 * x, teacher)
    state = method.init(start, steps=10.0, epsilon=0.05, alpha=0.7)
    state, scalars = step(state, batch(0), batch(1), jax.random.key(0))
    assert int(scalars["notfinite_count"]) == state.nonfinite_steps == 0
    before, count = bits(state), 0
    for bad in (jnp.nan, jnp.inf):
        for spoiled in SEEN.get(name, SETS):
            batches = [batch(i, bad if one == spoiled else None) for i, one in enumerate(SETS)]
            state, scalars = step(state, *batches, jax.random.key(1))
            count += 1
            assert bits(state) == before, (bad, spoiled)
            assert int(scalars["notfinite_count"]) == state.nonfinite_steps == count
    if name not in WITHOUT_TEACHER:
        after, scalars = step(with_broken_teacher(state), batch(0), batch(1), jax.random.key(1))
        assert bits(after) == before and int(scalars["notfinite_count"]) == count + 1
    assert int(state.step) == 1 + count
    state, scalars = step(state, batch(0), batch(1), jax.random.key(2))
    assert bits(state) != before and int(scalars["notfinite_count"]) == count


@pytest.mark.parametrize("name", ["controllable", "primal_dual"])
@pytest.mark.parametrize("spoiled", ["retain", "forget"])
def test_one_gradient_of_two_is_enough(model, teacher, name, spoiled, monkeypatch):
    """With both losses finite: the square root of 0 has no finite slope."""

    def losses(config, model):
        def of(name):
            def loss(params, batch, frozen, key):
                total = sum(jnp.sum(x**2) for x in jax.tree.leaves(params))
                sharp = jnp.sqrt(0 * total) if name == spoiled else 0.0
                return jnp.full(len(batch["label"]), total + sharp)

            return loss

        apart = pytest.fail  # What runs both sets together is not asked for.
        return Objectives(of("retain"), of("forget"), apart, apart, one_pass=False)

    module = importlib.import_module(f"cu_jax.methods.{name}")
    monkeypatch.setattr(module, "unlearning_objectives", losses)
    method = METHODS[name](CONFIG, model, frozen_parts(CONFIG, model, teacher))
    state = method.init(teacher, steps=10.0, epsilon=0.05)
    after, scalars = jax.jit(method.step)(state, batch(0), batch(1), jax.random.key(0))
    assert np.isfinite(scalars["retain_loss"]) and np.isfinite(scalars["forget_loss"])
    assert bits(after) == bits(state) and int(scalars["notfinite_count"]) == 1


def test_a_loss_that_is_not_finite_counts_where_its_gradient_is():
    def loss(params, batch, key):
        return jnp.sum(params["w"] ** 2) + batch["image"].mean()

    method = supervised(CONFIG, loss)
    state = method.init({"w": jnp.ones(3)}, steps=10.0)
    after, scalars = method.step(state, batch(0, jnp.nan), batch(1), jax.random.key(0))
    assert bits(after) == bits(state) and int(scalars["notfinite_count"]) == 1
