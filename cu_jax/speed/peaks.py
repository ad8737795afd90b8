"""How many floating-point operations a second a device can do at most."""

import re
import statistics
import time

import jax
import jax.numpy as jnp

TERA = 1e12
DTYPES = ("float32", "bfloat16")
# Dense, in TFLOP/s, from the makers' data sheets: float32 on the matrix units (TF32), bfloat16.
_SHEETS = {
    r"B200\b": (1125.0, 2250.0),
    r"H200 NVL": (417.5, 835.5),
    r"H200\b": (494.7, 989.4),
    r"H100 PCIe": (378.0, 756.0),
    r"H100 NVL": (417.5, 835.5),
    r"H100\b": (494.7, 989.4),
    r"A100\b": (156.0, 312.0),
    r"L40S\b": (183.0, 362.0),
    r"A40\b": (74.8, 149.7),
    r"A10\b": (62.5, 125.0),
    r"L4\b": (60.0, 121.0),
    r"RTX A6000": (77.4, 154.8),
    r"RTX 4090$": (82.6, 165.2),
    r"RTX 3090$": (35.6, 71.0),
}
_SIDE = 2048  # Of the matrices that are multiplied where there is no sheet.


def sheet_peak(kind: str, dtype: str) -> float | None:
    """FLOP/s of a known GPU, or None.

    Args:
        kind: a device's ``device_kind``.
        dtype: ``float32``, which JAX multiplies as TF32 there, or ``bfloat16``.

    Example:
        >>> sheet_peak("NVIDIA A40", "bfloat16"), sheet_peak("cpu", "float32")
        (149700000000000.0, None)
    """
    for pattern, peaks in _SHEETS.items():
        if re.search(rf"\b{pattern}", kind):
            return peaks[DTYPES.index(dtype)] * TERA
    return None


def measured_peak(dtype: str, rounds: int = 7) -> float:
    """FLOP/s of a large matrix product on one device.

    Args:
        dtype: of both matrices.
        rounds: how often it is timed; the median counts.
    """
    x = jax.random.normal(jax.random.key(0), (_SIDE, _SIDE)).astype(dtype)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(x, x))
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        jax.block_until_ready(product(x, x))
        seconds.append(time.perf_counter() - began)
    return 2 * _SIDE**3 / statistics.median(seconds)
