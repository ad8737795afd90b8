"""Which classes and pictures a named split has.

Choices are made by SHA-256 of names, so they are the same on every machine and in every form that
the files come in.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from cu_jax.data.published.class_lists import class_names, predecessor_classes
from cu_jax.data.published.splits import NamedSplit


@runtime_checkable
class Named(Protocol):
    """What can be chosen: a picture with a name that is the same on every machine."""

    @property
    def id(self) -> str:
        """The stable name."""
        ...


P = TypeVar("P", bound=Named)


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


def chosen_classes(split: NamedSplit) -> tuple[list[str], list[str], list[str]]:
    """The classes of a split whose validation pictures are the data set's own.

    Args:
        split: which; the paper's split of Places365 looks at pictures, and is none of these.

    Returns:
        Classes to retain, to forget, and proxies to train on in the place of those to retain.

    Example:
        >>> chosen_classes(NamedSplit("imagenet", classes_per_set=1))
        (['n04367480'], ['n01630670'], [])
    """
    count = split.counts.classes
    if split.split == "paper":
        ranked = ranked_classes(split, class_names(split.family))
        # Every other one, so that fewer classes of each set are some of the more.
        return ranked[1::2][:count], ranked[0::2][:count], []
    retain, forget, proxies = predecessor_classes(split.family)
    few = -(-len(proxies) * count // len(forget)) if split.split == "predecessor_proxy" else 0
    return (
        ranked_classes(split, retain)[:count],
        ranked_classes(split, forget)[:count],
        ranked_classes(split, proxies)[:few],
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
    retain, forget, proxies = chosen_classes(split)
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
    candidates = ranked_classes(split, class_names(split.family))

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


def ranked_classes(split: NamedSplit, labels: Iterable[str]) -> list[str]:
    """Classes in the order in which a split takes them.

    Args:
        split: whose seed decides.
        labels: their names.

    Returns:
        The names in that order.

    Example:
        >>> ranked_classes(NamedSplit("places365"), ["lagoon", "coast", "beach"])
        ['beach', 'coast', 'lagoon']
    """
    salt = f"class/{split.family}/{split.seed}/"
    return sorted(labels, key=lambda label: hashlib.sha256((salt + label).encode()).digest())


def _ranked_pictures(split: NamedSplit, pictures: Iterable[P]) -> list[P]:
    salt = f"picture/{split.seed}/"
    return sorted(pictures, key=lambda one: hashlib.sha256((salt + one.id).encode()).digest())
