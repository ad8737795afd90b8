"""Named splits: which classes and pictures of ImageNet-1K or Places365 an experiment is about.

Choices are made by SHA-256 of names, so they are the same on every machine and in every form that
the files come in.
"""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from cu_jax.data.class_lists import FAMILIES, class_names, predecessor_classes

SPLIT_NAMES = ("paper", "predecessor", "predecessor_proxy")


class _Counts(NamedTuple):
    classes: int  # of each set
    train: int  # training pictures of each class
    validation: int  # validation pictures of each class


# Note: the paper states 5,000 + 500 pictures of each class of Places365. Places365-Standard has
# 3,068 to 5,000 training pictures and 100 validation pictures, so 5,000 are split 4,500 + 500.
_DEFAULTS = {
    ("imagenet", "paper"): _Counts(100, 100, 50),
    ("imagenet", "predecessor"): _Counts(100, 120, 50),
    ("imagenet", "predecessor_proxy"): _Counts(100, 120, 50),
    ("places365", "paper"): _Counts(50, 4500, 500),
    ("places365", "predecessor"): _Counts(50, 5000, 100),
    ("places365", "predecessor_proxy"): _Counts(50, 200, 100),
}


@runtime_checkable
class Named(Protocol):
    """What can be chosen: a picture with a name that is the same on every machine."""

    @property
    def id(self) -> str:
        """The stable name."""
        ...


P = TypeVar("P", bound=Named)


def split_name(
    split: str = "paper",
    seed: int = 0,
    classes_per_set: int | None = None,
    train_per_class: int | None = None,
    validation_per_class: int | None = None,
) -> str:
    """The name of a split with everything that makes it another one.

    Args:
        split: one of ``SPLIT_NAMES``.
        seed: of the choice of classes and pictures.
        classes_per_set: classes to retain and as many to forget; None: the split's own number.
        train_per_class: training pictures of each class; None: the split's own number.
        validation_per_class: validation pictures of each class; None: the split's own number.

    Returns:
        The name.

    Example:
        >>> split_name("paper"), split_name("paper", 3), split_name("paper", 3, 2, 4, 2)
        ('paper', 'paper_s3', 'paper_c2_t4_v2_s3')
    """
    counts = (("c", classes_per_set), ("t", train_per_class), ("v", validation_per_class))
    parts = [f"_{letter}{count}" for letter, count in counts if count is not None]
    return split + "".join(parts) + (f"_s{seed}" if seed else "")


@dataclasses.dataclass(frozen=True)
class NamedSplit:
    """A named split of one data set.

    Attributes:
        family: the data set, ``imagenet`` or ``places365``.
        split: ``paper`` (seeded choice of classes), ``predecessor`` (its fixed lists) or
            ``predecessor_proxy`` (the same, with pictures of other classes to train on in the place
            of those to retain).
        seed: of the choice of classes and pictures.
        classes_per_set: None for the split's own number; so for the next two.
        train_per_class: training pictures of each class.
        validation_per_class: validation pictures of each class.

    Raises:
        ValueError: for an unknown name or a number that is too small or too large.

    Example:
        >>> NamedSplit("imagenet", "paper", seed=3, classes_per_set=2).name
        'paper_c2_s3'
    """

    family: str
    split: str = "paper"
    seed: int = 0
    classes_per_set: int | None = None
    train_per_class: int | None = None
    validation_per_class: int | None = None

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(
                f"Named splits are those of {', '.join(FAMILIES)}, got {self.family!r}: correct "
                "the name."
            )
        if self.split not in SPLIT_NAMES:
            raise ValueError(
                f"A split must be one of {', '.join(SPLIT_NAMES)}, got {self.split!r}: correct the "
                "name."
            )
        if self.seed < 0:
            raise ValueError(f"The seed of a split must be at least 0, got {self.seed}: raise it.")
        for field in ("classes_per_set", "train_per_class", "validation_per_class"):
            if (count := getattr(self, field)) is not None and count < 1:
                raise ValueError(f"{field} must be at least 1, got {count}: raise it.")
        most = len(class_names(self.family)) // 2 if self.split == "paper" else self._own.classes
        if self.counts.classes > most:
            raise ValueError(
                f"The split {self.split} of {self.family} must have at most {most} classes in each "
                f"set, got {self.counts.classes}: lower classes_per_set."
            )

    @classmethod
    def from_name(cls, family: str, name: str) -> "NamedSplit":
        """The inverse of ``name``.

        Args:
            family: the data set.
            name: as ``split_name`` has it.

        Returns:
            The split.

        Raises:
            ValueError: for another name.

        Example:
            >>> NamedSplit.from_name("imagenet", "paper_c2_s3").classes_per_set
            2
        """
        pattern = rf"({'|'.join(SPLIT_NAMES)})(?:_c(\d+))?(?:_t(\d+))?(?:_v(\d+))?(?:_s(\d+))?"
        match = re.fullmatch(pattern, name)
        if match is None:
            raise ValueError(
                f"A split's name must be one of {', '.join(SPLIT_NAMES)}, with _c, _t, _v and _s "
                f"and numbers where its own are changed, got {name!r}: correct it."
            )
        split, *numbers = match.groups()
        classes, train, held_out, seed = (int(one) if one else None for one in numbers)
        return cls(family, split, seed or 0, classes, train, held_out)

    @property
    def name(self) -> str:
        """As ``split_name`` has it."""
        return split_name(
            self.split,
            self.seed,
            self.classes_per_set,
            self.train_per_class,
            self.validation_per_class,
        )

    @property
    def counts(self) -> _Counts:
        """Classes of each set, and training and validation pictures of each class."""
        given = (self.classes_per_set, self.train_per_class, self.validation_per_class)
        pairs = zip(given, self._own, strict=True)
        return _Counts(*(own if count is None else count for count, own in pairs))

    @property
    def _own(self) -> _Counts:
        return _DEFAULTS[self.family, self.split]


def choose(
    split: NamedSplit,
    training: Callable[[str], Sequence[P]],
    validation: Callable[[str], Sequence[P]],
    watch: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> dict[str, list[P]]:
    """The pictures of a split.

    Args:
        split: which.
        training: lists the training pictures of a class; asked once for each class that is needed.
        validation: the same for the data set's own validation pictures.
        watch: what the names of classes are passed through, to show progress.

    Returns:
        ``"retain/train"`` and so on to pictures, sorted by id, which is by class.

    Raises:
        ValueError: if a class has too few pictures.
    """
    chosen = _from_one_pool if _validates_on_training(split) else _from_two_pools
    sets = chosen(split, training, validation, watch)
    return {key: sorted(pictures, key=lambda one: one.id) for key, pictures in sets.items()}


def _labels(split: NamedSplit) -> tuple[list[str], list[str], list[str]]:
    """Classes of a split in the order in which they are taken: to retain, to forget, proxies."""
    count = split.counts.classes
    if split.split == "paper":
        ranked = _ranked_classes(split, class_names(split.family))
        # Every other one, so that fewer classes of each set are some of the more.
        return ranked[1::2][:count], ranked[0::2][:count], []
    retain, forget, proxies = predecessor_classes(split.family)
    few = -(-len(proxies) * count // len(forget)) if split.split == "predecessor_proxy" else 0
    return (
        _ranked_classes(split, retain)[:count],
        _ranked_classes(split, forget)[:count],
        _ranked_classes(split, proxies)[:few],
    )


def _validates_on_training(split: NamedSplit) -> bool:
    return (split.family, split.split) == ("places365", "paper")


def _from_two_pools(
    split: NamedSplit,
    training: Callable[[str], Sequence[P]],
    validation: Callable[[str], Sequence[P]],
    watch: Callable[[Iterable[str]], Iterable[str]],
) -> dict[str, list[P]]:
    """The predecessor's and ImageNet's way: validation pictures are the data set's own."""
    retain, forget, proxies = _labels(split)
    _, train, held_out = split.counts
    at_most = (split.family, split.split) == ("places365", "predecessor")
    each = dict.fromkeys([*(proxies or retain), *forget], train)
    if proxies and split.family == "imagenet":
        # As many pictures as the forget set has: 15 of each of 800 classes for 120 of 100.
        each |= dict.fromkeys(proxies, -(-train * len(forget) // len(proxies)))
    trained = {
        label: _first(split, label, training(label), each[label], "training", at_most)
        for label in watch(sorted(each))
    }
    validated = {
        label: _first(split, label, validation(label), held_out, "validation")
        for label in sorted([*retain, *forget])
    }
    return {
        "retain/train": [one for label in proxies or retain for one in trained[label]],
        "retain/validation": [one for label in retain for one in validated[label]],
        "forget/train": [one for label in forget for one in trained[label]],
        "forget/validation": [one for label in forget for one in validated[label]],
    }


def _from_one_pool(
    split: NamedSplit,
    training: Callable[[str], Sequence[P]],
    validation: Callable[[str], Sequence[P]],
    watch: Callable[[Iterable[str]], Iterable[str]],
) -> dict[str, list[P]]:
    """The paper's Places365: classes that have enough training pictures for both splits."""
    classes, train, held_out = split.counts
    found: list[list[P]] = []
    candidates = _ranked_classes(split, class_names(split.family))

    def wanted() -> Iterator[str]:
        for label in candidates:
            if len(found) == 2 * classes:
                return
            yield label

    for label in watch(wanted()):
        pictures = training(label)
        if len(pictures) >= train + held_out:
            found.append(_ranked_pictures(split, pictures))
    if len(found) < 2 * classes:
        raise ValueError(
            f"The split {split.name} of {split.family} must have {2 * classes} classes with at "
            f"least {train + held_out} training pictures, got {len(found)}: complete the data, or "
            "lower the numbers of classes or pictures."
        )
    sets = {"retain": found[1::2], "forget": found[0::2]}
    taken = {"train": slice(-train, None), "validation": slice(0, held_out)}
    return {
        f"{name}/{part}": [one for pictures in lists for one in pictures[where]]
        for name, lists in sets.items()
        for part, where in taken.items()
    }


def _first(
    split: NamedSplit,
    label: str,
    pictures: Sequence[P],
    count: int,
    kind: str,
    at_most: bool = False,
) -> list[P]:
    least = 1 if at_most else count
    if len(pictures) < least:
        raise ValueError(
            f"Class {label} must have at least {least} {kind} pictures for the split {split.name}, "
            f"got {len(pictures)}: complete the data, or ask for fewer."
        )
    return _ranked_pictures(split, pictures)[:count]


def _ranked_classes(split: NamedSplit, labels: Iterable[str]) -> list[str]:
    salt = f"class/{split.family}/{split.seed}/"
    return sorted(labels, key=lambda label: hashlib.sha256((salt + label).encode()).digest())


def _ranked_pictures(split: NamedSplit, pictures: Iterable[P]) -> list[P]:
    salt = f"picture/{split.seed}/"
    return sorted(pictures, key=lambda one: hashlib.sha256((salt + one.id).encode()).digest())
