"""Batches: balanced, shuffled anew each pass, resumed exactly; and the fixed ones."""

import json

import grain
import numpy as np
import pytest

from cu_jax.data import Data, Manifest, MemorySource, evaluation_batches, training_iterator

PICTURES = 50


@pytest.fixture
def numbered():
    # A picture's number is its every pixel, so that a batch says which pictures it holds.
    def source(first):
        number = np.arange(first, first + PICTURES)
        image = np.tile(number.astype(np.uint8)[:, None, None, None], (1, 6, 6, 1))
        return MemorySource(image, number.astype(np.int32))

    sources = {"retain/train": source(0), "forget/train": source(100)}
    return Data(Manifest({}), ("a",), (6, 6, 1), sources)


def _take(iterator, count):
    return [next(iterator) for _ in range(count)]


def _same(left, right):
    for one, two in zip(left, right, strict=True):
        for name in ("retain", "forget"):
            for key in ("image", "label"):
                np.testing.assert_array_equal(one[name][key], two[name][key])


def _numbers(batches, name):
    return np.concatenate([batch[name]["image"][:, 0, 0, 0] for batch in batches])


def test_batches_are_balanced_and_of_their_set(data):
    for batch in _take(training_iterator(data, batch_size=32, seed=0), 20):
        assert list(batch) == ["retain", "forget"]
        for name in batch:
            assert batch[name]["image"].shape == (32, 28, 28, 1)
            assert batch[name]["image"].dtype == np.uint8
            assert batch[name]["label"].shape == (32,) and batch[name]["label"].dtype == np.int32
        assert batch["retain"]["label"].max() <= 4
        assert batch["forget"]["label"].min() >= 5


def test_labels_stay_with_their_pictures(numbered):
    for batch in _take(training_iterator(numbered, batch_size=20, seed=0), 5):
        for name in batch:
            np.testing.assert_array_equal(batch[name]["image"][:, 3, 3, 0], batch[name]["label"])


def test_each_pass_holds_every_picture_once_in_a_new_order(numbered):
    # Two passes of 50 are five batches of 20: the third one holds the end and the beginning.
    batches = _take(training_iterator(numbered, batch_size=20, seed=0), 5)
    for name, first in (("retain", 0), ("forget", 100)):
        one, two = np.split(_numbers(batches, name), 2)
        expected = np.arange(first, first + PICTURES)
        np.testing.assert_array_equal(np.sort(one), expected)
        np.testing.assert_array_equal(np.sort(two), expected)
        assert (one != two).any() and (one != expected).any()
    assert (_numbers(batches, "retain") != _numbers(batches, "forget") - 100).any()


@pytest.mark.parametrize("augment", [None, "affine"])
def test_the_same_seed_gives_the_same_batches(numbered, augment):
    settings = {"batch_size": 20, "augment": augment}
    one, two = (_take(training_iterator(numbered, seed=4, **settings), 6) for _ in range(2))
    _same(one, two)
    other = _take(training_iterator(numbered, seed=9, **settings), 6)
    assert (_numbers(one, "retain") != _numbers(other, "retain")).any()


@pytest.mark.parametrize("augment", [None, "affine"])
@pytest.mark.parametrize("threads", [0, 3])
def test_the_position_restores_exactly(numbered, augment, threads):
    def make():
        return training_iterator(
            numbered, batch_size=20, seed=1, augment=augment, num_threads=threads
        )

    iterator = make()
    _take(iterator, 4)
    state = json.loads(json.dumps(iterator.get_state()))
    rest = _take(iterator, 7)
    fresh = make()
    fresh.set_state(state)
    _same(rest, _take(fresh, 7))
    # Back again, in an iterator that has batches ahead in its buffer.
    iterator.set_state(state)
    _same(rest, _take(iterator, 7))


def test_threads_do_not_change_the_batches(numbered):
    one, two = (
        _take(
            training_iterator(
                numbered, batch_size=20, seed=1, augment="affine", num_threads=threads
            ),
            8,
        )
        for threads in (0, 4)
    )
    _same(one, two)


def test_grains_own_checkpoint_handler_takes_the_iterator(numbered, tmp_path):
    handler = grain.checkpoint.CheckpointHandler()
    iterator = training_iterator(numbered, batch_size=20, seed=1)
    _take(iterator, 3)
    handler.save(tmp_path, item=iterator)
    rest = _take(iterator, 3)
    fresh = training_iterator(numbered, batch_size=20, seed=1)
    _same(rest, _take(handler.restore(tmp_path, item=fresh), 3))


def test_augmentation_changes_pixels_and_not_the_order(data):
    plain, changed = (
        next(training_iterator(data, batch_size=16, seed=2, augment=augment))
        for augment in (None, "affine")
    )
    for name in plain:
        np.testing.assert_array_equal(plain[name]["label"], changed[name]["label"])
        differs = (plain[name]["image"] != changed[name]["image"]).any((1, 2, 3))
        assert differs.all()
        # Small maps of digits inside the frame: about as much ink as before.
        ratio = changed[name]["image"].mean() / plain[name]["image"].mean()
        assert 0.8 < ratio < 1.25


def test_augmentation_differs_from_pass_to_pass(numbered):
    one, two = _take(training_iterator(numbered, batch_size=PICTURES, seed=0, augment="affine"), 2)
    one, two = (
        batch["forget"]["image"][np.argsort(batch["forget"]["label"])] for batch in (one, two)
    )
    assert (one != two).any((1, 2, 3)).mean() > 0.9


@pytest.mark.parametrize("augment", [None, "affine"])
def test_processes_read_parts_that_are_the_whole_batch(data, augment):
    settings = {"batch_size": 12, "seed": 3, "augment": augment}
    whole = _take(training_iterator(data, **settings), 3)
    parts = [
        _take(training_iterator(data, rows=slice(start, start + 4), **settings), 3)
        for start in (0, 4, 8)
    ]
    for batch, *shares in zip(whole, *parts, strict=True):
        for name in batch:
            assert shares[0][name]["image"].shape[0] == 4
            for key in ("image", "label"):
                joined = np.concatenate([share[name][key] for share in shares])
                np.testing.assert_array_equal(joined, batch[name][key])


def test_a_process_gathers_its_part_alone(numbered):
    asked = []

    class Counting(MemorySource):
        def gather(self, indices):
            asked.append(len(indices))
            return super().gather(indices)

    old = numbered.source("retain", "train")
    source = Counting(old.image, old.label)
    for batch in evaluation_batches(source, 20, rows=slice(5, 10)):
        assert batch["image"].shape[0] == batch["weight"].shape[0] == 5
    assert asked == [5, 5, 5]
    sources = numbered.sources | {"retain/train": source}
    data = Data(Manifest({}), ("a",), (6, 6, 1), sources)
    del asked[:]
    next(training_iterator(data, batch_size=20, seed=0, rows=slice(5, 10), num_threads=0))
    assert asked and set(asked) == {5}


def test_evaluation_batches_hold_everything_once_in_order(data):
    source = data.source("forget", "validation")
    batches = list(evaluation_batches(source, 64))
    assert len(batches) == 8
    assert {batch["image"].shape for batch in batches} == {(64, 28, 28, 1)}
    weight = np.concatenate([batch["weight"] for batch in batches])
    assert weight.dtype == np.float32 and weight.tolist() == [1.0] * 500 + [0.0] * 12
    everything = source.gather(np.arange(500))
    for key, value in everything.items():
        found = np.concatenate([batch[key] for batch in batches])[weight > 0]
        np.testing.assert_array_equal(found, value)
        assert found.dtype == value.dtype


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"batch_size": 51},
            "A batch must hold 1 to 50 pictures of each set, as many as the larger training set "
            "has, got 51: change batch_size.",
        ),
        (
            {"batch_size": 8, "augment": "afine"},
            "The augmentation must be None or one of affine, random_crop, got 'afine': correct its "
            "name.",
        ),
        (
            {"batch_size": 8, "augment": "random_crop"},
            "The augmentation of these pictures must be None or affine, got 'random_crop': change "
            "it.",
        ),
    ],
)
def test_mistakes_are_explained(numbered, settings, sentence):
    with pytest.raises(ValueError) as error:
        training_iterator(numbered, seed=0, **settings)
    assert str(error.value) == sentence


def test_an_empty_evaluation_batch_is_refused(numbered):
    with pytest.raises(ValueError, match="at least 1 picture, got 0: change batch_size"):
        next(evaluation_batches(numbered.source("retain", "train"), 0))
