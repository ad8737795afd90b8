"""Batches through Grain: endless shuffled pairs for training, all pictures once for evaluation."""

from collections.abc import Callable, Iterator
from typing import Any

import grain
import numpy as np

from cu_jax.data.affine import affine
from cu_jax.data.datasets import Data
from cu_jax.data.manifest import SETS
from cu_jax.data.parallel import threads
from cu_jax.data.sources import Batch, EncodedSource, Source

RANDOM_CROP = "random_crop"
"""Random crops of a fifth to all of the picture, mirrored or not; for picture files."""

_AUGMENTATIONS: dict[str, Callable[[np.ndarray, np.random.Generator, int, int], np.ndarray]] = {
    "affine": affine
}
# Name to a random map of uint8 pictures: a batch's, or those from a place on of so many in all.

AUGMENTATIONS = (*_AUGMENTATIONS, RANDOM_CROP)
"""Names of the random distortions."""

# Pictures. Grain's own endless repetition has a length that batches of one overflow.
_ENDLESS = 2**48


def training_iterator(
    data: Data,
    *,
    batch_size: int,
    seed: int,
    augment: str | None = None,
    num_threads: int | None = None,
    rows: slice | None = None,
) -> grain.DatasetIterator:
    """Endless batches of training pictures, as many of each set.

    Grain shuffles and batches *indices*, anew in each pass over a set; the pictures of a batch are
    then gathered at once, which costs a tenth of mapping picture by picture.

    Args:
        data: both sets.
        batch_size: pictures of each set, at least 1.
        seed: of order and augmentation; taken modulo 2³².
        augment: None, or a name in ``AUGMENTATIONS``. A random crop is a function of the seed, the
            picture and the pass over its set; an affine map of the seed, the set and the batch.
        num_threads: threads that make batches ahead; 0 makes each when it is asked for, None takes
            one a core for picture files and two for pictures in memory.
        rows: the part of each batch to read, of several processes that share it; None: all.

    Returns:
        A Grain iterator of ``{"retain": batch, "forget": batch}``, ``batch = {"image": uint8
        [b, h, w, c], "label": int32 [b]}``. Its ``get_state`` is a small JSON tree, from which
        ``set_state`` of an iterator made with the same arguments continues exactly.

    Raises:
        ValueError: for a batch that is empty or larger than both sets, an unknown augmentation, or
            one that these pictures can't have.

    Note:
        A set of fewer pictures than a batch, as a request to forget three is, comes several times
        in each: the passes over it follow one another.

    Example:
        >>> from cu_jax.data import Manifest, MemorySource
        >>> source = MemorySource(np.zeros((8, 2, 2, 1), np.uint8), np.zeros(8, np.int32))
        >>> sources = {"retain/train": source, "forget/train": source}
        >>> data = Data(Manifest({}), ("0",), (2, 2, 1), sources)
        >>> batch = next(training_iterator(data, batch_size=4, seed=0))
        >>> batch["retain"]["image"].shape, batch["forget"]["label"].shape
        ((4, 2, 2, 1), (4,))
    """
    if augment is not None and augment not in AUGMENTATIONS:
        raise ValueError(
            f"The augmentation must be None or one of {', '.join(AUGMENTATIONS)}, got {augment!r}: "
            "correct its name."
        )
    sources = {name: data.source(name, "train") for name in SETS}
    files = all(isinstance(source, EncodedSource) for source in sources.values())
    if augment is not None and files != (augment == RANDOM_CROP):
        fitting = RANDOM_CROP if files else ", ".join(_AUGMENTATIONS)
        raise ValueError(
            f"The augmentation of these pictures must be None or {fitting}, got {augment!r}: "
            "change it."
        )
    most = max(len(source) for source in sources.values())
    if not 1 <= batch_size <= most:
        raise ValueError(
            f"A batch must hold 1 to {most} pictures of each set, as many as the larger training "
            f"set has, got {batch_size}: change batch_size."
        )
    batches = [
        _set_batches(source, batch_size, (seed + place) % 2**32, augment, rows or slice(None))
        for place, source in enumerate(sources.values())
    ]
    pairs = grain.experimental.ZipMapDataset(batches)
    named = pairs.map(lambda pair: dict(zip(SETS, pair, strict=True)))
    return iter(named.to_iter_dataset(_read_options(files, num_threads)))


def _set_batches(
    source: Source, batch_size: int, seed: int, augment: str | None, rows: slice
) -> grain.MapDataset:
    """Endless batches of one set, each a function of its number."""
    length = len(source)
    indices = grain.MapDataset.range(length).seed(seed).shuffle().repeat()[:_ENDLESS]
    if isinstance(source, EncodedSource) and augment == RANDOM_CROP:
        crops = source.random_crops
        passes = indices.map_with_index(lambda place, index: (index, place // length))
        pairs = passes.batch(batch_size)
        return pairs.map(lambda pair: crops(pair[0][rows], pair[1][rows], seed))
    batches = indices.batch(batch_size).map(lambda batch: source.gather(batch[rows]))
    if augment is None:
        return batches
    change, first = _AUGMENTATIONS[augment], rows.start or 0

    def changed(batch: Batch, rng: np.random.Generator) -> Batch:
        return batch | {"image": change(batch["image"], rng, first, batch_size)}

    return batches.random_map(changed)


def evaluation_batches(
    source: Source,
    batch_size: int,
    num_threads: int | None = None,
    rows: slice | None = None,
) -> Iterator[dict[str, Any]]:
    """All pictures once, in the source's order, in batches of one shape.

    Args:
        source: the pictures of one set and split.
        batch_size: pictures of a batch, at least 1.
        num_threads: as for :func:`training_iterator`.
        rows: likewise.

    Yields:
        ``{"image": uint8 [b, h, w, c], "label": int32 [b], "weight": float32 [b]}``. ``weight`` is
        1 for a picture and 0 for the padding of the last batch, which repeats the last picture.

    Raises:
        ValueError: if ``batch_size`` is below 1.

    Example:
        >>> from cu_jax.data.sources import MemorySource
        >>> source = MemorySource(np.zeros((3, 2, 2, 1), np.uint8), np.zeros(3, np.int32))
        >>> [batch["weight"].tolist() for batch in evaluation_batches(source, 2)]
        [[1.0, 1.0], [1.0, 0.0]]
    """
    if batch_size < 1:
        raise ValueError(
            f"A batch must hold at least 1 picture, got {batch_size}: change batch_size."
        )

    def batch(number: int) -> dict[str, Any]:
        index = (number * batch_size + np.arange(batch_size))[rows or slice(None)]
        weight = (index < len(source)).astype(np.float32)
        return source.gather(np.minimum(index, len(source) - 1)) | {"weight": weight}

    numbers = grain.MapDataset.range(-(-len(source) // batch_size))
    options = _read_options(isinstance(source, EncodedSource), num_threads)
    yield from numbers.map(batch).to_iter_dataset(options)


def _read_options(files: bool, num_threads: int | None) -> grain.ReadOptions:
    if num_threads is None:
        num_threads = threads() if files else 2
    return grain.ReadOptions(num_threads, 2 * num_threads)
