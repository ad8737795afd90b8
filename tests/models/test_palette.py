"""The diffusion model: what its network is shown, its loss, restored pictures, settings."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax import corruptions
from cu_jax.models import MODELS, diffusion
from cu_jax.models.interface import Model
from cu_jax.models.noising import draw_noising, network_input, pure_noise
from cu_jax.models.palette import Palette

SIZES = dict(image_size=8, channels=1, width=4, multipliers=(1, 2), res_blocks=1, heads=2)
SIZES |= dict(embed_width=6, groups=2, schedule=dict(length=20, start=1e-3, end=0.3), steps=3)


@pytest.fixture(scope="module")
def narrow():
    def model(**changes):
        return MODELS["palette"](SIZES | {"name": "palette"} | changes)

    return model


@pytest.fixture(scope="module")
def palette(narrow):
    return narrow()


@pytest.fixture(scope="module")
def params(palette, scattered):
    return scattered(palette)


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(jax.random.key(1), (3, 8, 8, 1), minval=-1.0)


@pytest.fixture(scope="module")
def drawn(palette):
    """A training corruption of three pictures."""
    return jax.jit(lambda key: palette.corrupt(key, 3))(jax.random.key(2))


@pytest.fixture(scope="module")
def encode(palette, params):
    compiled = jax.jit(palette.encode)
    return lambda images, corruption: compiled(params["encoder"], images, corruption)


def test_it_is_a_model(narrow, palette, params):
    assert isinstance(palette, Model) and palette == narrow() and hash(palette) == hash(narrow())
    assert (palette.image_shape, palette.patch_size, palette.fixed) == ((8, 8, 1), 2, ())
    encoder, rest = palette.split(params)
    assert "cond_embed_0" in encoder and "out_2" in rest
    assert jax.tree.structure(palette.merge(encoder, rest)) == jax.tree.structure(params)
    low, high = palette.pixel_range
    assert (low.tolist(), high.tolist()) == ([-1], [1])


def test_the_defaults_are_the_published_sizes():
    shapes = jax.eval_shape(Palette().init, jax.random.key(0))
    parts = Palette().split(shapes)
    counts = [sum(np.prod(x.shape) for x in jax.tree.leaves(part)) for part in parts]
    assert [round(count / 1e6, 2) for count in counts] == [25.04, 37.60]
    assert Palette().schedule.gammas[-1] < 1e-4 and Palette().image_shape == (256, 256, 3)


def test_the_network_is_shown_clean_pixels_outside_of_the_hole_alone(images, drawn):
    mask = np.asarray(drawn.mask)
    assert set(np.unique(mask)) == {0, 1} and mask.shape == (3, 8, 8, 1)
    condition, noisy = np.split(np.asarray(network_input(images, drawn)), 2, axis=-1)
    for half in (condition, noisy):
        np.testing.assert_array_equal(half[mask == 0], np.asarray(images)[mask == 0])
    np.testing.assert_array_equal(condition[mask == 1], drawn.veil[mask == 1])
    gamma = np.asarray(drawn.gamma).reshape(3, 1, 1, 1)
    mixed = np.sqrt(gamma) * images + np.sqrt(1 - gamma) * drawn.noise
    np.testing.assert_allclose(noisy[mask == 1], mixed[mask == 1], rtol=1e-5)


def test_every_picture_has_its_own_hole_noise_level_and_noise(palette):
    draw = jax.jit(lambda key: draw_noising(key, 64, (8, 8, 1), "box", palette.schedule))
    drawn = draw(jax.random.key(3))
    assert len(np.unique(drawn.gamma)) > 50 and len(np.unique(drawn.mask, axis=0)) > 3
    np.testing.assert_array_equal(drawn.left, drawn.gamma)
    for part in (drawn.noise, drawn.veil):
        assert abs(float(part.mean())) < 0.1 and abs(float(part.std()) - 1) < 0.1
    assert abs(np.corrcoef(np.ravel(drawn.noise), np.ravel(drawn.veil))[0, 1]) < 0.1
    (low, *_, high) = sorted(palette.schedule.gammas)
    assert low < float(drawn.gamma.min()) and float(drawn.gamma.max()) < high


def test_under_pure_noise_no_map_knows_the_hole_but_all_know_the_rest(images, drawn, encode):
    pure = pure_noise(drawn)
    maps = encode(images, pure)
    assert [one.shape for one in maps[::2]] == [(3, 8, 8, 4), (3, 4, 4, 4), (3, 4, 4, 8)]
    for ours, theirs in zip(maps, encode(images + drawn.mask, pure), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for other in (encode(images + 1 - drawn.mask, pure), encode(images, drawn)):
        assert all(float(jnp.abs(a - b).max()) > 1e-3 for a, b in zip(maps, other, strict=True))
    told = encode(images, pure._replace(gamma=1 - drawn.gamma))
    assert float(jnp.abs(told[-1] - maps[-1]).max()) > 1e-3


def test_a_pictures_maps_depend_on_it_alone(images, drawn, encode):
    maps = encode(images, drawn)
    turned = encode(images[::-1], jax.tree.map(lambda x: x[::-1], drawn))
    for ours, theirs in zip(maps, turned, strict=True):
        np.testing.assert_allclose(ours, theirs[::-1], atol=1e-5)
    changed = encode(images.at[0].set(0.5), drawn)
    np.testing.assert_allclose(changed[-1][1:], maps[-1][1:], atol=1e-5)


@pytest.mark.slow
def test_the_loss_is_the_error_of_the_noise_in_the_hole(palette, params, images, encode):
    key = jax.random.key(4)
    loss, gradient = jax.jit(jax.value_and_grad(palette.pretrain_loss))(params, images, key)
    drawn = palette.corrupt(key, 3)
    (predicted,) = jax.jit(palette.decode)(params, encode(images, drawn), drawn)
    assert predicted.shape == images.shape and predicted.dtype == jnp.float32
    expected = np.where(drawn.mask > 0, np.square(predicted - drawn.noise), 0).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    assert all(float(jnp.abs(leaf).max()) > 0 for leaf in jax.tree.leaves(gradient))


def test_bfloat16_networks_keep_float32_parameters_and_predictions(narrow, drawn):
    palette = narrow(dtype="bfloat16")
    shapes = jax.eval_shape(palette.init, jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}
    maps = jax.eval_shape(palette.encode, shapes["encoder"], jnp.zeros((3, 8, 8, 1)), drawn)
    assert {one.dtype for one in maps} == {jnp.dtype("bfloat16")}
    (predicted,) = jax.eval_shape(palette.decode, shapes, maps, drawn)
    assert predicted.dtype == jnp.float32


@pytest.fixture(scope="module")
def restored(palette, params):
    """Restores pictures with a hole of 4 x 4 pixels, compiled once for each batch size."""
    hole = corruptions.center_hole(8, 4)
    compiled = jax.jit(lambda images, keys: palette.restore(params, images, hole, keys))
    return hole, compiled, jax.random.split(jax.random.key(5), 3)


def test_restored_pictures_keep_what_is_visible_and_know_nothing_of_the_hole(images, restored):
    hole, restore, keys = restored
    out = restore(images, keys)
    np.testing.assert_array_equal(out * (1 - hole), images * (1 - hole))
    assert float(jnp.abs(out).max()) <= 1
    np.testing.assert_array_equal(restore(jnp.where(hole > 0, jnp.nan, images), keys), out)
    other = restore(-images, keys)
    assert float(jnp.abs((other - out) * hole).max()) > 1e-3


def test_what_the_condition_shows_of_a_hole_is_not_what_sampling_starts_from(
    palette, params, images, monkeypatch
):
    """The published program takes one noise for both, which training never shows."""
    shown = {}

    def sample(predict, visible, hole, keys, plan, paste):
        monkeypatch.setattr(palette.__class__, "_maps", lambda self, e, x, gamma, dtype: (x,))
        monkeypatch.setattr(palette.__class__, "_predicted", lambda self, p, maps, *_: maps[0])
        start = diffusion.fresh_noise(keys, jnp.asarray(plan.steps), visible.shape)
        shown["start"], shown["network"] = start, predict(start, jnp.asarray(plan.gamma[:1]))
        return visible

    monkeypatch.setattr(diffusion, "sample", sample)
    hole = corruptions.center_hole(8, 4)
    palette.restore(params, images, hole, jax.random.split(jax.random.key(5), 3))
    condition, noisy = np.split(np.asarray(shown["network"]), 2, axis=-1)
    np.testing.assert_array_equal(noisy, shown["start"])
    removed = np.broadcast_to(hole > 0, noisy.shape)
    assert abs(np.corrcoef(condition[removed], noisy[removed])[0, 1]) < 0.5
    assert 0.5 < condition[removed].std() < 1.5
    np.testing.assert_array_equal(condition[~removed], np.asarray(images)[~removed])


def test_sampling_in_bfloat16_gives_nearly_the_same(narrow, params, images, restored):
    hole, restore, keys = restored
    quick = narrow(sampling_dtype="bfloat16")
    out = jax.jit(lambda images, keys: quick.restore(params, images, hole, keys))(images, keys)
    exact = restore(images, keys)
    assert out.dtype == jnp.float32
    difference = np.abs(np.asarray(out - exact))
    assert 0 < difference.max() and difference.mean() < 0.02
    # No convolution of either half is left in float32.
    program = jax.make_jaxpr(lambda images: quick.restore(params, images, hole, keys))(images)
    kinds = set(re.findall(r":(\w+)\[[\d,]*\] = conv_general_dilated", str(program)))
    assert kinds == {"bf16"}


def test_a_restored_picture_depends_on_its_own_key_alone(images, restored):
    _, restore, keys = restored
    out = restore(images, keys)
    np.testing.assert_allclose(restore(images[::-1], keys[::-1])[::-1], out, atol=1e-5)
    same = restore(jnp.broadcast_to(images[:1], images.shape), keys)
    assert float(jnp.abs(same[0] - same[1]).max()) > 1e-3


@pytest.mark.parametrize(
    ("hole", "sentence"),
    [
        (np.zeros((8, 8, 1)), "removes 0 of 64: give a larger hole"),
        (np.ones((8, 8, 1)), "removes 64 of 64: give a smaller hole"),
    ],
)
def test_holes_of_all_or_nothing_are_refused(palette, params, images, hole, sentence):
    with pytest.raises(ValueError, match=sentence):
        palette.restore(params, images, hole, jax.random.split(jax.random.key(0), 3))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(image_size=9), "image_size must be a multiple of 2, since 2 levels halve it 1 times"),
        (dict(multipliers=()), "multipliers must be a number of at least 1 for each level"),
        (dict(groups=3), r"groups must divide the channels of every level, got 3 groups and \[4"),
        (dict(width=5, groups=5), "width must be even"),
        (dict(heads=3), "heads divide the coarsest level's channels, got 4, 3 heads and 8"),
        (dict(res_blocks=0), "res_blocks must be at least 1, got 0"),
        (dict(holes="round"), "holes must be one of hybrid, .* got 'round'"),
        (dict(forget_noise="all"), "forget_noise must be one of picture, hole, got 'all'"),
        (dict(sampler="euler"), "sampler must be one of ddim, ddpm, got 'euler'"),
        (dict(paste="soft"), "paste must be one of hard, end, got 'soft'"),
        (dict(steps=21), "must take 1 to 20 steps, the schedule's, got 21"),
        (dict(sampler="ddpm"), "must take all 20 steps of the schedule, got 3"),
        (dict(schedule=dict(length=1)), "at least 2 steps"),
    ],
)
def test_settings_that_do_not_fit_are_refused(narrow, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        narrow(**changes)


def test_other_corruptions_are_refused(palette):
    with pytest.raises(ValueError, match="must be 'training', got 'evaluation'"):
        palette.corrupt(jax.random.key(0), 2, "evaluation")
