"""The noise schedule in a published diffusion model's file: six tensors made of three numbers.

The file's schedule takes the place of the one that is asked for in the PyTorch program, unsaid.
Here it is read, compared, and named.
"""

import numpy as np
from jaxtyping import Float32

from cu_jax.convert.palette_layout import BUFFERS
from cu_jax.noise_schedules import NoiseSchedule

Buffers = dict[str, Float32[np.ndarray, " length"]]
# What differs by rounding alone: float32 of numbers that are computed in another order.
_TOLERANCE = 1e-5
_DIGITS = range(1, 7)


def buffers(schedule: NoiseSchedule) -> Buffers:
    """The tensors that a published file has for a schedule.

    Args:
        schedule: the schedule.

    Returns:
        float32 arrays by the keys of the file.

    Example:
        >>> float(buffers(NoiseSchedule())["posterior_mean_coef1"][0])
        1.0
    """
    betas, gammas = schedule.betas, schedule.gammas
    before = np.append(1.0, gammas[:-1])
    variance = betas * (1 - before) / (1 - gammas)
    columns = (
        gammas,
        np.sqrt(1 / gammas),
        np.sqrt(1 / gammas - 1),
        np.log(np.maximum(variance, 1e-20)),
        betas * np.sqrt(before) / (1 - gammas),
        (1 - before) * np.sqrt(1 - betas) / (1 - gammas),
    )
    named = zip(BUFFERS, columns, strict=True)
    return {name: column.astype(np.float32) for name, column in named}


def read_schedule(arrays: Buffers) -> NoiseSchedule | None:
    """The linear schedule whose tensors these are.

    Args:
        arrays: the six tensors of a file.

    Returns:
        The schedule, its numbers as round as the tensors allow; None if no linear one has them.

    Example:
        >>> read_schedule(buffers(NoiseSchedule(10, 1e-4, 0.09)))
        NoiseSchedule(length=10, start=0.0001, end=0.09)
    """
    # 1/γ - 1: of all six the one that is precise where γ is close to 1, and where it is to 0.
    ratio = np.square(arrays["sqrt_recipm1_gammas"].astype(np.float64))
    if len(ratio) < 2 or not np.isfinite(ratio).all():
        return None
    start, end = ratio[0] / (1 + ratio[0]), 1 - (1 + ratio[-2]) / (1 + ratio[-1])
    for digits in _DIGITS:
        rounded = (float(f"{beta:.{digits}g}") for beta in (start, end))
        try:
            schedule = NoiseSchedule(len(ratio), *rounded)
        except ValueError:
            continue
        if matches(arrays, schedule):
            return schedule
    return None


def matches(arrays: Buffers, schedule: NoiseSchedule) -> bool:
    """Whether the tensors are those of a schedule, but for rounding.

    Example:
        >>> matches(buffers(NoiseSchedule(10, 1e-4, 0.09)), NoiseSchedule(10, 1e-4, 0.1))
        False
    """
    return all(
        arrays[name].shape == array.shape
        and np.allclose(arrays[name], array, rtol=_TOLERANCE, atol=_TOLERANCE)
        for name, array in buffers(schedule).items()
    )


def describe(schedule: NoiseSchedule) -> str:
    """A schedule in words.

    Example:
        >>> describe(NoiseSchedule())
        'from 1e-06 to 0.01 in 2000 steps'
    """
    return f"from {schedule.start:g} to {schedule.end:g} in {schedule.length} steps"
