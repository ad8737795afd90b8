"""What the programs ask of the devices they are compiled for."""

import jax


def one_cpu() -> bool:
    """Whether a CPU is the only device.

    Some arithmetic is written in another order for XLA's CPU compiler. A GPU needs no such help,
    and devices that share a model would first have to gather what they had split up.

    Returns:
        False as well where a process sees one CPU device of several.

    Example:
        >>> one_cpu() == (jax.devices()[0].platform == "cpu" and len(jax.devices()) == 1)
        True
    """
    return jax.default_backend() == "cpu" and jax.device_count() == 1
