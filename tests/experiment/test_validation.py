"""Measures of the validation pictures: as a plain calculation gives them, and in little memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax import metrics
from cu_jax.data import Data, MemorySource
from cu_jax.data.manifest import Manifest, Record
from cu_jax.feature_networks import LoadedNetwork
from cu_jax.holes import parse_holes
from cu_jax.models import MODELS
from cu_jax.validation import Validation

SIZES = dict(name="mae", image_size=28, patch_size=4, channels=1, encoder_width=16)
SIZES |= dict(encoder_depth=1, encoder_heads=2, decoder_width=16, decoder_depth=1, decoder_heads=2)
HOLES = ("center:12", "outpaint:0.5", "random:0.75")
COUNTS = {"retain": 18, "forget": 18}


def make_data(counts, shape, names):
    rng = np.random.default_rng(0)
    sources, splits = {}, {}
    for name, count in counts.items():
        # Each set has classes of its own.
        own = np.arange(len(names))[name == "forget" :: 2]
        label = own[rng.integers(0, len(own), count)].astype(np.int32)
        image = rng.integers(0, 256, (count, *shape)).astype(np.uint8)
        key = f"{name}/validation"
        sources[key] = MemorySource(image, label)
        splits[key] = tuple(Record(f"{i:05}", names[c], i, "") for i, c in enumerate(label))
    return Data(Manifest(splits), names, shape, sources)


@pytest.fixture(scope="module")
def model():
    return MODELS["mae"](SIZES)


@pytest.fixture(scope="module")
def params(model):
    params = jax.jit(model.init)(jax.random.key(0))
    # What it restores is neither all black nor all white.
    params["decoder"]["decoder_pred"]["bias"] += 0.5
    return params


@pytest.fixture(scope="module")
def classifier():
    return jax.jit(metrics.classifier.init)(jax.random.key(1))


@pytest.fixture(scope="module")
def data():
    return make_data(COUNTS, (28, 28, 1), tuple("0123456789"))


@pytest.fixture(scope="module")
def validation(model, classifier, data):
    holes = parse_holes(HOLES, 28, 4)
    digits = LoadedNetwork(metrics.DIGITS, classifier)
    return Validation(model, [digits], data, holes=holes, batch_size=5, seed=0, pictures=6)


@pytest.fixture(scope="module")
def measured(validation, params):
    return validation(params)


def plain(model, params, classifier, source, hole):
    """All pictures at once, straight from the definitions."""
    images = jnp.asarray(source.image / np.float32(255))
    out = np.asarray(
        jax.jit(
            lambda p: model.restore(
                p, images, hole.mask, jax.random.split(jax.random.key(0), len(images))
            )
        )(params)
    )
    where = np.broadcast_to(hole.mask > 0, out.shape)
    mse = np.square(out - images).sum((1, 2, 3), where=where) / hole.mask.sum()
    read = jax.jit(metrics.classifier.apply)
    n = len(images)
    (logits, features), (_, clean) = (
        jax.device_get(read(classifier, jnp.asarray(x))) for x in (out, images)
    )
    return out, {
        "psnr": np.mean(-10 * np.log10(mse)),
        "ssim": float(metrics.ssim(out, images, hole.mask).mean()),
        "loss_hole": np.mean(mse),
        "class_consistency": np.mean(np.argmax(np.asarray(logits), 1) == source.label),
        f"fid_digits64_{n}": metrics.frechet_distance(
            metrics.moments(np.asarray(features)), metrics.moments(np.asarray(clean))
        ),
        f"kid_digits64_{n}": metrics.kernel_distance(features, clean).mean,
        f"precision_digits64_{n}": metrics.precision_recall(clean, features).precision,
        f"recall_digits64_{n}": metrics.precision_recall(clean, features).recall,
        f"is_digits_{n}": metrics.inception_score(logits).mean,
    }


def test_measures_are_those_of_a_plain_calculation(model, params, classifier, data, measured):
    expected = {}
    for name in COUNTS:
        for hole, end in zip(
            parse_holes(HOLES, 28, 4), ("", "_outpaint50", "_random75"), strict=True
        ):
            _, found = plain(model, params, classifier, data.source(name, "validation"), hole)
            expected |= {f"{name}/{key}{end}": value for key, value in found.items()}
    values = measured.values
    assert set(values) == set(expected) and len(values) == 2 * 3 * 9
    for key, value in expected.items():
        assert values[key] == pytest.approx(value, rel=1e-4, abs=1e-7), key


def test_the_pictures_are_the_main_holes(model, params, classifier, data, measured):
    pictures = measured.pictures
    (hole,) = parse_holes(HOLES[:1], 28, 4)
    for name, count in COUNTS.items():
        source = data.source(name, "validation")
        out, _ = plain(model, params, classifier, source, hole)
        labels = pictures[f"{name}_label"]
        assert len(labels) == 6 and (np.diff(labels) >= 0).all()
        assert pictures[f"{name}_name"].tolist() == [str(label) for label in labels]
        for index in range(6):
            original = pictures[f"{name}_original"][index]
            (place,) = (i for i in range(count) if np.array_equal(source.image[i], original))
            assert source.label[place] == labels[index]
            restored = pictures[f"{name}_restored"][index].astype(float)
            assert np.abs(restored - 255 * out[place]).max() < 0.51
            corrupted = pictures[f"{name}_corrupted"][index]
            np.testing.assert_array_equal(corrupted, original * (hole.mask == 0))


def test_embeddings_are_features_of_the_main_hole(model, params, classifier, data, measured):
    (hole,) = parse_holes(HOLES[:1], 28, 4)
    kept = measured.embeddings
    assert kept["network"] == "digits" and len(kept) == 7
    for name, count in COUNTS.items():
        source = data.source(name, "validation")
        restored, _ = plain(model, params, classifier, source, hole)
        for images, key in ((restored, name), (source.image / np.float32(255), f"{name}_original")):
            seen = np.asarray(metrics.classifier.apply(classifier, jnp.asarray(images))[1])
            order = np.argsort(source.label, kind="stable")
            assert kept[key].shape == (count, 64) and kept[key].dtype == np.float32
            np.testing.assert_allclose(kept[key], seen[order], rtol=1e-4, atol=1e-5)
        assert kept[f"{name}_label"].dtype == np.int32
        np.testing.assert_array_equal(kept[f"{name}_label"], np.sort(source.label))


def test_one_program_a_hole_serves_every_solution(validation, params, measured, monkeypatch):
    traced = []
    restore = type(validation).__call__
    monkeypatch.setattr("cu_jax.models.mae.Mae.restore", lambda *_: traced.append(1))
    again = restore(validation, jax.tree.map(lambda x: 1.01 * x, params))
    assert not traced
    assert again.values["retain/psnr"] != measured.values["retain/psnr"]


def test_without_a_network_no_class_is_asked_for(model, params, data, measured):
    holes = parse_holes(HOLES[:1], 28, 4)
    validation = Validation(model, [], data, holes=holes, batch_size=8, seed=0, pictures=3)
    counted = []
    values, _, embeddings = validation(params, counted.append)
    assert set(values) == {f"{n}/{k}" for n in COUNTS for k in ("psnr", "ssim", "loss_hole")}
    for key, value in values.items():
        assert value == pytest.approx(measured.values[key], rel=1e-5)
    assert embeddings == {}
    assert validation.clean_accuracy is None
    assert counted == [8, 8, 2, 8, 8, 2] and validation.pictures == sum(counted)


def test_no_more_than_a_few_batches_are_in_memory(model, params):
    """In batches of 2 of 80 pictures, what was measured is let go of."""
    data = make_data({"retain": 40, "forget": 40}, (28, 28, 1), ("a", "b"))
    holes = parse_holes(HOLES[:1], 28, 4)
    validation = Validation(model, [], data, holes=holes, batch_size=2, seed=0, pictures=3)
    most = []

    def count(_):
        # Batches on the device: as given, and as restored.
        most.append(sum(array.shape == (2, 28, 28, 1) for array in jax.live_arrays()))

    validation(params, count)
    assert len(most) == 40 and 1 <= max(most) <= 8
