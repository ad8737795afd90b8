"""Noise schedules and samplers: frozen values, closed forms, what of a picture is read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models.diffusion import ddim, ddpm, fresh_noise, sample
from cu_jax.models.noising import training_gammas
from cu_jax.noise_schedules import NoiseSchedule

SHORT = NoiseSchedule(length=12, start=1e-3, end=0.4)
HOLE = jnp.zeros((1, 4, 6, 1)).at[:, 1:3, 2:5].set(1)


@pytest.fixture(scope="module")
def keys():
    return jax.random.split(jax.random.key(0), 3)


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(jax.random.key(1), (3, 4, 6, 2), minval=-1.0)


def contrary(y, gamma):
    """A predictor that is wrong, and reads pictures, noise levels and neighbors."""
    return jnp.sin(3 * y) + 0.5 * jnp.roll(y, 1, axis=2) - gamma[:, None, None, None]


def test_the_published_schedule_has_its_frozen_values():
    schedule = NoiseSchedule()
    assert schedule == NoiseSchedule(2000, 1e-6, 1e-2)
    assert hash(schedule) == hash(NoiseSchedule())
    chosen = [0, 1, 999, 1999]
    np.testing.assert_allclose(schedule.betas[chosen], [1e-6, 6.0015e-6, 4.99800e-3, 1e-2], 1e-4)
    expected = [0.999999, 0.9999930, 0.0815, 4.4e-5]
    np.testing.assert_allclose(schedule.gammas[chosen], expected, 5e-3)
    np.testing.assert_allclose(np.log(schedule.gammas[-1]), np.log1p(-schedule.betas).sum())


def test_ancestral_sampling_has_the_posteriors_mean_and_variance():
    """Bayes' rule on two Gaussians: y' given x, and y given y'."""
    plan = ddpm(SHORT)
    gamma = np.cumprod(1 - np.linspace(1e-3, 0.4, 12))[::-1]
    after = np.append(gamma[1:], 1)
    alpha, beta = gamma / after, 1 - gamma / after
    np.testing.assert_allclose(plan.gamma, gamma, rtol=1e-6)
    variance = 1 / (alpha[:-1] / beta[:-1] + 1 / (1 - after[:-1]))
    np.testing.assert_allclose(plan.noise[:-1] ** 2, variance, rtol=1e-5)
    clean = variance * np.sqrt(after[:-1]) / (1 - after[:-1])
    np.testing.assert_allclose(plan.clean[:-1], clean, rtol=1e-5)
    kept = variance * np.sqrt(alpha[:-1]) / beta[:-1]
    np.testing.assert_allclose(plan.kept[:-1], kept, rtol=1e-5)
    # The last step ends at the clean picture.
    assert (plan.clean[-1], plan.kept[-1], plan.noise[-1]) == (1, 0, 0)


def test_implicit_sampling_with_all_steps_and_their_noise_is_ancestral():
    for ours, theirs in zip(ddim(SHORT, 12, eta=1.0), ddpm(SHORT), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_implicit_steps_keep_what_is_known_at_the_next_noise_level(eta):
    plan = ddim(SHORT, 5, eta)
    np.testing.assert_allclose(plan.gamma, SHORT.gammas[[11, 9, 6, 4, 1]], rtol=1e-6)
    after = np.append(plan.gamma[1:], 1)
    # y = √γ x + √(1-γ) ε goes to √γ' x + noise of variance 1 - γ'.
    np.testing.assert_allclose(
        plan.clean + plan.kept * np.sqrt(plan.gamma), np.sqrt(after), rtol=1e-5
    )
    spread = plan.kept**2 * (1 - plan.gamma) + plan.noise**2
    np.testing.assert_allclose(spread, 1 - after, atol=1e-6)
    assert (plan.noise[:-1] > 0).all() == (eta > 0) and plan.noise[-1] == 0


@pytest.mark.parametrize("paste", ["hard", "end"])
def test_sampling_is_the_loop_it_says(images, keys, paste):
    plan = ddim(SHORT, 4, eta=0.5)
    out = jax.jit(lambda x: sample(contrary, x, HOLE, keys, plan, paste))(images)
    y = fresh_noise(keys, jnp.asarray(4), images.shape)
    for index, gamma in enumerate(plan.gamma):
        if paste == "hard":
            y = np.where(HOLE > 0, y, images)
        epsilon = contrary(y, np.full(3, gamma))
        clean = np.clip((y - np.sqrt(1 - gamma) * epsilon) / np.sqrt(gamma), -1, 1)
        noise = fresh_noise(keys, jnp.asarray(index), images.shape)
        y = plan.clean[index] * clean + plan.kept[index] * y + plan.noise[index] * noise
    np.testing.assert_allclose(out, np.where(HOLE > 0, y, images), atol=1e-4)
    np.testing.assert_array_equal(np.where(HOLE > 0, 0, out), np.where(HOLE > 0, 0, images))
    assert float(jnp.abs(out).max()) <= 1


@pytest.mark.parametrize("plan", [ddpm(SHORT), ddim(SHORT, 3)], ids=["ddpm", "ddim"])
def test_a_predictor_that_knows_the_picture_gives_it(images, keys, plan):
    def knowing(y, gamma):
        gamma = gamma[:, None, None, None]
        return (y - jnp.sqrt(gamma) * images) / jnp.sqrt(1 - gamma)

    visible = jnp.where(HOLE > 0, 0.0, images)
    np.testing.assert_allclose(sample(knowing, visible, HOLE, keys, plan), images, atol=1e-4)


def test_nothing_of_the_hole_is_read_and_each_picture_has_its_own_key(images, keys):
    plan = ddim(SHORT, 3, eta=1.0)
    run = jax.jit(lambda x, keys: sample(contrary, x, HOLE, keys, plan))
    out = run(images, keys)
    np.testing.assert_array_equal(run(jnp.where(HOLE > 0, jnp.nan, images), keys), out)
    np.testing.assert_array_equal(run(images[::-1], keys[::-1])[::-1], out)
    same = run(jnp.broadcast_to(images[:1], images.shape), keys)
    assert (same[0] != same[1]).any()


def test_training_noise_lies_between_neighboring_steps_and_everywhere():
    schedule = NoiseSchedule(length=3, start=0.1, end=0.5)
    drawn = np.asarray(training_gammas(schedule, jax.random.key(3), 4000))
    first, middle, last = schedule.gammas
    assert last <= drawn.min() < last + 0.01 and first - 0.01 < drawn.max() <= first
    # Each of the two intervals is as likely as the other, whatever its length.
    assert abs((drawn > middle).mean() - 0.5) < 0.05
    upper = drawn[drawn > middle]
    np.testing.assert_allclose(upper.mean(), (first + middle) / 2, rtol=0.01)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: NoiseSchedule(length=1), "at least 2 steps"),
        (lambda: NoiseSchedule(start=0.0), "rises between 0 and 1, got 2000 steps from 0 to 0.01"),
        (lambda: NoiseSchedule(start=0.1), "from 0.1 to 0.01: change config.model.schedule"),
        (lambda: ddim(SHORT, 13), "must take 1 to 12 steps, the schedule's, got 13"),
        (lambda: ddim(SHORT, 4, eta=1.5), r"eta must lie in \[0, 1\], got 1.5"),
    ],
)
def test_what_cannot_be_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_another_way_to_paste_is_refused(images, keys):
    with pytest.raises(ValueError, match="paste must be one of .*, got 'soft'"):
        sample(contrary, images, HOLE, keys, ddim(SHORT, 2), "soft")
