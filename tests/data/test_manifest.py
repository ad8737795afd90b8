"""The manifest: who is in which set and split, the same on every machine."""

import dataclasses
import hashlib
import json
import tracemalloc

import pytest

from cu_jax.data import SETS, SPLITS, Manifest, Record, build_manifest, open_data

# Changes only if the pictures or the split change; then weights trained before have seen some of
# the new validation pictures.
FROZEN = "ec1c705309a060b8e107a288940f57ec946039b673fd2a5002a0a92266b3f503"


def _records(count=12, classes=("cat", "dog", "owl")):
    return [
        Record(f"r{index:02d}", classes[index % len(classes)], index, f"pixels{index}")
        for index in range(count)
    ]


def _build(records=None, **changes):
    settings = {
        "retain": ("cat",),
        "forget": ("dog",),
        "class_names": ("cat", "dog", "owl"),
        "validation_per_class": 1,
    }
    return build_manifest(_records() if records is None else records, **(settings | changes))


def test_the_real_manifest_is_frozen(data):
    assert data.manifest.hash == FROZEN


def test_the_real_counts(data):
    counts = {key: len(records) for key, records in data.manifest.splits.items()}
    assert counts == {
        "retain/train": 2000,
        "retain/validation": 500,
        "forget/train": 2000,
        "forget/validation": 500,
    }
    for name, digits in (("retain", "01234"), ("forget", "56789")):
        for split, each in (("train", 400), ("validation", 100)):
            labels = [record.label for record in data.manifest.records(name, split)]
            assert {digit: labels.count(digit) for digit in labels} == dict.fromkeys(digits, each)


def test_no_picture_is_in_two_places(data):
    ids = [record.id for records in data.manifest.splits.values() for record in records]
    assert len(set(ids)) == len(ids) == 5000
    indices = [record.index for records in data.manifest.splits.values() for record in records]
    assert sorted(indices) == list(range(5000))


def test_a_second_opening_is_the_same(data, config):
    assert open_data(config(), (28, 28, 1)).manifest == data.manifest


def test_validation_is_the_smallest_hashes():
    manifest = _build()
    cats = sorted(
        (record for record in _records() if record.label == "cat"),
        key=lambda record: hashlib.sha256(record.id.encode()).hexdigest(),
    )
    assert manifest.records("retain", "validation") == (cats[0],)
    assert set(manifest.records("retain", "train")) == set(cats[1:])
    assert "owl" not in manifest.to_json()


def test_the_order_of_records_and_classes_does_not_matter():
    both = {"forget": ("dog", "owl")}
    expected = _build(**both)
    assert _build(_records()[::-1], **both) == expected
    assert _build(forget=("owl", "dog")).hash == expected.hash


def test_the_hash_sees_pixels_labels_and_sets_but_not_places():
    base = _build().hash
    changed = _records()
    changed[0] = dataclasses.replace(changed[0], sha256="other")
    assert _build(changed).hash != base
    assert _build(retain=("dog",), forget=("cat",)).hash != base
    moved = [dataclasses.replace(record, index=record.index + 7) for record in _records()]
    assert _build(moved).hash == base


def test_json_returns_the_same_and_is_sorted(data):
    text = data.manifest.to_json()
    assert Manifest.from_json(text) == data.manifest
    tree = json.loads(text)
    assert text == json.dumps(tree, sort_keys=True)
    for name in SETS:
        for split in SPLITS:
            ids = [record["id"] for record in tree["splits"][f"{name}/{split}"]]
            assert ids == sorted(ids)


def test_changed_json_is_refused():
    text = _build().to_json()
    with pytest.raises(ValueError, match="must have the hash it names"):
        Manifest.from_json(text.replace('"r00"', '"r99"'))
    with pytest.raises(ValueError, match="must be JSON with a hash and splits"):
        Manifest.from_json("{}")
    with pytest.raises(ValueError, match="an entry is no record"):
        Manifest.from_json(text.replace('"sha256"', '"sha512"', 1))


def test_a_million_records_fit_into_memory():
    count = 20_000
    many = [Record(f"train/n01/n01_{i:07d}", f"n{i % 2}", i, f"{i:064d}") for i in range(count)]
    text = Manifest({"retain/train": tuple(many)}).to_json()
    del many
    tracemalloc.start()
    manifest = Manifest.from_json(text)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now < 350 * count  # a record's two texts take 230 bytes, its fields 64 and its index 32
    assert peak < now + 450 * count  # the JSON text that is hashed, and its parts
    assert len({id(record.label) for record in manifest.records("retain", "train")}) == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"forget": ()},
            "The forget set must have at least one class, got none: add one to data.forget.",
        ),
        (
            {"forget": ("dogs",)},
            "data.forget must name classes of the data set, got 'dogs': did you mean 'dog'?",
        ),
        (
            {"retain": ("cat", "dog")},
            "A class must be in one set, got dog in both retain and forget: remove it from one.",
        ),
        (
            {"retain": ("cat", "cat")},
            "A class must stand once in data.retain, got cat twice: remove one.",
        ),
        (
            {"retain": "cat"},
            "data.retain must be a tuple of class names, got the text 'cat': write ('cat',) for "
            "one class.",
        ),
        (
            {"validation_per_class": 4},
            "Class 'cat' must have more than the 4 validation pictures asked for, got 4: lower "
            "validation_per_class, or add pictures.",
        ),
        (
            {"validation_per_class": 0},
            "A class must have at least 1 validation picture, got 0: raise validation_per_class.",
        ),
    ],
)
def test_mistakes_are_explained(changes, sentence):
    with pytest.raises(ValueError) as error:
        _build(**changes)
    assert str(error.value) == sentence
