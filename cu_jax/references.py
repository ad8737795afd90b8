"""What is known of the validation pictures themselves, which restored ones are compared with."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Float

from cu_jax import bounded, metrics, preemption, sharding
from cu_jax.atomic import replacing
from cu_jax.data import Data, EncodedSource, Source, evaluation_batches
from cu_jax.feature_networks import LoadedNetwork
from cu_jax.logs import Progress
from cu_jax.metrics.inception import SIDE
from cu_jax.metrics.resizing import resizing_weights
from cu_jax.report import spread
from cu_jax.startup import cache_folder

_AT_ONCE = 64
"""Pictures that a network looks at together, whatever the batch: its maps are large."""
_FORMAT = 1
"""Of cached features: another number where the same network would give other ones."""
EMBEDDED = 250
"""Pictures of each set whose features are kept beside a solution, at most."""
_NO_FILES = (
    "config.evaluation.legacy_reference needs picture files, whose own size it compares with, and "
    "these pictures are in memory at one size: leave it out."
)


class Reference(NamedTuple):
    """What is known of a set's validation pictures themselves.

    Attributes:
        labels: int32 ``[n]``.
        chosen: indices of the pictures for the figures.
        pictures: arrays of these: ``original``, ``label``, ``name``.
        embedded: indices of the pictures whose features are kept.
        features: name of a network to float32 ``[n, size]``, of the originals.
        clean_accuracy: the digits' classifier's, on the originals; NaN without it.
    """

    labels: np.ndarray
    chosen: np.ndarray
    pictures: dict[str, np.ndarray]
    embedded: np.ndarray
    features: dict[str, np.ndarray]
    clean_accuracy: float


class Seer:
    """A network at work: one compiled program, whatever the number of pictures.

    Args:
        loaded: the network and its weights.
        mesh: the devices; None: all.
    """

    def __init__(self, loaded: LoadedNetwork, mesh: Mesh | None = None) -> None:
        self.network, self.digest = loaded.network, loaded.digest
        devices, apply = mesh or sharding.make_mesh(), loaded.network.apply
        self._params = sharding.put_replicated(devices, loaded.params)
        self._program = jax.jit(lambda *given: sharding.whole(devices, apply(*given)))

    def __call__(self, pictures: Any) -> list[metrics.Seen]:
        """What the network says of pictures, in parts that follow one another.

        Args:
            pictures: float32 ``[b, h, w, c]`` in [0, 1].
        """
        total = len(pictures)
        size = -(-total // -(-total // _AT_ONCE))
        found = []
        for start in range(0, total, size):
            # The last part overlaps the one before, so that all have one shape.
            first = min(start, total - size)
            seen = self._program(self._params, pictures[first : first + size])
            found.append(jax.tree.map(lambda x, known=start - first: x[known:], seen))
        return found


def joined(found: Sequence[metrics.Seen]) -> metrics.Seen:
    """The parts as one, on the host.

    Example:
        >>> parts = [metrics.Seen(np.ones((2, 3)), None), metrics.Seen(np.ones((1, 3)), None)]
        >>> joined(parts).features.shape
        (3, 3)
    """
    parts = jax.device_get(list(found))
    whole: metrics.Seen = jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
    return whole


def reference(
    data: Data, name: str, seers: Sequence[Seer], batch_size: int, kept: int, legacy: bool
) -> Reference:
    """Looks at a set's validation pictures.

    Args:
        data: both sets.
        name: of the set.
        seers: the networks.
        batch_size: pictures at once.
        kept: how many pictures to choose for the figures.
        legacy: whether Inception sees whole files squashed to a square, as in published numbers.

    Raises:
        ValueError: ``legacy``, and the pictures are no files.
    """
    source = data.source(name, "validation")
    place = {label: index for index, label in enumerate(data.class_names)}
    records = data.manifest.records(name, "validation")
    labels = np.array([place[record.label] for record in records], np.int32)
    chosen = spread(labels, kept)
    names = np.array([data.class_names[label] for label in labels[chosen]], np.str_)
    shown = {"original": source.gather(chosen)["image"], "label": labels[chosen], "name": names}
    features, accuracy = {}, float("nan")
    for seer in seers:
        squashed = legacy and seer.network.name == metrics.INCEPTION.name
        pictures = _squashed if squashed else _cropped
        if seer.network.name == metrics.DIGITS.name:  # a moment's work, and its answers are wanted
            seen = _seen(seer, pictures(source, batch_size), name, len(labels))
            accuracy = metrics.class_consistency(seen.logits, labels)
            features[seer.network.name] = np.asarray(seen.features)
            continue
        key = [_FORMAT, data.manifest.hash, name, list(data.image_shape), seer.network.name]
        key += [seer.digest, "squashed" if squashed else "cropped"]

        def made(seer: Seer = seer, pictures: Any = pictures) -> np.ndarray:
            seen = _seen(seer, pictures(source, batch_size), name, len(labels))
            return np.asarray(seen.features, np.float32)

        features[seer.network.name] = cached(key, (len(labels), seer.network.size), made)
    return Reference(labels, chosen, shown, spread(labels, EMBEDDED), features, accuracy)


def check_legacy(data: Data, legacy: bool) -> None:
    """Refuses pictures that are no files, of which there is no native size.

    Args:
        data: both sets.
        legacy: whether whole files are to be compared with; else nothing is refused.

    Raises:
        ValueError: they are in memory.

    Example:
        >>> from cu_jax.data import Manifest
        >>> check_legacy(Data(Manifest({}), ("a",), (28, 28, 1), {}), legacy=False)
    """
    if legacy and not all(isinstance(source, EncodedSource) for source in data.sources.values()):
        raise ValueError(_NO_FILES)


def cached(key: list[Any], shape: tuple[int, int], make: Callable[[], np.ndarray]) -> np.ndarray:
    """Features from the user's cache, or made and put there.

    Args:
        key: all that they depend on, as JSON values.
        shape: that they must have.
        make: gives them.

    Returns:
        float32, of that shape. A file that is damaged or of another shape is made anew.
    """
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    path = cache_folder() / "references" / f"{digest}.npz"
    found = _found(path, shape)
    if sharding.everywhere(found is not None) and found is not None:
        return found
    features = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as opened:
            np.savez(opened, features=features)
    except OSError as error:  # a cache is a convenience
        print(f"{path.parent} cannot be written to ({error.strerror}): nothing is kept there.")
    return features


def _found(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    try:
        bounded.check_unpacked(path)
        with np.load(path) as file:  # its parts carry checksums
            features = file["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return features if features.shape == shape and features.dtype == np.float32 else None


def _seen(seer: Seer, batches: Iterator[Any], name: str, total: int) -> metrics.Seen:
    """What a network says of all pictures, without the padding of the last batch."""
    parts: list[metrics.Seen] = []
    with Progress(f"{name}: originals by {seer.network.name}", total, unit="pictures") as progress:
        for index, pictures in enumerate(batches, start=1):
            parts += jax.device_get(seer(pictures))
            progress.update(min(index * len(pictures), total))
            preemption.check()
    whole: metrics.Seen = jax.tree.map(lambda x: x[:total], joined(parts))
    return whole


def _cropped(source: Source, batch_size: int) -> Iterator[Float[np.ndarray, "b h w c"]]:
    """The pictures as the model restores them."""
    for batch in evaluation_batches(source, batch_size):
        yield batch["image"] / np.float32(255)


def _squashed(source: Source, batch_size: int) -> Iterator[Float[np.ndarray, "b 299 299 c"]]:
    """Whole files, both sides resized to Inception's whatever their ratio."""
    if not isinstance(source, EncodedSource):
        raise ValueError(_NO_FILES)
    waiting = []
    for picture in source.whole():
        height, width, _ = picture.shape
        rows, columns = resizing_weights(height, SIDE), resizing_weights(width, SIDE)
        # A channel at a time, as matrices: an einsum would not use the fast product.
        square = [rows @ channel @ columns.T for channel in np.moveaxis(picture / 255.0, -1, 0)]
        waiting.append(np.clip(np.stack(square, -1), 0, 1).astype(np.float32))
        if len(waiting) == batch_size:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting + waiting[-1:] * (batch_size - len(waiting)))
