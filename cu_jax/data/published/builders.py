"""TFDS builders of the named splits of ImageNet-1K and Places365, written without TensorFlow."""

import dataclasses
import functools
import hashlib
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from cu_jax.data.collection import BadPicture
from cu_jax.data.decoding import PictureError, check
from cu_jax.data.manifest import Manifest, Record
from cu_jax.data.parallel import in_order
from cu_jax.data.published.class_lists import class_names
from cu_jax.data.published.originals import Original, Reader

MANIFEST_FILE = "manifest.json"
BAD_PICTURES_FILE = "bad_pictures.json"

# A shard is held in memory while it is written.
_SHARD_PICTURES = 1024

_IMAGENET_CITATION = """\
@article{ILSVRC15,
  author = {Russakovsky, Olga and Deng, Jia and Su, Hao and Krause, Jonathan and Satheesh, Sanjeev
            and Ma, Sean and Huang, Zhiheng and Karpathy, Andrej and Khosla, Aditya and Bernstein,
            Michael and Berg, Alexander C. and Fei-Fei, Li},
  title = {{ImageNet Large Scale Visual Recognition Challenge}},
  journal = {International Journal of Computer Vision}, volume = {115}, number = {3},
  pages = {211--252}, year = {2015}
}
"""
_PLACES_CITATION = """\
@article{zhou2017places,
  author = {Zhou, Bolei and Lapedriza, Agata and Khosla, Aditya and Oliva, Aude and Torralba,
            Antonio},
  title = {Places: A 10 million Image Database for Scene Recognition},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence}, volume = {40},
  number = {6}, pages = {1452--1464}, year = {2018}
}
"""


@dataclasses.dataclass(eq=False, kw_only=True)
class SplitConfig(tfds.core.BuilderConfig):
    """A named split as a configuration of a builder.

    Attributes:
        originals: the pictures by set and split, sorted by id; None to read what is prepared.
    """

    originals: Mapping[str, Sequence[Original]] | None = dataclasses.field(default=None, repr=False)


class NamedSplitBuilder(tfds.core.ShardBasedBuilder):
    """What both builders are: splits ``retain_train`` …, features image, label, id and sha256.

    Note:
        TFDS's ``GeneratorBasedBuilder`` needs TensorFlow for a split of more than a gigabyte, as
        it then sorts its records in TensorFlow's files. A ``ShardBasedBuilder`` writes them in the
        order in which they come, once.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Pictures byte for byte as published, in the manifest's order."}

    family = ""
    about = ""
    homepage = ""
    citation = ""
    watch: Callable[[Iterable[Any]], Iterable[Any]] = staticmethod(iter)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.records: dict[str, list[Record]] = {}
        self.bad: list[BadPicture] = []
        self._reader = Reader()
        self._work: Iterator[tuple[str, Original]] = iter(())

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.about,
            homepage=self.homepage,
            citation=self.citation,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(names=list(class_names(self.family))),
                    "id": tfds.features.Text(),
                    "sha256": tfds.features.Text(),
                }
            ),
            disable_shuffling=True,
        )

    def _shard_iterators_per_split(self, dl_manager: Any) -> dict[str, Any]:
        originals = self.builder_config.originals
        self.records = {key: [] for key in originals}
        self.bad = []
        # One line of progress for all shards, which are written one after another.
        self._work = iter(
            self.watch([(key, one) for key, ones in originals.items() for one in ones])
        )
        shards: dict[str, list[Any]] = {}
        for key, ones in originals.items():
            sizes = [
                min(_SHARD_PICTURES, len(ones) - start)
                for start in range(0, len(ones), _SHARD_PICTURES)
            ]
            shards[key.replace("/", "_")] = [
                functools.partial(self._generate_examples, size) for size in sizes
            ]
        return shards

    def _generate_examples(self, size: int) -> Iterator[tuple[int, dict[str, Any]]]:
        checked = in_order(self._checked, itertools.islice(self._work, size))
        for key, original, data, reason in checked:
            if reason is not None:
                self.bad.append(BadPicture(original.name, reason))
                continue
            index = len(self.records[key])
            digest = hashlib.sha256(data).hexdigest()
            self.records[key].append(Record(original.id, original.label, index, digest))
            yield (
                index,
                {
                    "image": io.BytesIO(data),
                    "label": original.label,
                    "id": original.id,
                    "sha256": digest,
                },
            )

    def _checked(self, work: tuple[str, Original]) -> tuple[str, Original, bytes, str | None]:
        key, original = work
        data = self._reader.read(original)
        try:
            check(data)
        except PictureError as error:
            return key, original, b"", str(error)
        return key, original, data, None

    def _post_download_and_prepare_hook(self) -> None:
        next(self._work, None)  # The line of progress ends.
        self._reader.close()
        manifest = manifest_of(self.records, self.bad, self.name)
        folder = Path(self.data_dir)
        (folder / MANIFEST_FILE).write_text(manifest.to_json())
        bad = [one._asdict() for one in self.bad]
        (folder / BAD_PICTURES_FILE).write_text(json.dumps(bad, indent=1))


class CuImagenet(NamedSplitBuilder):
    """Named splits of ImageNet-1K.

    Example:
        >>> CuImagenet.name
        'cu_imagenet'
    """

    name = "cu_imagenet"
    family = "imagenet"
    about = "A named split of ImageNet-1K for unlearning: classes to retain and to forget."
    homepage = "https://image-net.org/"
    citation = _IMAGENET_CITATION


class CuPlaces365(NamedSplitBuilder):
    """Named splits of Places365-Standard, 256 pixels.

    Example:
        >>> CuPlaces365.name
        'cu_places365'
    """

    name = "cu_places365"
    family = "places365"
    about = "A named split of Places365-Standard for unlearning: classes to retain and to forget."
    homepage = "http://places2.csail.mit.edu/"
    citation = _PLACES_CITATION


def manifest_of(
    records: Mapping[str, Sequence[Record]], bad: Sequence[BadPicture], dataset: str
) -> Manifest:
    """The manifest of the pictures that are left when bad ones are left out.

    Args:
        records: by set and split, sorted by id.
        bad: what was left out.
        dataset: its name.

    Returns:
        The manifest.

    Raises:
        ValueError: if nothing is left of a set and split.

    Example:
        >>> bad = [BadPicture("a.jpg", "is empty")]
        >>> manifest_of({"forget/train": []}, bad, "cu_imagenet")
        Traceback (most recent call last):
        ValueError: forget/train of cu_imagenet must have at least one picture, and all are bad ...
    """
    for key, ones in records.items():
        if not ones:
            raise ValueError(
                f"{key} of {dataset} must have at least one picture, and all are bad (the first "
                f"bad one, {bad[0].name}, {bad[0].reason}): get the data anew."
            )
    return Manifest({key: tuple(ones) for key, ones in records.items()})
