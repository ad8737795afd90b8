r"""The corruption T(x) of a diffusion model that fills holes: what it is shown of a picture.

The network reads two pictures on top of each other. In the *condition* the hole is pure noise. In
the *noisy picture* it is :math:`\sqrt\gamma x + \sqrt{1 - \gamma} \epsilon`, and γ is told. The
visible pixels are clean in both.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from cu_jax.corruptions import Key
from cu_jax.hole_corruptions import draw_holes
from cu_jax.noise_schedules import NoiseSchedule


class Noising(NamedTuple):
    """One draw of holes and noise; given to student and teacher both, it is the same for both.

    Attributes:
        mask: float32 ``[b, h, w, 1]``, 1 = removed.
        gamma: float32 ``[b]``, the noise level γ that the network is told.
        left: float32 ``[b]``, the γ that the picture is mixed with: the same, or 0 for pure noise.
        noise: float32 ``[b, h, w, c]``, ε in the hole of the noisy picture.
        veil: float32 ``[b, h, w, c]``, what stands in the hole of the condition.
    """

    mask: Float[Array, "b h w 1"]
    gamma: Float[Array, " b"]
    left: Float[Array, " b"]
    noise: Float[Array, "b h w c"]
    veil: Float[Array, "b h w c"]


def draw_noising(
    key: Key, batch: int, shape: tuple[int, int, int], holes: str, schedule: NoiseSchedule
) -> Noising:
    """Draws the training corruption, independently for each picture.

    Args:
        key: PRNG key.
        batch: number of pictures.
        shape: ``(height, width, channels)`` of a square picture.
        holes: kind of holes, a name in :data:`cu_jax.hole_corruptions.HOLES`.
        schedule: the noise schedule, see :func:`training_gammas`.

    Returns:
        The corruption.

    Raises:
        ValueError: for another kind of holes.

    Example:
        >>> schedule, shape = NoiseSchedule(), (8, 8, 1)
        >>> draw = jax.jit(lambda key: draw_noising(key, 2, shape, "center", schedule))
        >>> drawn = draw(jax.random.key(0))
        >>> drawn.mask.shape, drawn.gamma.shape, drawn.veil.shape
        ((2, 8, 8, 1), (2,), (2, 8, 8, 1))
    """
    key_mask, key_gamma, key_noise = jax.random.split(key, 3)
    gamma = training_gammas(schedule, key_gamma, batch)
    noise, veil = jax.random.normal(key_noise, (2, batch, *shape))
    return Noising(draw_holes(holes, key_mask, batch, shape[0]), gamma, gamma, noise, veil)


def training_gammas(schedule: NoiseSchedule, key: Key, batch: int) -> Float[Array, " b"]:
    r"""Noise levels to train with, spread over the steps.

    .. math:: t \sim U\{1, \dots, T - 1\}, \quad \gamma \sim U[\gamma_t, \gamma_{t-1}]

    Args:
        schedule: the noise schedule; its steps are counted from 0 here.
        key: PRNG key.
        batch: number of pictures.

    Returns:
        float32 ``[b]``, one independent draw a picture.

    Example:
        >>> training_gammas(NoiseSchedule(), jax.random.key(0), 4).shape
        (4,)
    """
    gammas = jnp.asarray(schedule.gammas, jnp.float32)
    key_step, key_between = jax.random.split(key)
    step = jax.random.randint(key_step, (batch,), 1, schedule.length)
    share = jax.random.uniform(key_between, (batch,))
    return gammas[step - 1] + share * (gammas[step] - gammas[step - 1])


def pure_noise(noising: Noising) -> Noising:
    """The same corruption with nothing of the picture left in the hole; γ is told as before.

    Example:
        >>> gamma, hole = jnp.full(1, 0.5), jnp.ones((1, 2, 2, 1))
        >>> pure = pure_noise(Noising(hole, gamma, gamma, hole, hole))
        >>> float(pure.gamma[0]), float(pure.left[0])
        (0.5, 0.0)
    """
    return noising._replace(left=jnp.zeros_like(noising.left))


def condition(
    images: Float[Array, "b h w c"],
    mask: Float[Array, "#b h w 1"],
    veil: Float[Array, "b h w c"],
) -> Float[Array, "b h w c"]:
    """Pictures with noise in their holes, of which nothing else is read.

    Example:
        >>> one = jnp.ones((1, 1, 2, 1))
        >>> condition(one, one.at[0, 0, 0].set(0), 0.5 * one).ravel()
        Array([1. , 0.5], dtype=float32)
    """
    return jnp.where(mask > 0, veil, images)


def network_input(
    images: Float[Array, "b h w c"], noising: Noising
) -> Float[Array, "b h w channels"]:
    """What the network reads of pictures: the condition, then the noisy picture.

    Args:
        images: pictures in [-1, 1].
        noising: the corruption.

    Returns:
        float32 ``[b, h, w, 2c]``.

    Example:
        >>> gamma, hole = jnp.full(1, 0.36), jnp.ones((1, 1, 1, 1))
        >>> drawn = Noising(hole, gamma, gamma, noise=-hole, veil=3 * hole)
        >>> [f"{x:.1f}" for x in network_input(0.5 * hole, drawn).ravel()]  # 0.6 · 0.5 - 0.8
        ['3.0', '-0.5']
    """
    left = noising.left[:, None, None, None]
    noisy = jnp.sqrt(left) * images + jnp.sqrt(1 - left) * noising.noise
    noisy = jnp.where(noising.mask > 0, noisy, images)
    return jnp.concatenate([condition(images, noising.mask, noising.veil), noisy], axis=-1)
