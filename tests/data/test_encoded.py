"""Crops and batches of picture files: functions of seed, picture and pass alone."""

import json
import shutil

import numpy as np
import pytest

from cu_jax.data import RANDOM_CROP, EncodedSource, training_iterator


def test_crops_depend_on_seed_picture_and_pass_alone(opened):
    source = opened(forget=("cat",)).source("retain", "train")
    assert isinstance(source, EncodedSource)
    index, epoch = np.array([3, 0, 7]), np.array([0, 5, 1])
    together = source.random_crops(index, epoch, 1)["image"]
    for place in range(3):
        alone = source.random_crops(index[place : place + 1], epoch[place : place + 1], 1)
        np.testing.assert_array_equal(alone["image"][0], together[place])
    for changed in (source.random_crops(index, epoch + 1, 1), source.random_crops(index, epoch, 2)):
        assert (changed["image"] != together).any((1, 2, 3)).all()


def _batches(data, count, **settings):
    iterator = training_iterator(data, seed=3, augment=RANDOM_CROP, **settings)
    return iterator, [next(iterator) for _ in range(count)]


def test_any_number_of_threads_and_any_resume_give_the_same_crops(opened):
    data = opened(forget=("cat",))
    _, one = _batches(data, 7, batch_size=4, num_threads=0)
    iterator, two = _batches(data, 4, batch_size=4, num_threads=4)
    fresh, _ = _batches(data, 0, batch_size=4, num_threads=2)
    fresh.set_state(json.loads(json.dumps(iterator.get_state())))
    two += [next(fresh) for _ in range(3)]
    for left, right in zip(one, two, strict=True):
        for name in ("retain", "forget"):
            for key in ("image", "label"):
                np.testing.assert_array_equal(left[name][key], right[name][key])


def test_the_batch_size_does_not_change_the_crops(opened):
    """Five pictures to forget: in passes 0 and 1, whatever the batches they come in."""
    data = opened(forget=("cat",))
    small, large = (
        np.concatenate([batch["forget"]["image"] for batch in _batches(data, n, batch_size=b)[1]])
        for n, b in ((10, 1), (2, 5))
    )
    np.testing.assert_array_equal(small, large)
    assert (small[:5] != small[5:]).any()


def test_a_few_pictures_to_forget_fill_a_batch_by_turns(opened, tmp_path):
    (tmp_path / "requests.txt").write_text("cat/3.jpg\ndog/0.jpg\n")
    data = opened(forget_files=str(tmp_path / "requests.txt"))
    _, (batch, *_) = _batches(data, 1, batch_size=6)
    labels = [data.class_names[label] for label in batch["forget"]["label"]]
    assert sorted(labels) == ["cat"] * 3 + ["dog"] * 3
    images = batch["forget"]["image"]
    assert len({image.tobytes() for image in images}) == 6  # other crops in each pass


def test_digits_distortions_are_refused_for_files(opened):
    with pytest.raises(ValueError, match="must be None or random_crop, got 'affine': change it"):
        training_iterator(opened(forget=("cat",)), batch_size=4, seed=0, augment="affine")


def test_a_picture_that_changes_meanwhile_is_named(opened, pictures, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    source = opened(folder=str(mine), forget=("cat",)).source("forget", "train")
    for path in (mine / "cat").glob("*.jpg"):
        path.write_text("text")
    with pytest.raises(ValueError, match=r"must stay as it is while it is used, and cat/\d.jpg"):
        source.gather(np.arange(3))
    shutil.rmtree(mine / "cat")
    with pytest.raises(ValueError, match=r"and cat/\d.jpg cannot be read \(.*No such file"):
        source.gather(np.arange(3))
