"""Each baseline: which set's pictures a step depends on, which parameters move, and where to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from cu_jax.config import optimizer
from cu_jax.methods import BASELINES, METHODS, frozen_parts
from cu_jax.models import MODELS

SIZES = dict(name="mae", image_size=28, patch_size=4, channels=1, encoder_width=16)
SIZES |= dict(encoder_depth=1, encoder_heads=2, decoder_width=12, decoder_depth=1, decoder_heads=2)
CONFIG = ConfigDict(
    dict(space="encoder", noise_mean=(0.13,), noise_std=(0.31,), clip=None, microbatches=1)
    | dict(ema_decay=0.0, dual_rate=0.5, as_published=False, optimizer=optimizer(3e-3))
)
MOVING = {
    "composite": ["encoder"],
    "composite_proxy": ["encoder"],
    "random_encoder": ["encoder"],
    "primal_dual": ["encoder"],
    "max_loss": ["decoder", "encoder"],
    "noisy_label": ["decoder", "encoder"],
    "retain_label": ["decoder", "encoder"],
    "retrain": ["decoder", "encoder"],
}
# Of which set's pictures the direction is a function, by method; the first step's for primal-dual.
SEEN = dict.fromkeys(MOVING, ("retain", "forget")) | {"retrain": ("retain",)}


@pytest.fixture(scope="module")
def model():
    return MODELS["mae"](SIZES)


@pytest.fixture(scope="module")
def teacher(model):
    return model.init(jax.random.key(0))


@pytest.fixture(scope="module")
def start(teacher):
    """A little off the original, where the retain losses have a gradient."""
    return jax.tree.map(lambda x: 1.03 * x, teacher)


@pytest.fixture(scope="module")
def stepped(model, teacher):
    """``(name, as_published) -> (method, jitted step)``; every program is compiled once."""
    made = {}

    def of(name, as_published=False):
        if (name, as_published) not in made:
            config = CONFIG.copy_and_resolve_references()
            config.as_published = as_published
            method = METHODS[name](config, model, frozen_parts(config, model, teacher))
            made[name, as_published] = method, jax.jit(method.step)
        return made[name, as_published]

    return of


def batch(seed, count=4):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 28, 28, 1)).astype(np.uint8)
    return {"image": jnp.asarray(images), "label": jnp.zeros(count, jnp.int32)}


def initial(method, name, start, alpha=0.7):
    knobs = {"epsilon": 0.05} if name == "primal_dual" else {"alpha": alpha}
    return method.init(start, steps=10.0, **({} if name == "retrain" else knobs))


def moved(first, second):
    """The names of the parts that differ."""
    parts = first.keys() & second.keys()
    return sorted(
        name
        for name in parts
        if not all(jax.tree.leaves(jax.tree.map(np.array_equal, first[name], second[name])))
    )


def after(stepped, name, start, retain, forget, as_published=False, steps=1, alpha=0.7):
    """The whole parameters and the last scalars after some steps on the same batches."""
    method, step = stepped(name, as_published)
    state = initial(method, name, start, alpha)
    for _ in range(steps):
        state, scalars = step(state, retain, forget, jax.random.key(5))
    return method.merge(state.params, method.trainable(start)[1]), scalars


def test_every_baseline_is_tested_here():
    assert set(MOVING) == set(BASELINES)


@pytest.mark.parametrize("name", BASELINES)
def test_which_parameters_move(stepped, start, name):
    after_one, _ = after(stepped, name, start, batch(0), batch(1))
    assert moved(start, after_one) == MOVING[name]
    assert jax.tree.structure(after_one) == jax.tree.structure(start)


@pytest.mark.parametrize("name", BASELINES)
def test_whose_pictures_get_a_gradient(stepped, start, name):
    # After two steps: the first multiplier of primal-dual is zero.
    plain, _ = after(stepped, name, start, batch(0), batch(1), steps=2)
    changed = {
        "retain": after(stepped, name, start, batch(2), batch(1), steps=2)[0],
        "forget": after(stepped, name, start, batch(0), batch(2), steps=2)[0],
    }
    assert tuple(key for key in changed if moved(plain, changed[key])) == SEEN[name]


@pytest.mark.parametrize("name", ["retain_label", "random_encoder"])
def test_as_published_the_pictures_to_forget_get_no_gradient(stepped, start, name):
    plain, scalars = after(stepped, name, start, batch(0), batch(1), as_published=True)
    changed, _ = after(stepped, name, start, batch(0), batch(2), as_published=True)
    intended, _ = after(stepped, name, start, batch(0), batch(1))
    assert not moved(plain, changed) and moved(plain, intended)
    assert float(next(v for k, v in scalars.items() if k.startswith("forget"))) > 0


@pytest.mark.parametrize(
    ("name", "key", "sign"),
    [
        ("max_loss", "forget_own_loss", 1),
        ("noisy_label", "forget_own_loss", -1),
        ("retain_label", "forget_output_loss", -1),
        ("random_encoder", "forget_feature_loss", -1),
        ("composite", "forget_loss", -1),
        ("primal_dual", "forget_loss", -1),
    ],
)
def test_it_forgets_in_the_direction_it_says(stepped, model, name, key, sign):
    start = model.init(jax.random.key(9))  # from where there is some way to go
    _, first = after(stepped, name, start, batch(0), batch(1), alpha=3.0)
    _, last = after(stepped, name, start, batch(0), batch(1), steps=8, alpha=3.0)
    assert sign * (float(last[key]) - float(first[key])) > 0.01 * float(first[key])


def test_at_the_original_the_retain_terms_are_zero(stepped, teacher):
    for name, key in (
        ("retain_label", "retain_output_loss"),
        ("random_encoder", "retain_feature_loss"),
        ("primal_dual", "retain_loss"),
    ):
        _, scalars = after(stepped, name, teacher, batch(0), batch(1))
        assert float(scalars[key]) < 1e-9


def test_the_multiplier_integrates_the_violation(stepped, start):
    method, step = stepped("primal_dual")
    state, total = initial(method, "primal_dual", start), 0.0
    for index in range(4):
        state, scalars = step(state, batch(0), batch(1), jax.random.key(index))
        total = max(total + 0.5 * float(scalars["violation"]), 0.0)
        np.testing.assert_allclose(
            scalars["violation"], scalars["forget_loss"] - 0.05, rtol=1e-5, atol=1e-7
        )
    np.testing.assert_allclose(scalars["multiplier"], total, rtol=1e-5)


def test_noise_labels_are_what_the_model_is_told_to_paint(model, teacher):
    images = jnp.ones((2, 28, 28, 1))
    key = jax.random.key(3)
    same = model.labeled_loss(teacher, images, images, key)
    np.testing.assert_array_equal(same, model.pretrain_loss(teacher, images, key))
    assert float(jnp.abs(model.labeled_loss(teacher, images, 0 * images, key) - same)) > 0.1


def test_a_rate_that_is_not_positive_is_refused(model):
    config = CONFIG.copy_and_resolve_references()
    config.dual_rate = 0.0
    with pytest.raises(ValueError, match="rate must be finite and greater than 0"):
        METHODS["primal_dual"](config, model, None)
