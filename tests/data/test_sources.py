"""Opening a data set: pictures by set and split, and the pixels' statistics."""

import hashlib

import numpy as np
import pytest

from cu_jax.data import SETS, SPLITS, Data, Manifest, MemorySource, open_data


def test_sources_hold_the_manifests_pictures_in_its_order(data):
    assert data.class_names == tuple("0123456789") and data.image_shape == (28, 28, 1)
    for name in SETS:
        for split in SPLITS:
            source, records = data.source(name, split), data.manifest.records(name, split)
            assert len(source) == len(records)
            for index, record in enumerate(records):
                picture = source[index]
                assert data.class_names[picture["label"]] == record.label
                digest = hashlib.sha256(picture["image"].tobytes()).hexdigest()
                assert digest == record.sha256


def test_without_the_cache_pictures_are_the_same(data, config):
    stored = open_data(config(cache_in_memory=False))
    assert stored.manifest == data.manifest
    indices = np.array([3, 499, 0])
    for name in SETS:
        left = stored.source(name, "validation")
        right = data.source(name, "validation")
        assert len(left) == len(right)
        for key, value in right.gather(indices).items():
            np.testing.assert_array_equal(left.gather(indices)[key], value)
            assert left.gather(indices)[key].dtype == value.dtype
        np.testing.assert_array_equal(left[7]["image"], right[7]["image"])
        assert left[7]["label"] == right[7]["label"]


def test_cached_pictures_cannot_be_overwritten(data):
    with pytest.raises(ValueError, match="read-only"):
        data.source("retain", "train")[0]["image"][:] = 0


def _two_pictures():
    # Channel 0: half 0, half 255. Channel 1: 51 throughout.
    image = np.zeros((2, 4, 4, 2), np.uint8)
    image[1, ..., 0], image[..., 1] = 255, 51
    source = MemorySource(image, np.zeros(2, np.int32))
    return Data(Manifest({}), ("a",), (4, 4, 2), {"forget/train": source})


def test_pixel_statistics_in_closed_form():
    mean, std = _two_pictures().pixel_statistics("forget", "train")
    assert mean.dtype == std.dtype == np.float64
    np.testing.assert_array_equal(mean, [0.5, 0.2])
    np.testing.assert_array_equal(std, [0.5, 0.0])


def test_pixel_statistics_of_the_digits(data):
    source = data.source("forget", "train")
    pixels = source.gather(np.arange(len(source)))["image"] / 255.0
    mean, std = data.pixel_statistics("forget", "train")
    # The sums of four million float64 pixels round off; ours are exact.
    np.testing.assert_allclose(mean, pixels.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std((0, 1, 2)), rtol=1e-12)


def test_unknown_names_are_explained(data, config):
    with pytest.raises(ValueError) as error:
        open_data(config(name="mnist"))
    assert str(error.value) == (
        "The data set must be one of mnist5k, got 'mnist': change config.data.name."
    )
    with pytest.raises(ValueError, match="got 'retain' and 'test': correct the name"):
        data.source("retain", "test")
    with pytest.raises(ValueError, match="got '55': did you mean '5'"):
        open_data(config(forget=("55",)))
