"""The diffusion model under unlearning: what stands still at θ0, what the teacher is shown."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from cu_jax.methods import frozen_parts, unlearning_objectives
from cu_jax.models import MODELS

SIZES = dict(name="palette", image_size=8, channels=1, width=4, multipliers=(1, 2), res_blocks=1)
SIZES |= dict(heads=2, embed_width=6, groups=2, holes="box")
FORGET_NOISES = ("picture", "hole")


def palette(forget_noise="picture"):
    return MODELS["palette"](SIZES | {"forget_noise": forget_noise})


@pytest.fixture(scope="module")
def teacher(scattered):
    return scattered(palette())


@pytest.fixture(scope="module")
def batch():
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1)).astype(np.uint8)
    return {"image": jnp.asarray(images), "label": jnp.zeros(4, jnp.int32)}


@pytest.fixture(scope="module", params=["encoder", "output"])
def at_the_original(request, teacher, batch):
    """Both losses and their gradients at θ0; in encoder space the forget loss with either noise."""
    config = ConfigDict(dict(space=request.param, noise_mean=(0.4,), noise_std=(0.2,)))
    encoder, _ = palette().split(teacher)
    frozen = frozen_parts(config, palette(), teacher)

    def losses(encoder, key):
        def mean(loss):
            return lambda encoder: jnp.mean(loss(encoder, batch, frozen, key))

        values = {}
        for name in FORGET_NOISES[: 2 if config.space == "encoder" else 1]:
            both = unlearning_objectives(config, palette(name))
            values[name] = jax.value_and_grad(mean(both.forget))(encoder)
        return values | {"retain": jax.value_and_grad(mean(both.retain))(encoder)}

    # The compiler need not try hard for one call.
    compiled = jax.jit(losses, compiler_options={"xla_backend_optimization_level": 0})
    return jax.device_get(compiled(encoder, jax.random.key(1)))


def test_at_the_original_the_retain_loss_and_its_gradient_are_zero(at_the_original):
    value, gradient = at_the_original["retain"]
    assert value < 1e-9
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(gradient)) < 1e-5


def test_forget_losses_move_the_whole_encoder_and_differ(at_the_original):
    forget = {name: both for name, both in at_the_original.items() if name != "retain"}
    for value, gradient in forget.values():
        assert value > 1e-4
        assert min(np.abs(leaf).max() for leaf in jax.tree.leaves(gradient)) > 0
    if "hole" in forget:  # Then the teacher still sees the visible pixels.
        assert forget["hole"][0] < 0.9 * forget["picture"][0]


def test_the_teacher_sees_a_picture_of_noise_or_the_picture_with_noise_in_its_hole():
    images, noise = jnp.full((2, 8, 8, 1), 0.25), jnp.full((2, 8, 8, 1), -0.5)
    for name in FORGET_NOISES:
        model = palette(name)
        drawn = jax.jit(lambda key, model=model: model.corrupt(key, 2))(jax.random.key(2))
        inputs, through = model.forget_view(images, noise, drawn)
        for kept in ("mask", "gamma", "noise", "veil"):
            assert getattr(through, kept) is getattr(drawn, kept)
        if name == "picture":
            assert inputs is noise and through.left is drawn.left
        else:
            assert inputs is images and float(through.left.max()) == 0


def test_the_target_of_outputs_is_the_teachers_prediction_in_the_hole(teacher):
    model = palette()
    drawn = jax.jit(lambda key: model.corrupt(key, 2))(jax.random.key(3))
    noise = jax.random.normal(jax.random.key(4), (2, 8, 8, 1))
    (target,) = jax.jit(model.output_target)(teacher, noise, drawn)
    maps = jax.jit(model.encode)(teacher["encoder"], noise, drawn)
    (predicted,) = jax.jit(model.decode)(teacher, maps, drawn)
    np.testing.assert_allclose(target, predicted, atol=1e-5)
    np.testing.assert_array_equal(model.output_mask(drawn), drawn.mask)
