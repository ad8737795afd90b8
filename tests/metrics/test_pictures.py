"""Picture measures against numbers worked out by hand."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from cu_jax.metrics import composite, hole_mse, psnr


def hole(shape=(2, 4, 4, 1)):
    """Removes the 2x2 center of every picture."""
    mask = np.zeros(shape, np.float32)
    mask[:, 1:3, 1:3] = 1
    return jnp.asarray(mask)


def test_constant_error_has_known_mse_and_psnr():
    original = jnp.full((2, 4, 4, 3), 0.5)
    restored = original.at[0].add(0.1).at[1].add(-0.01)
    np.testing.assert_allclose(hole_mse(restored, original, hole()), [1e-2, 1e-4], rtol=1e-4)
    np.testing.assert_allclose(psnr(restored, original, hole()), [20.0, 40.0], atol=1e-3)


def test_mean_is_over_removed_pixels_and_channels_alone():
    original = jnp.zeros((1, 4, 4, 2))
    restored = original.at[0, 1, 1, 0].set(1.0)  # one of 2 * 2 * 2 removed values
    np.testing.assert_allclose(hole_mse(restored, original, hole((1, 4, 4, 1))), [1 / 8])


def test_visible_pixels_have_no_influence_even_as_nan():
    original = jax.random.uniform(jax.random.key(0), (2, 4, 4, 1))
    restored = jnp.where(hole() == 1, original, jnp.nan)
    np.testing.assert_array_equal(hole_mse(restored, original, hole()), [0.0, 0.0])
    np.testing.assert_array_equal(composite(restored, original, hole()), original)


def test_perfect_restoration_reads_100_db():
    original = jax.random.uniform(jax.random.key(0), (2, 4, 4, 1))
    np.testing.assert_allclose(psnr(original, original, hole()), [100.0, 100.0], rtol=1e-6)


def test_picture_without_a_hole_is_nan_and_the_others_are_not():
    original = jnp.zeros((2, 4, 4, 1))
    mask = hole().at[1].set(0)
    np.testing.assert_array_equal(np.isnan(psnr(original + 0.1, original, mask)), [False, True])


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(2, 4, 4, 1), (1, 4, 4, 1), (4, 4, 1), (2, 4, 4, 3)])
def test_mask_of_any_dtype_and_broadcastable_shape(kind, shape):
    original = jax.random.uniform(jax.random.key(0), (2, 4, 4, 3))
    restored = jax.random.uniform(jax.random.key(1), (2, 4, 4, 3))
    mask = jnp.broadcast_to(hole()[0], shape).astype(kind)
    pasted = np.array(original)
    pasted[:, 1:3, 1:3] = restored[:, 1:3, 1:3]
    np.testing.assert_array_equal(composite(restored, original, mask), pasted)
    error = (np.asarray(restored) - np.asarray(original))[:, 1:3, 1:3]
    np.testing.assert_allclose(
        hole_mse(restored, original, mask), np.mean(error**2, axis=(1, 2, 3)), rtol=1e-5
    )


def test_numpy_and_jit_agree_with_jax():
    rng = np.random.default_rng(0)
    restored, original = rng.random((2, 2, 4, 4, 1), np.float32)
    mask = np.asarray(hole())
    expected = psnr(jnp.asarray(restored), jnp.asarray(original), jnp.asarray(mask))
    np.testing.assert_array_equal(psnr(restored, original, mask), expected)
    np.testing.assert_allclose(jax.jit(psnr)(restored, original, mask), expected, rtol=1e-5)


def test_mistakes_are_named(monkeypatch):
    # Users run without the shape checks that the tests install, which would speak first.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    images = jnp.zeros((2, 4, 4, 1))
    with pytest.raises(ValueError, match=r"\[B, H, W, C\].*\(2, 4, 4, 1\) and \(1, 4, 4, 1\)"):
        psnr(images, images[:1], hole())
    with pytest.raises(ValueError, match="restored must be floating point.*uint8"):
        psnr(images.astype(jnp.uint8), images, hole())
    with pytest.raises(ValueError, match="original must be floating point.*uint8"):
        hole_mse(images, images.astype(jnp.uint8), hole())
    with pytest.raises(ValueError, match=r"mask must be broadcastable.*\(2, 7\)"):
        composite(images, images, jnp.ones((2, 7)))
