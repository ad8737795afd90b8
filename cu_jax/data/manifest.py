"""Which picture is in which set and split: fixed by hashes, the same on every machine."""

import dataclasses
import difflib
import functools
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cu_jax import bounded

SETS = ("retain", "forget")
SPLITS = ("train", "validation")


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Record:
    """Where one picture belongs.

    Attributes:
        id: its stable name, the same on every machine.
        label: its class, by name.
        index: where it lies in the prepared data set.
        sha256: of its decoded pixels.

    Example:
        >>> Record("mnist5k-00042", "0", 42, "").label
        '0'
    """

    id: str
    label: str
    index: int
    sha256: str


_FIELDS = frozenset(field.name for field in dataclasses.fields(Record))


def _parsed(found: dict[str, Any]) -> Any:
    """Makes each record of a JSON text as soon as it is read: a million dicts never are at once."""
    if found.keys() != _FIELDS:
        return found
    return Record(found["id"], sys.intern(found["label"]), found["index"], found["sha256"])


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Every picture of retain and forget × train and validation.

    Attributes:
        splits: ``"retain/train"`` and so on to records, sorted by id.

    Example:
        >>> records = [Record(f"r{i}", "ab"[i % 2], i, "") for i in range(8)]
        >>> manifest = build_manifest(
        ...     records, retain=["a"], forget=["b"], class_names="ab", validation_per_class=1)
        >>> Manifest.from_json(manifest.to_json()) == manifest
        True
    """

    splits: dict[str, tuple[Record, ...]]

    def records(self, name: str, split: str) -> tuple[Record, ...]:
        """The pictures of one set and split."""
        return self.splits[f"{name}/{split}"]

    @functools.cached_property
    def hash(self) -> str:
        """SHA-256 of ids, classes, splits and pixels as canonical JSON; computed once.

        Note:
            Where a picture lies in the prepared files is left out: it is a fact of the copy on this
            machine, and experiments on the same pictures are the same experiments.
        """
        parts = {
            key: [(record.id, record.label, record.sha256) for record in records]
            for key, records in self.splits.items()
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        """JSON with sorted keys: ``{"hash": …, "splits": {"forget/train": [record, …], …}}``."""
        splits = {
            key: [{name: getattr(one, name) for name in _FIELDS} for one in records]
            for key, records in self.splits.items()
        }
        return json.dumps({"hash": self.hash, "splits": splits}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """The inverse of ``to_json``.

        Args:
            text: JSON.

        Returns:
            The manifest.

        Raises:
            ValueError: if the text is no manifest, or not the one whose hash it names.
        """
        try:
            data = bounded.parse_json(text, "A manifest", _parsed)
            splits = {key: tuple(records) for key, records in data["splits"].items()}
            if not all(isinstance(one, Record) for part in splits.values() for one in part):
                raise TypeError("an entry is no record")
            manifest, named = cls(splits), data["hash"]
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"A manifest must be JSON with a hash and splits of records, got {text[:40]!r} "
                f"({error}): take an unchanged copy."
            ) from None
        if manifest.hash != named:
            raise ValueError(
                f"A manifest must have the hash it names, {named[:12]}, got "
                f"{manifest.hash[:12]}: take an unchanged copy."
            )
        return manifest


def build_manifest(
    records: Iterable[Record],
    *,
    retain: Sequence[str],
    forget: Sequence[str],
    class_names: Sequence[str],
    validation_per_class: int | None,
) -> Manifest:
    """Splits records by a hash of their ids.

    In each class the ``validation_per_class`` records with the smallest SHA-256 of their id are
    validation pictures, the rest training pictures. Classes in neither set are left out.

    Args:
        records: all pictures.
        retain: names of the classes to retain.
        forget: names of the classes to forget.
        class_names: all names there are.
        validation_per_class: pictures, at least 1; None: a fifth of the class, and at least 1.

    Returns:
        The manifest.

    Raises:
        ValueError: for an empty set, an unknown class, a class in both sets or twice in one, or a
            class with too few pictures.

    Example:
        >>> records = [Record(f"r{i}", "ab"[i % 2], i, "") for i in range(8)]
        >>> manifest = build_manifest(
        ...     records, retain=["a"], forget=["b"], class_names="ab", validation_per_class=1)
        >>> len(manifest.records("forget", "train"))
        3
    """
    check_classes(retain, forget, class_names)
    by_class: dict[str, list[Record]] = {name: [] for name in class_names}
    for record in records:
        by_class[record.label].append(record)
    splits: dict[str, tuple[Record, ...]] = {}
    for name, classes in zip(SETS, (retain, forget), strict=True):
        chosen = {label: by_class[label] for label in classes}
        for split, part in zip(SPLITS, split_classes(chosen, validation_per_class), strict=True):
            splits[f"{name}/{split}"] = part
    return Manifest(splits)


def split_classes(
    by_class: Mapping[str, Sequence[Record]], validation_per_class: int | None
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Training and validation pictures of one set, both sorted; see :func:`build_manifest`.

    Raises:
        ValueError: for a class with too few pictures.
    """
    if validation_per_class is not None and validation_per_class < 1:
        raise ValueError(
            f"A class must have at least 1 validation picture, got {validation_per_class}: raise "
            "validation_per_class."
        )
    train: list[Record] = []
    validation: list[Record] = []
    for label, records in by_class.items():
        count = validation_per_class or max(len(records) // 5, 1)
        if len(records) <= count:
            raise ValueError(
                f"Class {label!r} must have more than the {count} validation pictures asked for, "
                f"got {len(records)}: lower validation_per_class, or add pictures."
            )
        ranked = sorted(records, key=lambda record: hash_rank(record.id))
        validation += ranked[:count]
        train += ranked[count:]
    return tuple(sorted(train)), tuple(sorted(validation))


def hash_rank(text: str) -> bytes:
    """SHA-256: an order that looks random, and is the same on every machine."""
    return hashlib.sha256(text.encode()).digest()


def class_names(given: Any) -> Any:
    """Names as texts, empty ones left out: numbers on a command line arrive as numbers."""
    return given if isinstance(given, str) else tuple(str(name) for name in given if name != "")


def check_classes(retain: Sequence[str], forget: Sequence[str], known: Sequence[str]) -> None:
    """Refuses classes that cannot be the two sets.

    Raises:
        ValueError: for an empty set, an unknown class, a class in both sets or twice in one.
    """
    for name, classes in zip(SETS, (retain, forget), strict=True):
        check_known(name, classes, known)
    both = sorted(set(retain) & set(forget))
    if both:
        raise ValueError(
            f"A class must be in one set, got {', '.join(both)} in both retain and forget: remove "
            "it from one."
        )


def check_known(name: str, classes: Sequence[str], known: Sequence[str]) -> None:
    """Refuses classes that cannot be the set ``name``.

    Raises:
        ValueError: for an empty set, an unknown class, or a class twice.
    """
    if isinstance(classes, str):
        raise ValueError(
            f"data.{name} must be a tuple of class names, got the text {classes!r}: write "
            f"({classes!r},) for one class."
        )
    if not classes:
        raise ValueError(
            f"The {name} set must have at least one class, got none: add one to data.{name}."
        )
    for label in classes:
        if label not in known:
            near = difflib.get_close_matches(str(label), known, n=1, cutoff=0.0)
            hint = f"did you mean {near[0]!r}?" if near else "no class is left."
            raise ValueError(
                f"data.{name} must name classes of the data set, got {label!r}: {hint}"
            )
    twice = sorted({label for label in classes if list(classes).count(label) > 1})
    if twice:
        raise ValueError(
            f"A class must stand once in data.{name}, got {', '.join(twice)} twice: remove one."
        )
