"""Mean and deviation of a set's pixels."""

import numpy as np
from jaxtyping import Float64

from cu_jax.data.pipeline import evaluation_batches
from cu_jax.data.progress import Progress
from cu_jax.data.sources import EncodedSource, Source

_AT_ONCE = 50


def pixel_statistics(
    source: Source,
) -> tuple[Float64[np.ndarray, "c"], Float64[np.ndarray, "c"]]:
    """Mean and standard deviation of each channel over all pixels of all pictures.

    Args:
        source: the pictures; of files, the middle squares are taken.

    Returns:
        Mean and (population) standard deviation, float64 ``[channels]``, for pixels in [0, 1].

    Note:
        How often each value occurs is counted, so the result is the same in every order and on
        every machine.

    Example:
        >>> from cu_jax.data import MemorySource
        >>> image = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
        >>> mean, std = pixel_statistics(MemorySource(image, np.zeros(2, np.int32)))
        >>> mean.item(), std.item()
        (0.5, 0.5)
    """
    progress = Progress("Mean and deviation of the noise", "pictures", len(source))
    counts = np.zeros((1, 256), np.int64)
    for number, batch in enumerate(evaluation_batches(source, _AT_ONCE)):
        pixels = batch["image"][batch["weight"] > 0]
        channels = np.moveaxis(pixels, -1, 0)
        counts = counts + np.array([np.bincount(c.ravel(), minlength=256) for c in channels])
        progress.show(min((number + 1) * _AT_ONCE, len(source)))
    if isinstance(source, EncodedSource):  # others take no time
        progress.end(len(source))
    values = np.arange(256)
    total = counts.sum(1)
    # Python's integers: the products of a large set exceed 64 bits.
    sums = [int(n) for n in counts @ values]
    squares = [int(n) for n in counts @ values**2]
    variance = [int(n) * q - s * s for n, s, q in zip(total, sums, squares, strict=True)]
    mean = np.array([s / (255 * int(n)) for n, s in zip(total, sums, strict=True)])
    return mean, np.sqrt(np.array(variance, np.float64)) / (total * 255.0)
