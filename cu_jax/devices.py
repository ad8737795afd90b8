"""What the programs ask of the devices they are compiled for."""

import jax


def one_cpu() -> bool:
    """Whether a CPU is the only device.

    Some arithmetic is written in another order for XLA's CPU compiler. A GPU needs no such help,
    and devices that share a model would first have to gather what they had split up.

    Returns:
        False where there are several CPU devices, on one machine or in several processes, as well.
    """
    return jax.default_backend() == "cpu" and jax.device_count() == 1
