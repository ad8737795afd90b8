"""Samplers against those of diffusers, on the same predictions and the same noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models.diffusion import ddim, ddpm, fresh_noise, sample
from cu_jax.noise_schedules import NoiseSchedule

pytestmark = pytest.mark.torch
# Steps of 4 of the second, which diffusers rounds otherwise where they are no whole number.
SCHEDULES = {"short": NoiseSchedule(20, 1e-3, 0.3), "published": NoiseSchedule()}
SHAPE = (2, 4, 4, 3)


def predicted(y, gamma, sin):
    return 0.9 * sin(2 * y) + 0.3 * y - 0.2 * gamma


def settings(schedule):
    betas = dict(beta_start=schedule.start, beta_end=schedule.end, beta_schedule="linear")
    return betas | dict(num_train_timesteps=schedule.length, clip_sample=True)


@pytest.fixture
def keys():
    return jax.random.split(jax.random.key(0), 2)


def ours(keys, plan):
    def predict(y, gamma):
        return predicted(y, gamma[:, None, None, None], jnp.sin)

    everything, blank = jnp.ones((1, 4, 4, 1)), jnp.zeros(SHAPE)
    return jax.jit(lambda keys: sample(predict, blank, everything, keys, plan))(keys)


def drawn(keys, index):
    import torch

    return torch.from_numpy(np.array(fresh_noise(keys, jnp.asarray(index), SHAPE)))


def test_ancestral_sampling_is_that_of_diffusers(keys, monkeypatch):
    import torch
    from diffusers.schedulers import scheduling_ddpm

    schedule = SCHEDULES["short"]
    scheduler = scheduling_ddpm.DDPMScheduler(variance_type="fixed_small_log", **settings(schedule))
    y = drawn(keys, schedule.length)
    for index, step in enumerate(scheduler.timesteps):
        noise = drawn(keys, index)
        monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *a, noise=noise, **k: noise)
        gamma = scheduler.alphas_cumprod[step]
        y = scheduler.step(predicted(y, gamma, torch.sin), step, y).prev_sample
    np.testing.assert_allclose(ours(keys, ddpm(schedule)), y.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "steps", "eta"),
    [("short", 20, 0.0), ("short", 5, 0.0), ("short", 5, 0.6), ("published", 25, 1.0)],
)
def test_implicit_sampling_is_that_of_diffusers(keys, name, steps, eta):
    import torch
    from diffusers import DDIMScheduler

    schedule = SCHEDULES[name]
    scheduler = DDIMScheduler(timestep_spacing="trailing", **settings(schedule))
    scheduler.set_timesteps(steps)
    y = drawn(keys, steps)
    for index, step in enumerate(scheduler.timesteps):
        out = predicted(y, scheduler.alphas_cumprod[step], torch.sin)
        y = scheduler.step(
            out, step, y, eta=eta, use_clipped_model_output=True, variance_noise=drawn(keys, index)
        ).prev_sample
    np.testing.assert_allclose(ours(keys, ddim(schedule, steps, eta)), y.numpy(), atol=1e-4)
