"""The losses of a model over tokens: zero at the original, in both spaces, tied head or not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from cu_jax.config import optimizer
from cu_jax.methods import METHODS, frozen_parts, unlearning_objectives
from cu_jax.models.mage import build

TOKENIZER = dict(image_size=16, channels=1, width=4, multipliers=(1, 1, 1), res_blocks=1, groups=2)
TOKENIZER |= dict(codes=8, code_width=4)
SIZES = dict(tokenizer=TOKENIZER, encoder_width=8, encoder_depth=1, encoder_heads=2, fill=(0.0,))
SIZES |= dict(decoder_width=8, decoder_depth=1, decoder_heads=2, vocabulary=10, class_token=8)
SIZES |= dict(noise_pool=5)
BASE = dict(
    noise_mean=(0.5,), noise_std=(0.3,), clip=None, microbatches=1, ema_decay=0.0, phase="pareto"
)
BASE |= dict(alpha=5.0, beta=1.0, tau=2.0, delta=1.0, gradient_decay=0.0, value_decay=0.0)
BASE |= dict(swap=False, optimizer=optimizer(1e-2))


@pytest.fixture(
    scope="module",
    params=[
        ("encoder", False),
        pytest.param(("output", False), marks=pytest.mark.slow),  # half a minute each
        pytest.param(("output", True), marks=pytest.mark.slow),
    ],
)
def case(request):
    """The losses' space, and whether the head is tied (which encoder space does not see)."""
    return request.param


@pytest.fixture(scope="module")
def model(case):
    return build(SIZES | {"tie_head": case[1]})


@pytest.fixture(scope="module")
def teacher(model):
    return jax.jit(model.init)(jax.random.key(0))


@pytest.fixture(scope="module")
def config(case):
    return ConfigDict(BASE | {"space": case[0]})


@pytest.fixture(scope="module")
def frozen(config, model, teacher):
    return frozen_parts(config, model, teacher)


@pytest.fixture(scope="module")
def forget(config, model):
    return jax.jit(unlearning_objectives(config, model).forget)


@pytest.fixture(scope="module")
def batch():
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1)).astype(np.uint8)
    return {"image": jnp.asarray(images), "label": jnp.zeros(4, jnp.int32)}


def test_at_the_original_the_retain_loss_and_its_gradient_are_zero(
    config, model, teacher, frozen, batch, forget
):
    retain, (encoder, _) = unlearning_objectives(config, model).retain, model.split(teacher)

    def loss(encoder):
        return retain(encoder, batch, frozen, jax.random.key(1)).mean()  # as methods minimize it

    value, grad = jax.jit(jax.value_and_grad(loss))(encoder)
    assert float(value) < 1e-10
    assert max(float(jnp.abs(g).max()) for g in jax.tree.leaves(grad)) < 1e-6
    assert float(forget(encoder, batch, frozen, jax.random.key(1)).min()) > 1e-6


def test_prepared_inputs_stand_for_the_pictures(model, teacher, frozen, batch, forget):
    (encoder, rest), key = model.split(teacher), jax.random.key(1)
    images = batch["image"] / jnp.float32(255)
    tokens = jax.jit(model.prepare)(rest, images, jax.random.key(9))
    kept = {"inputs": tokens, "label": batch["label"]}
    one, other = (forget(encoder, given, frozen, key) for given in (batch, kept))
    np.testing.assert_allclose(one, other, rtol=1e-5)
    another = forget(encoder, kept | {"inputs": (tokens + 1) % 8}, frozen, key)
    assert float(jnp.abs(one - another).max()) > 1e-6


def test_noise_comes_from_the_pool_where_it_is_asked_for(
    config, model, teacher, frozen, batch, forget
):
    assert ("noise" in frozen) == (config.space == "encoder")
    if config.space == "encoder":
        assert frozen["noise"].shape == (5, 16) and frozen["noise"].dtype == jnp.int32
        encoder, _ = model.split(teacher)
        other = frozen | {"noise": (frozen["noise"] + 1) % 8}
        one, two = (forget(encoder, batch, f, jax.random.key(1)) for f in (frozen, other))
        assert float(jnp.abs(one - two).max()) > 1e-6


def test_an_update_moves_the_encoder_alone(config, model, teacher, frozen, batch):
    method = METHODS["controllable"](config, model, frozen)
    state = method.init(teacher, steps=10.0, epsilon=1e-6)
    after, scalars = jax.jit(method.step)(state, batch, batch, jax.random.key(0))
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), after.params, state.params)
    assert moved["norm"]["scale"] > 0 and moved["token_emb"]["word_embeddings"] > 0
    same = jax.tree.map(np.array_equal, after.frozen, frozen)
    assert all(jax.tree.leaves(same)) and float(scalars["violation"]) > 0
