"""The masked autoencoder: shapes, positions, masking, and what it may not see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax import corruptions
from cu_jax.models import MODELS
from cu_jax.models.mae import Mae
from cu_jax.models.patches import patchify, unpatchify
from cu_jax.models.transformer import sincos_positions

SIZES = dict(image_size=28, patch_size=4, channels=1, encoder_width=16, encoder_depth=2)
SIZES |= dict(encoder_heads=2, decoder_width=12, decoder_depth=1, decoder_heads=2)


@pytest.fixture(scope="module")
def mae():
    return MODELS["mae"](SIZES | {"name": "mae"})


@pytest.fixture(scope="module")
def params(mae):
    return mae.init(jax.random.key(0))


def test_split_and_merge_are_inverse(mae, params):
    assert jax.tree.structure(mae.merge(*mae.split(params))) == jax.tree.structure(params)


def test_patchify_order_is_row_column_channel():
    images = jnp.arange(2 * 4 * 4 * 3.0).reshape(2, 4, 4, 3)
    patches = patchify(images, 2)
    # Second patch of a row: columns 2 and 3 of rows 0 and 1, channel fastest.
    np.testing.assert_array_equal(patches[0, 1], images[0, :2, 2:].reshape(-1))
    np.testing.assert_array_equal(unpatchify(patches, 2, 3), images)


def test_positions_follow_the_published_construction():
    table = np.asarray(sincos_positions(8, 3))
    assert table.shape == (10, 8)
    np.testing.assert_array_equal(table[0], 0)  # class token
    # Patch 5 is row 1, column 2: the column's sines come first.
    omega = np.array([1.0, 1 / 100.0])
    expected = [np.sin(2 * omega), np.cos(2 * omega), np.sin(omega), np.cos(omega)]
    np.testing.assert_allclose(table[1 + 5], np.concatenate(expected), rtol=1e-6)


def test_random_patches_keep_the_stated_number_and_restore_the_order():
    corruption = corruptions.random_patches(jax.random.key(1), 5, 49, 16)
    assert corruption.keep.shape == (5, 16)
    np.testing.assert_array_equal(corruption.mask.sum(1), 33)
    for row in range(5):
        kept = np.asarray(corruption.keep[row])
        assert len(set(kept.tolist())) == 16
        np.testing.assert_array_equal(corruption.mask[row, kept], 0)
        np.testing.assert_array_equal(corruption.restore[row, kept], np.arange(16))


def test_encoder_ignores_removed_patches(mae, params):
    corruption = mae.corrupt(jax.random.key(2), 2)
    images = jax.random.uniform(jax.random.key(3), (2, 28, 28, 1))
    hidden = unpatchify(jnp.repeat(corruption.mask[..., None], 16, -1), 4, 1)
    encoder, _ = mae.split(params)
    (seen,) = mae.encode(encoder, images, corruption)
    (changed,) = mae.encode(encoder, images + hidden, corruption)
    np.testing.assert_array_equal(seen, changed)
    (visible_changed,) = mae.encode(encoder, images + (1 - hidden), corruption)
    assert float(jnp.abs(seen - visible_changed).max()) > 1e-3


def test_features_depend_on_which_patch_not_on_the_order_of_reading(mae, params):
    corruption = mae.corrupt(jax.random.key(4), 1)
    images = jax.random.uniform(jax.random.key(5), (1, 28, 28, 1))
    encoder, _ = mae.split(params)
    (forward,) = mae.encode(encoder, images, corruption)
    backward = corruption._replace(keep=corruption.keep[:, ::-1])
    (reversed_,) = mae.encode(encoder, images, backward)
    np.testing.assert_allclose(forward[:, 1:], reversed_[:, :0:-1], atol=1e-5)
    np.testing.assert_allclose(forward[:, 0], reversed_[:, 0], atol=1e-5)


def test_restore_keeps_visible_pixels_and_hides_the_hole(mae, params):
    images = jax.random.uniform(jax.random.key(6), (3, 28, 28, 1))
    hole = corruptions.center_hole(28, 12)
    out = mae.restore(params, images, hole, jax.random.split(jax.random.key(0), 3))
    np.testing.assert_array_equal(out * (1 - hole), images * (1 - hole))
    blind = mae.restore(params, images * (1 - hole), hole, jax.random.split(jax.random.key(0), 3))
    np.testing.assert_array_equal(out * hole, blind * hole)
    assert float(out.min()) >= 0 and float(out.max()) <= 1


def test_pixel_loss_counts_removed_patches_alone(mae, params):
    images = jax.random.uniform(jax.random.key(7), (4, 28, 28, 1))
    key = jax.random.key(8)
    corruption = mae.corrupt(key, 4)
    (out,) = mae.decode(params, mae.encode(params["encoder"], images, corruption), corruption)
    error = np.square(np.asarray(out - patchify(images, 4))).mean(-1)
    expected = error[np.asarray(corruption.mask) > 0].mean()
    np.testing.assert_allclose(mae.pretrain_loss(params, images, key), expected, rtol=1e-5)


def test_bfloat16_compute_keeps_float32_parameters():
    mae = Mae(**SIZES, dtype="bfloat16")
    params = mae.init(jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    corruption = mae.corrupt(jax.random.key(1), 2)
    (features,) = mae.encode(mae.split(params)[0], jnp.zeros((2, 28, 28, 1)), corruption)
    assert features.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(patch_size=5), "image_size must be a multiple of patch_size, got 28 and 5"),
        (dict(encoder_heads=3), "encoder_width must be a multiple of 4 and of encoder_heads"),
        (dict(decoder_width=10), "decoder_width must be a multiple of 4"),
        (dict(mask_ratio=1.0), "mask_ratio must lie in"),
        (dict(mean=(0.0, 0.0)), "mean and std must have 1 numbers"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Mae(**(SIZES | changes))


def test_published_sizes_have_the_published_number_of_parameters():
    mae = Mae(224, 16, 3, 768, 12, 12, 512, 8, 16, mask_ratio=0.75, mean=(0.0,) * 3, std=(1.0,) * 3)
    shapes = jax.eval_shape(mae.init, jax.random.key(0))
    count = sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))
    assert round(count / 1e6, 2) == 111.66
    assert mae.kept == 49
