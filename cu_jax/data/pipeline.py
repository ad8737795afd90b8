"""Batches through Grain: endless shuffled pairs for training, all pictures once for evaluation."""

from collections.abc import Callable, Iterator
from typing import Any

import grain
import numpy as np

from cu_jax.data.affine import affine
from cu_jax.data.manifest import SETS
from cu_jax.data.sources import Batch, Data, Source

AUGMENTATIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "affine": affine
}
"""Name to a random map of a batch of uint8 pictures."""


def training_iterator(
    data: Data, *, batch_size: int, seed: int, augment: str | None = None, num_threads: int = 2
) -> grain.DatasetIterator:
    """Endless batches of training pictures, as many of each set.

    Grain shuffles and batches *indices*, anew in each pass over a set; the pictures of a batch are
    then gathered at once, which costs a tenth of mapping picture by picture.

    Args:
        data: both sets.
        batch_size: pictures of each set, at least 1.
        seed: of order and augmentation; taken modulo 2³².
        augment: None, or a name in ``AUGMENTATIONS``. Its randomness is a function of the seed, the
            set and the number of the batch, hence of the picture and the pass.
        num_threads: threads that make batches ahead; 0 makes each when it is asked for.

    Returns:
        A Grain iterator of ``{"retain": batch, "forget": batch}``, ``batch = {"image": uint8
        [b, h, w, c], "label": int32 [b]}``. Its ``get_state`` is a small JSON tree, from which
        ``set_state`` of an iterator made with the same arguments continues exactly.

    Raises:
        ValueError: for a batch that is empty or larger than a set, or an unknown augmentation.

    Example:
        >>> from cu_jax.data.manifest import Manifest
        >>> from cu_jax.data.sources import MemorySource
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
    for name, source in sources.items():
        if not 1 <= batch_size <= len(source):
            raise ValueError(
                f"A batch must hold 1 to {len(source)} pictures, as many as the {name} training "
                f"set, got {batch_size}: change batch_size."
            )
    batches = [
        _set_batches(source, batch_size, (seed + place) % 2**32, augment)
        for place, source in enumerate(sources.values())
    ]
    pairs = grain.experimental.ZipMapDataset(batches)
    named = pairs.map(lambda pair: dict(zip(SETS, pair, strict=True)))
    return iter(named.to_iter_dataset(grain.ReadOptions(num_threads, 2 * num_threads)))


def _set_batches(
    source: Source, batch_size: int, seed: int, augment: str | None
) -> grain.MapDataset:
    """Endless batches of one set, each a function of its number."""
    indices = grain.MapDataset.range(len(source)).seed(seed).shuffle().repeat()
    batches = indices.batch(batch_size).map(source.gather)
    if augment is None:
        return batches
    change = AUGMENTATIONS[augment]

    def changed(batch: Batch, rng: np.random.Generator) -> Batch:
        return batch | {"image": change(batch["image"], rng)}

    return batches.random_map(changed)


def evaluation_batches(source: Source, batch_size: int) -> Iterator[dict[str, Any]]:
    """All pictures once, in the source's order, in batches of one shape.

    Args:
        source: the pictures of one set and split.
        batch_size: pictures of a batch, at least 1.

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
    for start in range(0, len(source), batch_size):
        index = np.arange(start, start + batch_size)
        weight = (index < len(source)).astype(np.float32)
        yield source.gather(np.minimum(index, len(source) - 1)) | {"weight": weight}
