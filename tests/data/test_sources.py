"""Opening a data set: pictures by set and split, and the pixels' statistics."""

import hashlib

import numpy as np
import pytest

from cu_jax.data import SETS, SPLITS, MemorySource, open_data, pixel_statistics


def test_sources_hold_the_manifests_pictures_in_its_order(data):
    assert data.class_names == tuple("0123456789") and data.image_shape == (28, 28, 1)
    for name in SETS:
        for split in SPLITS:
            source, records = data.source(name, split), data.manifest.records(name, split)
            assert len(source) == len(records)
            batch = source.gather(np.arange(len(records)))
            for record, image, label in zip(records, batch["image"], batch["label"], strict=True):
                assert data.class_names[label] == record.label
                assert hashlib.sha256(image.tobytes()).hexdigest() == record.sha256


def test_cached_pictures_cannot_be_overwritten(data):
    with pytest.raises(ValueError, match="read-only"):
        data.source("retain", "train").image[0] = 0


def _two_pictures():
    # Channel 0: half 0, half 255. Channel 1: 51 throughout.
    image = np.zeros((2, 4, 4, 2), np.uint8)
    image[1, ..., 0], image[..., 1] = 255, 51
    return MemorySource(image, np.zeros(2, np.int32))


def test_pixel_statistics_in_closed_form():
    mean, std = pixel_statistics(_two_pictures())
    assert mean.dtype == std.dtype == np.float64
    np.testing.assert_array_equal(mean, [0.5, 0.2])
    np.testing.assert_array_equal(std, [0.5, 0.0])


def test_pixel_statistics_of_the_digits(data):
    source = data.source("forget", "train")
    pixels = source.gather(np.arange(len(source)))["image"] / 255.0
    mean, std = pixel_statistics(source)
    # The sums of four million float64 pixels round off; ours are exact.
    np.testing.assert_allclose(mean, pixels.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std((0, 1, 2)), rtol=1e-12)


def test_unknown_names_are_explained(data, config):
    with pytest.raises(ValueError) as error:
        open_data(config(name="mnist"), (28, 28, 1))
    assert str(error.value) == (
        "The data set must be one of mnist5k, folder, cu_imagenet, cu_places365, imagenet2012, "
        "places365_small, got 'mnist': change config.data.name."
    )
    with pytest.raises(ValueError, match="got 'retain' and 'test': correct the name"):
        data.source("retain", "test")
    with pytest.raises(ValueError, match="got '55': did you mean '5'"):
        open_data(config(forget=("55",)), (28, 28, 1))
