"""Each method: which pictures get a gradient, which parameters move, what stands still at θ0."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from cu_jax.config import optimizer
from cu_jax.methods import METHODS, frozen_parts, unlearning_objectives
from cu_jax.methods.gradients import both_gradients
from cu_jax.models import MODELS

SIZES = dict(name="mae", image_size=28, patch_size=4, channels=1, encoder_width=16)
SIZES |= dict(encoder_depth=1, encoder_heads=2, decoder_width=12, decoder_depth=1, decoder_heads=2)
BASE = dict(
    space="encoder", noise_mean=(0.13,), noise_std=(0.31,), clip=None, microbatches=1, ema_decay=0.0
)
BASE |= dict(alpha=5.0, beta=1.0, tau=2.0, delta=1.0, gradient_decay=0.0, value_decay=0.0)
BASE |= dict(phase="pareto", swap=False, optimizer=optimizer(1e-3))


@pytest.fixture(scope="module")
def model():
    return MODELS["mae"](SIZES)


@pytest.fixture(scope="module")
def teacher(model):
    return model.init(jax.random.key(0))


def batch(seed, count=4):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28, 1)).astype(np.uint8)
    return {"image": jnp.asarray(images), "label": jnp.zeros(count, jnp.int32)}


def config(**changes):
    return ConfigDict(BASE | changes)


@pytest.mark.parametrize("space", ["encoder", "output"])
def test_at_the_original_the_retain_loss_and_its_gradient_are_zero(model, teacher, space):
    losses = unlearning_objectives(config(space=space), model)
    encoder, _ = model.split(teacher)
    frozen, key = frozen_parts(config(), model, teacher), jax.random.key(1)
    value, grad = jax.value_and_grad(lambda e: losses.retain(e, batch(0), frozen, key).sum())(
        encoder
    )
    assert float(value) == 0
    assert max(float(jnp.abs(g).max()) for g in jax.tree.leaves(grad)) == 0
    forget = losses.forget(encoder, batch(0), frozen, key)
    assert forget.shape == (4,) and float(forget.min()) > 1e-4


def test_each_example_counts_alone(model, teacher):
    losses = unlearning_objectives(config(), model)
    encoder, _ = model.split(teacher)
    frozen, key = frozen_parts(config(), model, teacher), jax.random.key(1)
    one = batch(0)
    other = one | {"image": one["image"].at[3].set(0)}
    a, b = (losses.forget(encoder, x, frozen, key) for x in (one, other))
    np.testing.assert_allclose(a[:3], b[:3], rtol=1e-5)
    assert abs(float(a[3] - b[3])) > 1e-4


def test_output_space_counts_removed_patches_alone(model, teacher):
    losses = unlearning_objectives(config(space="output"), model)
    encoder, rest = model.split(teacher)
    frozen = frozen_parts(config(), model, teacher)
    moved = frozen | {"rest": jax.tree.map(lambda x: 1.1 * x, rest)}
    key = jax.random.key(1)
    kept = losses.forget(encoder, batch(0), frozen, key)
    assert float(jnp.abs(kept - losses.forget(encoder, batch(0), moved, key)).max()) > 1e-5


def run(model, teacher, name, steps=3, knobs=None, start=None, **changes):
    settings = config(**changes)
    method = METHODS[name](settings, model, frozen_parts(settings, model, teacher))
    state = method.init(teacher if start is None else start, steps=10.0, **(knobs or {}))
    step = jax.jit(method.step)
    for index in range(steps):
        retain, forget = batch(2 * index), batch(2 * index + 1)
        state, scalars = step(state, retain, forget, jax.random.key(index))
    return method, state, scalars


@pytest.mark.parametrize(
    ("name", "knobs"), [("controllable", {"epsilon": 0.1}), ("composite", {"alpha": 0.3})]
)
def test_unlearning_moves_the_encoder_alone(model, teacher, name, knobs):
    method, state, scalars = run(model, teacher, name, knobs=knobs)
    encoder, rest = model.split(teacher)
    trained, frozen = method.trainable(teacher)
    assert trained is encoder and frozen is rest
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), state.params, encoder)
    assert min(jax.tree.leaves(moved)) > 0
    same = jax.tree.map(np.array_equal, state.frozen, frozen_parts(config(), model, teacher))
    assert all(jax.tree.leaves(same))
    assert int(state.step) == 3 and int(scalars["notfinite_count"]) == 0


def test_pretraining_moves_everything(model, teacher):
    _, state, _ = run(model, teacher, "pretrain")
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), state.params, teacher)
    assert min(jax.tree.leaves(moved)) > 0


def test_an_inactive_constraint_leaves_the_original(model, teacher):
    _, state, scalars = run(model, teacher, "controllable", knobs={"epsilon": 1e3})
    encoder, _ = model.split(teacher)
    # Without a violation the direction is the retain gradient, which is zero at the original.
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, state.params, encoder)))
    assert float(scalars["multiplier"]) == 0 and float(scalars["violation"]) < 0


def test_swapped_roles_constrain_the_retain_loss(model, teacher):
    start = jax.tree.map(lambda x: 1.05 * x, teacher)
    _, _, scalars = run(model, teacher, "controllable", 1, start=start, phase="boundary", swap=True)
    _, _, plain = run(model, teacher, "controllable", 1, start=start, phase="boundary")
    assert float(scalars["forget_loss"]) == float(plain["forget_loss"])
    assert float(scalars["multiplier"]) != float(plain["multiplier"])


def test_composite_is_the_gradient_of_the_weighted_sum(model, teacher):
    _, state, scalars = run(model, teacher, "composite", 1, knobs={"alpha": 0.5})
    expected = scalars["retain_loss"] + 0.5 * scalars["forget_loss"]
    np.testing.assert_allclose(scalars["composite_loss"], expected, rtol=1e-6)


def test_a_batch_that_is_not_finite_moves_nothing(model, teacher):
    broken = jax.tree.map(lambda x: x * jnp.nan, teacher)
    for name, knobs in (("controllable", {"epsilon": 0.1}), ("composite", {"alpha": 0.3})):
        method = METHODS[name](config(), model, frozen_parts(config(), model, broken))
        state = method.init(teacher, steps=10.0, **knobs)
        after, scalars = jax.jit(method.step)(state, batch(0), batch(1), jax.random.key(0))
        assert all(jax.tree.leaves(jax.tree.map(np.array_equal, after.params, state.params)))
        assert int(scalars["notfinite_count"]) == 1


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("controllable", dict(phase="third"), "phase must be one of"),
        ("controllable", dict(space="pixel"), "loss.space must be one of"),
        ("composite", dict(optimizer=optimizer(1e-3, name="lion")), "optimizer.name must be one"),
        ("composite", dict(optimizer=optimizer(1e-3, schedule="step")), "optimizer.schedule must"),
    ],
)
def test_wrong_settings_are_refused(model, teacher, name, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        METHODS[name](config(**changes), model, None).init(
            teacher, steps=1.0, epsilon=1.0, alpha=1.0
        )


@pytest.mark.parametrize("space", ["encoder", "output"])
@pytest.mark.parametrize("microbatches", [1, 2])
def test_both_sets_in_one_pass_give_the_gradients_of_each_alone(
    model, teacher, space, microbatches
):
    settings = config(space=space)
    objectives = unlearning_objectives(settings, model)
    assert objectives.one_pass
    encoder, frozen = model.split(teacher)[0], frozen_parts(settings, model, teacher)
    student = jax.tree.map(lambda x: 1.03 * x, encoder)
    given = student, batch(1), batch(2), frozen, jax.random.key(3)
    together = jax.jit(both_gradients(objectives, microbatches))(*given)
    apart = jax.jit(both_gradients(objectives._replace(one_pass=False), microbatches))(*given)
    np.testing.assert_allclose(together[0], apart[0], rtol=1e-5)
    assert float(together[0][0]) != float(together[0][1])
    for one, other in zip(together[1], apart[1], strict=True):
        difference = optax.tree.norm(optax.tree.sub(one, other))
        assert float(difference) < 1e-5 * float(optax.tree.norm(other))
