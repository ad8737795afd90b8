"""Named splits of ImageNet-1K and Places365: their names, seeds and counts."""

import dataclasses
import re
from typing import NamedTuple

from cu_jax.data.published.class_lists import FAMILIES, class_names

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
