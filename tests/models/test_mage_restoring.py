"""What MAGE makes of pictures with holes: what stays, what it cannot know, what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax import corruptions


@pytest.fixture(scope="module")
def restored(mage, params):
    """Restores pictures with a hole of 8 x 8 pixels, compiled once for each batch size."""
    hole = corruptions.center_hole(32, 8)
    compiled = jax.jit(lambda images, keys: mage.restore(params, images, hole, keys))
    return hole, compiled, jax.random.split(jax.random.key(12), 3)


def test_restored_pictures_keep_what_is_visible_and_know_nothing_of_the_hole(images, restored):
    hole, restore, keys = restored
    out = restore(images, keys)
    np.testing.assert_array_equal(out * (1 - hole), images * (1 - hole))
    assert float(out.min()) >= 0 and float(out.max()) <= 1
    assert float(jnp.abs((out - images) * hole).max()) > 0.01
    np.testing.assert_array_equal(out, restore(images * (1 - hole), keys))
    unknown = jnp.where(jnp.asarray(hole) > 0, jnp.nan, images)
    np.testing.assert_array_equal(out, restore(unknown, keys))


def test_a_restored_picture_depends_on_its_own_key_alone(images, restored):
    _, restore, keys = restored
    out = restore(images, keys)
    np.testing.assert_array_equal(restore(images[::-1], keys[::-1])[::-1], out)
    same = restore(jnp.broadcast_to(images[:1], images.shape), keys)
    assert (same[0] != same[1]).any()


def test_a_soft_edge_lets_nothing_of_the_hole_through(narrow_mage, images, params):
    mage = narrow_mage(blend_grow=1, blend_blur=1.0)
    hole, keys = corruptions.center_hole(32, 8), jax.random.split(jax.random.key(13), 3)
    restore = jax.jit(lambda images: mage.restore(params, images, hole, keys))
    out = restore(images)
    np.testing.assert_array_equal(out, restore(images * (1 - hole)))
    changed = np.asarray(out != images)[..., 0]
    assert changed[:, 11:21, 11:21].mean() > 0.9 and not changed[:, :6].any()


def test_cold_tokens_are_the_likeliest_whatever_the_key(narrow_mage, images, params, restored):
    hole, warm, keys = restored
    mage = narrow_mage(token_temperature=1e-5, temperature=0.0)
    cold = jax.jit(lambda keys: mage.restore(params, images, hole, keys))
    np.testing.assert_array_equal(cold(keys), cold(keys[::-1]))
    assert (warm(images, keys) != warm(images, keys[::-1])).any()


@pytest.mark.parametrize(
    ("hole", "sentence"),
    [
        (np.zeros((32, 32, 1)), "touches 0 of 64: give a larger hole"),
        (corruptions.center_hole(32, 24), "a margin of 1 it touches 64 of 64: give a smaller hole"),
    ],
)
def test_holes_that_hide_all_or_nothing_are_refused(mage, params, images, hole, sentence):
    with pytest.raises(ValueError, match=sentence):
        mage.restore(params, images, hole, jax.random.split(jax.random.key(0), 3))
