"""Names of classes that come with packages: of the data sets, and the predecessor's choices."""

import functools
import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path

import tensorflow_datasets as tfds

FAMILIES = ("imagenet", "places365")
"""The data sets that have named splits, in whatever form their files come."""


def class_names(family: str) -> tuple[str, ...]:
    """All classes of a data set, in its own order, from the lists inside TFDS.

    Args:
        family: one of ``FAMILIES``.

    Returns:
        1,000 WordNet ids, or 365 names of places.

    Example:
        >>> class_names("imagenet")[0], class_names("places365")[5]
        ('n01440764', 'amphitheater')
    """
    lists = {
        "imagenet": "datasets/imagenet2012/labels.txt",
        "places365": "image_classification/categories_places365.txt",
    }
    return tuple(_shipped(lists[family]))


@functools.cache
def imagenet_validation() -> Mapping[str, tuple[int, ...]]:
    """Numbers of ImageNet's validation pictures by class, from the list inside TFDS.

    Returns:
        For each class its 50 numbers, from 1 to 50,000, ascending.

    Example:
        >>> imagenet_validation()["n01440764"][:2]
        (293, 2138)
    """
    numbers: dict[str, list[int]] = {name: [] for name in class_names("imagenet")}
    for number, label in enumerate(
        _shipped("datasets/imagenet2012/validation_labels.txt"), start=1
    ):
        numbers[label].append(number)
    return {label: tuple(found) for label, found in numbers.items()}


def predecessor_classes(family: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The classes of the predecessor's experiments.

    Args:
        family: one of ``FAMILIES``.

    Returns:
        Names of the classes to retain, to forget, and of the proxies that may stand in for those
        to retain, which are all others.

    Example:
        >>> retain, forget, proxies = predecessor_classes("places365")
        >>> retain[0], len(retain), len(forget), len(proxies)
        ('badlands', 50, 50, 265)
    """
    file = {"imagenet": "imagenet200.json", "places365": "places365.json"}[family]
    text = (importlib.resources.files("cu_jax.data.published") / "classes" / file).read_text()
    # /b/bakery/shop is how Places' own lists write bakery/shop.
    retain, forget = (
        tuple(name.split("/", 2)[-1] for name in json.loads(text)[key])
        for key in ("retain", "forget")
    )
    taken = {*retain, *forget}
    return retain, forget, tuple(name for name in class_names(family) if name not in taken)


def _shipped(name: str) -> list[str]:
    return Path(tfds.core.tfds_path(name)).read_text().split()
