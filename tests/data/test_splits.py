"""Named splits: counts, fixed choices, and names that say what was changed."""

from collections import Counter
from typing import NamedTuple

import pytest

from cu_jax.data.published.choosing import choose
from cu_jax.data.published.class_lists import class_names, imagenet_validation, predecessor_classes
from cu_jax.data.published.splits import NamedSplit, split_name


class Item(NamedTuple):
    id: str
    label: str


def pool(kind, count):
    """Lists so many pictures of any class, or as many as a function of the class says."""
    size = count if callable(count) else lambda label: count
    return lambda label: [Item(f"{kind}/{label}/{n}", label) for n in range(size(label))]


def chosen(split, training=130, validation=50):
    return choose(split, pool("train", training), pool("val", validation))


def per_class(pictures):
    return Counter(one.label for one in pictures)


def ids(found):
    return {key: [one.id for one in pictures] for key, pictures in found.items()}


def test_the_papers_imagenet():
    found = chosen(NamedSplit("imagenet"))
    retain, forget = (per_class(found[f"{name}/train"]) for name in ("retain", "forget"))
    assert len(retain) == len(forget) == 100 and not retain.keys() & forget.keys()
    assert set(retain.values()) == set(forget.values()) == {100}
    for name, classes in (("retain", retain), ("forget", forget)):
        held_out = found[f"{name}/validation"]
        assert per_class(held_out) == dict.fromkeys(classes, 50)
        assert all(one.id.startswith("val/") for one in held_out)
    for pictures in found.values():
        assert pictures == sorted(pictures)


def test_the_papers_places_are_classes_with_5000_training_pictures_split_in_two():
    enough = set(class_names("places365")[5:])
    found = chosen(NamedSplit("places365"), lambda label: 5000 if label in enough else 4999, 100)
    taken = set()
    for name in ("retain", "forget"):
        train, held_out = found[f"{name}/train"], found[f"{name}/validation"]
        assert set(per_class(train).values()) == {4500}
        assert per_class(held_out) == dict.fromkeys(per_class(train), 500)
        assert not set(train) & set(held_out)
        assert len(per_class(train)) == 50 and per_class(train).keys() <= enough
        taken |= per_class(train).keys()
    assert len(taken) == 100


def test_the_predecessors_imagenet():
    found = chosen(NamedSplit("imagenet", "predecessor"))
    retain, forget, proxies = predecessor_classes("imagenet")
    assert (len(retain), len(forget), len(proxies)) == (100, 100, 800)
    assert forget[0] == "n01443537" and retain[0] == "n02437616"
    assert per_class(found["retain/train"]) == dict.fromkeys(retain, 120)
    assert per_class(found["forget/validation"]) == dict.fromkeys(forget, 50)


def test_the_predecessors_places_take_what_there_is_up_to_5000():
    found = chosen(NamedSplit("places365", "predecessor"), lambda label: 3000 + len(label), 100)
    retain, forget, _ = predecessor_classes("places365")
    assert per_class(found["forget/train"]) == {label: 3000 + len(label) for label in forget}
    assert per_class(found["retain/validation"]) == dict.fromkeys(retain, 100)
    more = chosen(NamedSplit("places365", "predecessor", classes_per_set=1), 5001, 100)
    assert set(per_class(more["retain/train"]).values()) == {5000}


def test_proxies_stand_in_for_the_retained():
    found = chosen(NamedSplit("imagenet", "predecessor_proxy"), 130)
    retain, forget, proxies = predecessor_classes("imagenet")
    assert per_class(found["retain/train"]) == dict.fromkeys(proxies, 15)
    assert per_class(found["forget/train"]) == dict.fromkeys(forget, 120)
    assert per_class(found["retain/validation"]) == dict.fromkeys(retain, 50)
    found = chosen(NamedSplit("places365", "predecessor_proxy"), 210, 100)
    retain, forget, proxies = predecessor_classes("places365")
    assert per_class(found["retain/train"]) == dict.fromkeys(proxies, 200)
    assert len(proxies) == 265
    assert per_class(found["forget/train"]) == dict.fromkeys(forget, 200)
    assert per_class(found["retain/validation"]) == dict.fromkeys(retain, 100)


def test_a_choice_is_the_same_everywhere_and_another_with_another_seed():
    few = {"classes_per_set": 2, "train_per_class": 2, "validation_per_class": 1}
    first = ids(chosen(NamedSplit("imagenet", **few)))
    # Frozen: whatever changes these changes every experiment on these splits.
    assert first == {
        "retain/train": [
            "train/n03388043/103",
            "train/n03388043/5",
            "train/n04367480/106",
            "train/n04367480/124",
        ],
        "retain/validation": ["val/n03388043/18", "val/n04367480/48"],
        "forget/train": [
            "train/n01630670/105",
            "train/n01630670/126",
            "train/n04204238/22",
            "train/n04204238/51",
        ],
        "forget/validation": ["val/n01630670/8", "val/n04204238/48"],
    }
    other = ids(chosen(NamedSplit("imagenet", seed=1, **few)))
    assert not set(other["retain/train"]) & set(first["retain/train"])


@pytest.mark.parametrize("split", ["paper", "predecessor", "predecessor_proxy"])
@pytest.mark.parametrize("family", ["imagenet", "places365"])
def test_fewer_are_some_of_more_and_the_order_of_files_is_nothing(family, split):
    more = {"classes_per_set": 4, "train_per_class": 6, "validation_per_class": 3}
    few = {"classes_per_set": 2, "train_per_class": 3, "validation_per_class": 1}
    large = ids(chosen(NamedSplit(family, split, **more), 20, 10))
    small = ids(chosen(NamedSplit(family, split, **few), 20, 10))
    for key, names in small.items():
        assert names and set(names) < set(large[key])
    backwards = choose(
        NamedSplit(family, split, **more),
        lambda label: pool("train", 20)(label)[::-1],
        lambda label: pool("val", 10)(label)[::-1],
    )
    assert ids(backwards) == large


def test_lists_of_tfds_and_of_the_predecessor_agree():
    assert len(class_names("imagenet")) == 1000 and len(class_names("places365")) == 365
    assert {len(numbers) for numbers in imagenet_validation().values()} == {50}
    assert sorted(n for ns in imagenet_validation().values() for n in ns) == [*range(1, 50001)]
    for family in ("imagenet", "places365"):
        together = [name for names in predecessor_classes(family) for name in names]
        assert sorted(together) == sorted(class_names(family))


def test_names_say_what_was_changed():
    changed = NamedSplit("places365", "predecessor_proxy", 12, 3, None, 1)
    assert changed.name == "predecessor_proxy_c3_v1_s12"
    assert NamedSplit.from_name("places365", changed.name) == changed
    assert split_name("predecessor", 0, None, 7) == "predecessor_t7"
    with pytest.raises(ValueError, match="^A split's name must be one of paper, .* got 'papers':"):
        NamedSplit.from_name("imagenet", "papers")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"split": "papers"}, "A split must be one of paper, predecessor, .* got 'papers'"),
        ({"family": "cifar"}, "Named splits are those of imagenet, places365, got 'cifar'"),
        ({"seed": -1}, "The seed of a split must be at least 0, got -1"),
        ({"train_per_class": 0}, "train_per_class must be at least 1, got 0"),
        ({"classes_per_set": 501}, "at most 500 classes in each set, got 501"),
        ({"split": "predecessor", "classes_per_set": 101}, "at most 100 classes in each set"),
    ],
)
def test_impossible_splits_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        NamedSplit(**({"family": "imagenet"} | settings))


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match=r"^Class n\d+ must have at least 100 training pictures"):
        chosen(NamedSplit("imagenet"), 99)
    with pytest.raises(ValueError, match=r"at least 50 validation .* got 49: complete"):
        chosen(NamedSplit("imagenet"), validation=49)
    with pytest.raises(ValueError, match=r"must have 100 classes .* 5000 training .* got 0:"):
        choose(NamedSplit("places365"), lambda label: [Item("a", "b")] * 4999, pool("val", 100))
    with pytest.raises(ValueError, match=r"^Class \S+ must have at least 1 training .* got 0:"):
        chosen(NamedSplit("places365", "predecessor"), 0, 100)
