"""ImageNet-1K and Places365 as TFDS's own builders prepare them, read as they are."""

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow_datasets as tfds

from cu_jax import bounded
from cu_jax.atomic import replacing
from cu_jax.data.collection import BadPicture, Collection
from cu_jax.data.decoding import PictureError, check
from cu_jax.data.manifest import Manifest, Record
from cu_jax.data.parallel import in_order
from cu_jax.data.progress import watched
from cu_jax.data.published.builders import manifest_of
from cu_jax.data.published.choosing import choose
from cu_jax.data.published.prepared import RecordImages
from cu_jax.data.published.splits import NamedSplit
from cu_jax.data.records import Records

TFDS_SETS = {"imagenet2012": "imagenet", "places365_small": "places365"}
"""Name in ``config.data.name`` to the family whose named splits it has."""

_NAMES = {"imagenet2012": "file_name", "places365_small": "filename"}


class _Stored(NamedTuple):
    id: str
    label: str
    at: int  # its index in the TFDS split


def open_tfds(dataset: str, split_name: str, data_dir: Path) -> Collection:
    """Opens a named split of a data set that TFDS has prepared as ``array_record``.

    Args:
        dataset: ``imagenet2012`` or ``places365_small``.
        split_name: as ``cu_jax.data.published.splits.split_name`` has it.
        data_dir: TFDS's ``data_dir``; what is found out about the records is kept there as well, in
            files called ``cu_jax-*.json``.

    Returns:
        The pictures, encoded.

    Raises:
        FileNotFoundError: if the data set is not there.
        ValueError: if it is in another format, or a class has too few pictures.

    Note:
        TFDS stores 23 pictures of ImageNet anew (22 that are CMYK and a PNG), so manifests with one
        of them differ from those of the archives. Places365 prepared by a version of TFDS that left
        the file names out has ids by position, and so other pictures than the archives give.
    """
    split = NamedSplit.from_name(TFDS_SETS[dataset], split_name)
    folder = _prepared(dataset, data_dir)
    builder = tfds.builder_from_directory(folder)
    if "array_record" not in {one.value for one in builder.info.available_file_formats()}:
        raise ValueError(
            f"{dataset} must be prepared as array_record, and {folder} is "
            f"{builder.info.file_format.value}, which only TensorFlow reads: where TensorFlow is "
            f"installed, run tfds convert_format --dataset_version_dir={folder} "
            "--out_file_format=array_record, or prepare it with --file_format=array_record."
        )
    version = f"{dataset}-{folder.name}"
    lister = _Lister(builder, data_dir, version)
    manifest, bad = _kept(
        data_dir / f"cu_jax-{version}-{split.name}.json",
        _state(builder),
        lambda: _manifest(builder, split, lister),
    )
    parsed = Manifest.from_json(json.dumps(manifest))
    sources = {part: Records(builder, part) for part in _parts(parsed)}
    return Collection(
        parsed,
        tuple(builder.info.features["label"].names),
        {
            key: RecordImages(sources[_part(records[0].id)], [one.index for one in records])
            for key, records in parsed.splits.items()
        },
        tuple(BadPicture(*one) for one in bad),
    )


class _Lister:
    """Pictures of each class, from one look at all records of a split."""

    def __init__(self, builder: tfds.core.DatasetBuilder, data_dir: Path, version: str) -> None:
        self._builder, self._data_dir, self._version = builder, data_dir, version
        self._read: dict[str, tuple[list[str] | None, dict[int, list[int]]]] = {}

    def of(self, part: str) -> Callable[[str], Sequence[_Stored]]:
        """Lists the pictures of a class in the TFDS split ``part``."""
        class_names = self._builder.info.features["label"].names

        def listed(label: str) -> Sequence[_Stored]:
            if part not in self._read:
                self._read[part] = self._look(part)
            names, classes = self._read[part]
            return [
                _Stored(_id(part, names[at] if names else None, label, at), label, at)
                for at in classes.get(class_names.index(label), ())
            ]

        return listed

    def _look(self, part: str) -> tuple[list[str] | None, dict[int, list[int]]]:
        path = self._data_dir / f"cu_jax-{self._version}-{part}.json"
        names, labels = _kept(path, _state(self._builder), lambda: _scan(self._builder, part))
        classes: dict[int, list[int]] = {}
        for at, label in enumerate(labels):
            classes.setdefault(label, []).append(at)
        return names, classes


def _scan(builder: tfds.core.DatasetBuilder, part: str) -> tuple[list[str] | None, list[int]]:
    """File names, where the records have them, and labels of a whole TFDS split."""
    feature = _NAMES[builder.name]
    named = feature in builder.info.features
    source = Records(builder, part)

    def read(index: int) -> tuple[str, int]:
        record = source[index]
        return record[feature].decode() if named else "", int(record["label"])

    what = f"Reading the labels of {builder.name}/{part} (once)"
    pairs = list(in_order(read, watched(range(len(source)), what, "pictures")))
    return [name for name, _ in pairs] if named else None, [label for _, label in pairs]


def _manifest(
    builder: tfds.core.DatasetBuilder, split: NamedSplit, lister: _Lister
) -> tuple[Any, list[BadPicture]]:
    """Chooses pictures and reads them once, for their hashes and to find bad ones."""
    found = choose(split, lister.of("train"), lister.of("validation"))
    everything = [(key, one) for key, ones in found.items() for one in ones]
    sources = {part: Records(builder, part) for part in builder.info.splits}

    def read(item: tuple[str, _Stored]) -> tuple[str, str | None]:
        data = sources[_part(item[1].id)][item[1].at]["image"]
        try:
            check(data)
        except PictureError as error:
            return "", str(error)
        return hashlib.sha256(data).hexdigest(), None

    records: dict[str, list[Record]] = {key: [] for key in found}
    bad = []
    watching = watched(everything, f"Checking {builder.name} (once)", "pictures")
    digests = in_order(read, watching)
    for (key, one), (digest, reason) in zip(everything, digests, strict=True):
        if reason is None:
            records[key].append(Record(one.id, one.label, one.at, digest))
        else:
            bad.append(BadPicture(one.id, reason))
    return json.loads(manifest_of(records, bad, builder.name).to_json()), bad


def _prepared(dataset: str, data_dir: Path) -> Path:
    """The folder of the newest version."""
    folders = [path.parent for path in (data_dir / dataset).glob("*/dataset_info.json")]
    if not folders:
        raise FileNotFoundError(
            f"{dataset} must be prepared by TFDS, and {data_dir / dataset} has no version of it: "
            "name TFDS's data_dir in config.data.data_dir, or let python -m cu_jax.data.prepare "
            f"{TFDS_SETS[dataset]} read the original files, which needs no TensorFlow."
        )
    return max(folders, key=lambda folder: [int(n) for n in folder.name.split(".") if n.isdigit()])


def _kept(path: Path, state: Any, make: Callable[[], Any]) -> Any:
    """What ``make`` returns, kept in a file for as long as the records are the same."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = bounded.read_json(path, bounded.MANIFEST)
        if kept["of"] == state:
            return kept["found"]
    found = make()
    try:
        with replacing(path) as temporary:
            temporary.write_text(json.dumps({"of": state, "found": found}))
    except OSError as error:
        print(f"Note: {path} cannot be written ({error}), so this is repeated.", file=sys.stderr)
    return found


def _state(builder: tfds.core.DatasetBuilder) -> dict[str, list[int]]:
    """Sizes and lengths of shards: prepared again, the same data has the same records."""
    return {
        name: [split.num_bytes, *split.shard_lengths] for name, split in builder.info.splits.items()
    }


def _id(part: str, name: str | None, label: str, index: int) -> str:
    prefix = "val" if part == "validation" else "train"
    if name is None:
        return f"{prefix}/{index:07d}"
    # data_256/a/airfield/00000001.jpg, n01440764_18.JPEG or ILSVRC2012_val_00000293.JPEG
    if "/" in name:
        name = name.partition("/")[2]
    elif prefix == "train":
        name = f"{label}/{name}"
    return f"{prefix}/{name}"


def _part(id_: str) -> str:
    return "train" if id_.startswith("train/") else "validation"


def _parts(manifest: Manifest) -> Iterable[str]:
    return {_part(one.id) for records in manifest.splits.values() for one in records}
