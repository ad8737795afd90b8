r"""Sampling from a diffusion model with any predictor of the noise, a hole at a time.

A sampler removes noise step by step. At each it asks the network for the noise :math:`\hat\epsilon`
in y, has :math:`\hat x = (y - \sqrt{1 - \gamma}\, \hat\epsilon) / \sqrt\gamma`, cut to [-1, 1], and
mixes :math:`\hat x`, y and fresh noise z. The samplers differ in the weights of that mixture alone,
so a sampler is a table of weights, computed once on the host in float64.

References:
    Ho et al., *Denoising Diffusion Probabilistic Models*, NeurIPS 2020, arXiv 2006.11239.
    Song et al., *Denoising Diffusion Implicit Models*, ICLR 2021, arXiv 2010.02502.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cu_jax.corruptions import Keys
from cu_jax.noise_schedules import NoiseSchedule

Predictor = Callable[[Array, Array], Array]
"""``(noisy pictures float32 [b, h, w, c], γ float32 [b]) -> predicted noise [b, h, w, c]``."""

PASTES = ("hard", "end")
"""When the visible pixels are put back: before every step and at the end, or at the end alone."""


class Plan(NamedTuple):
    """A sampler: for each step that runs, in order, what it tells the network and how it mixes.

    Attributes: each NumPy float32 ``[run]``.
        gamma: the noise level.
        recip, recipm1: the clean picture is ``recip · y - recipm1 · ε``.
        clean, kept, noise: the next y is ``clean · x + kept · y + noise · z``, z fresh noise.
    """

    gamma: np.ndarray
    recip: np.ndarray
    recipm1: np.ndarray
    clean: np.ndarray
    kept: np.ndarray
    noise: np.ndarray

    @property
    def steps(self) -> int:
        """How many steps run."""
        return len(self.gamma)


def ddpm(schedule: NoiseSchedule, steps: int | None = None, eta: float = 1.0) -> Plan:
    r"""Ancestral sampling: every step of the schedule, with the posterior's mean and variance.

    .. math::
        y' = \frac{\beta \sqrt{\gamma'}}{1 - \gamma} \hat x
           + \frac{(1 - \gamma') \sqrt{1 - \beta}}{1 - \gamma} y
           + \sqrt{\frac{\beta (1 - \gamma')}{1 - \gamma}}\, z

    with :math:`\gamma'` one step on; the last step adds no noise.

    Args:
        schedule: the noise schedule, all of whose steps run.
        steps: if given, their number.
        eta: not used.

    Returns:
        The sampler.

    Raises:
        ValueError: for another number of steps.

    Example:
        >>> ddpm(NoiseSchedule()).gamma.shape
        (2000,)
    """
    del eta
    if steps not in (None, schedule.length):
        raise ValueError(
            f"Ancestral sampling must take all {schedule.length} steps of the schedule, got "
            f"{steps}: change config.model.steps, or config.model.sampler to ddim."
        )
    betas, gammas = schedule.betas, schedule.gammas
    after = np.append(1.0, gammas[:-1])
    # As published, the variance has a floor, and the last step does not use it.
    noise = np.sqrt(np.maximum(betas * (1 - after) / (1 - gammas), 1e-20))
    noise[0] = 0
    clean = betas * np.sqrt(after) / (1 - gammas)
    kept = (1 - after) * np.sqrt(1 - betas) / (1 - gammas)
    return _plan(*(column[::-1] for column in (gammas, clean, kept, noise)))


def ddim(schedule: NoiseSchedule, steps: int, eta: float = 0.0) -> Plan:
    r"""Implicit sampling: any number of steps, with as little fresh noise as is wanted.

    .. math::
        \sigma^2 = \eta^2 \frac{1 - \gamma'}{1 - \gamma} \Big(1 - \frac{\gamma}{\gamma'}\Big), \quad
        y' = \sqrt{\gamma'}\, \hat x + \sqrt{1 - \gamma' - \sigma^2}\, \hat\epsilon + \sigma z

    Args:
        schedule: the noise schedule.
        steps: how many run, in ``[1, schedule.length]``.
        eta: 0: no fresh noise; 1: the variance of ancestral sampling.

    Returns:
        The sampler; with all steps and ``eta=1`` it is :func:`ddpm`.

    Raises:
        ValueError: for another number of steps or ``eta``.

    Note:
        The steps lie evenly and begin at the schedule's last, the only one where a picture is as
        noisy as what sampling starts from. The noise :math:`\hat\epsilon` is that which leads from
        the cut :math:`\hat x` to y, so that cutting changes both.

    Example:
        >>> ddim(NoiseSchedule(), 4).gamma.round(4)
        array([0.    , 0.0036, 0.0818, 0.5353], dtype=float32)
    """
    if not 1 <= steps <= schedule.length:
        raise ValueError(
            f"Sampling must take 1 to {schedule.length} steps, the schedule's, got {steps}: change "
            "config.model.steps."
        )
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must lie in [0, 1], got {eta:g}: change config.model.eta.")
    chosen = np.round(schedule.length * np.arange(steps, 0, -1) / steps).astype(int) - 1
    gammas = schedule.gammas[chosen]
    after = np.append(gammas[1:], 1.0)
    variance = eta**2 * (1 - after) / (1 - gammas) * (1 - gammas / after)
    kept = np.sqrt(np.maximum(1 - after - variance, 0) / (1 - gammas))
    clean = np.sqrt(after) - kept * np.sqrt(gammas)
    return _plan(gammas, clean, kept, np.sqrt(variance))


SAMPLERS: Mapping[str, Callable[[NoiseSchedule, int, float], Plan]] = {"ddim": ddim, "ddpm": ddpm}
"""Name in ``config.model.sampler`` → the sampler from a schedule, a number of steps, and eta."""


def sample(
    predict: Predictor,
    visible: Float[Array, "b h w c"],
    mask: Float[Array, "#b h w 1"],
    keys: Keys,
    plan: Plan,
    paste: str = "hard",
) -> Float[Array, "b h w c"]:
    """Fills holes in by denoising, one picture from one key.

    Args:
        predict: the network, see :data:`Predictor`.
        visible: pictures in [-1, 1]; what stands in their holes is not read.
        mask: 1 = removed.
        keys: one PRNG key a picture.
        plan: the sampler, :func:`ddpm` or :func:`ddim`.
        paste: one of :data:`PASTES`.

    Returns:
        Pictures in [-1, 1]: the visible pixels as they were, the others sampled.

    Raises:
        ValueError: for another ``paste``.

    Example:
        >>> half = jnp.array([1.0, 0.0]).reshape(1, 1, 2, 1)
        >>> known = lambda y, gamma: y / jnp.sqrt(1 - gamma)[:, None, None, None]  # x is 0
        >>> pictures, keys = jnp.full((1, 1, 2, 1), 0.5), jax.random.split(jax.random.key(0), 1)
        >>> restored = sample(known, pictures, half, keys, ddim(NoiseSchedule(), 4))
        >>> [abs(round(float(x), 3)) for x in restored.ravel()]
        [0.0, 0.5]
    """
    if paste not in PASTES:
        raise ValueError(
            f"paste must be one of {PASTES}, got {paste!r}: change config.model.paste."
        )
    hole, shape = mask > 0, visible.shape

    def step(y: Array, now: tuple[Array, Plan]) -> tuple[Array, None]:
        index, at = now
        if paste == "hard":
            y = jnp.where(hole, y, visible)
        predicted = predict(y, jnp.broadcast_to(at.gamma, shape[:1])).astype(jnp.float32)
        clean = jnp.clip(at.recip * y - at.recipm1 * predicted, -1, 1)
        y = at.clean * clean + at.kept * y
        if plan.noise.any():
            y = y + at.noise * fresh_noise(keys, index, shape)
        return y, None

    rows = jnp.arange(plan.steps), jax.tree.map(jnp.asarray, plan)
    y, _ = jax.lax.scan(step, fresh_noise(keys, jnp.asarray(plan.steps), shape), rows)
    return jnp.where(hole, y, visible)


def fresh_noise(keys: Keys, index: Array, shape: tuple[int, ...]) -> Float[Array, "b h w c"]:
    """Standard normal noise of a step of :func:`sample`; that of index ``run`` is where it starts.

    Args:
        keys: one PRNG key a picture.
        index: of the step.
        shape: ``(b, h, w, c)``.

    Returns:
        float32 noise, each picture's from its own key.

    Example:
        >>> keys = jax.random.split(jax.random.key(0), 2)
        >>> fresh_noise(keys, jnp.asarray(0), (2, 4, 4, 1)).shape
        (2, 4, 4, 1)
    """
    return jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, index), shape[1:]))(keys)


def _plan(gammas: np.ndarray, clean: np.ndarray, kept: np.ndarray, noise: np.ndarray) -> Plan:
    recip, recipm1 = np.sqrt(1 / gammas), np.sqrt(1 / gammas - 1)
    columns = (gammas, recip, recipm1, clean, kept, noise)
    return Plan(*(column.astype(np.float32) for column in columns))
