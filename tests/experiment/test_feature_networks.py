"""Networks in the evaluation: their measures, embeddings, the cache of the originals, refusals."""

import io
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from cu_jax import experiment, feature_networks, metrics, workdir
from cu_jax.config import default_config
from cu_jax.convert.exchange import write_original
from cu_jax.data import Data, EncodedSource, MemorySource
from cu_jax.data.manifest import Manifest, Record
from cu_jax.feature_networks import LoadedNetwork, load_networks
from cu_jax.fingerprints import DEPENDS_ON, settings_of
from cu_jax.metrics import FeatureNetwork, Seen
from cu_jax.references import Seer, check_legacy, joined, reference
from cu_jax.results import Solution


def see(params, pictures):
    """Three numbers a picture, and no classes."""
    return Seen(params * jnp.stack([pictures.mean((1, 2, 3)), pictures.max((1, 2, 3)),
                                    pictures[:, 0, 0, 0]], -1), None)  # fmt: skip


NETWORK = FeatureNetwork("plain", 3, see, aligned=True)
LOADED = LoadedNetwork(NETWORK, jnp.float32(2), "a digest")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cu_jax" / "references"


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    sources, splits = {}, {}
    for name, count in {"retain": 12, "forget": 5}.items():
        image = rng.integers(0, 256, (count, 4, 4, 1)).astype(np.uint8)
        label = np.arange(count, dtype=np.int32) % 2
        sources[f"{name}/validation"] = MemorySource(image, label)
        splits[f"{name}/validation"] = tuple(
            Record(f"{i:05}", "ab"[c], i, "") for i, c in enumerate(label)
        )
    return Data(Manifest(splits), ("a", "b"), (4, 4, 1), sources)


def features_of(data, loaded=LOADED, name="retain", batch_size=5):
    return reference(data, name, [Seer(loaded)], batch_size, 3, False).features["plain"]


def expected(data, name="retain"):
    images = data.source(name, "validation").image / np.float32(255)
    return np.asarray(see(2, jnp.asarray(images)).features)


@pytest.mark.parametrize("total", [1, 5, 64, 65, 130])
def test_parts_are_the_whole(total):
    pictures = np.random.default_rng(0).uniform(0, 1, (total, 4, 4, 1)).astype(np.float32)
    traced = []
    counting = NETWORK._replace(apply=lambda p, x: traced.append(len(x)) or see(p, x))
    found = joined(Seer(LOADED._replace(network=counting))(pictures))
    np.testing.assert_allclose(found.features, see(2, pictures).features, rtol=1e-6)
    assert len(traced) == 1 and traced[0] <= 64 and found.logits is None


def test_the_originals_features_are_kept_and_used_again(data, cache):
    first = features_of(data)
    np.testing.assert_allclose(first, expected(data), rtol=1e-6)
    (path,) = cache.iterdir()
    kept = path.read_bytes()
    np.savez(path, features=first + 1)
    np.testing.assert_array_equal(features_of(data), first + 1)
    for damaged in (kept[:-30], kept[:200] + b"x" + kept[201:], b"", None):
        if damaged is None:
            np.savez(path, features=first[:-1])
        else:
            path.write_bytes(damaged)
        np.testing.assert_array_equal(features_of(data), first)
        with np.load(path) as again:
            np.testing.assert_array_equal(again["features"], first)
    assert [one.name for one in cache.iterdir()] == [path.name]


def test_what_features_depend_on_tells_them_apart(data, cache):
    features_of(data)
    features_of(data, batch_size=3)
    assert len(list(cache.iterdir())) == 1
    features_of(data, name="forget")
    features_of(data, LOADED._replace(digest="another"))
    other = dict(data.manifest.splits)
    other["forget/validation"] = other["forget/validation"][1:]
    features_of(Data(Manifest(other), data.class_names, data.image_shape, data.sources))
    assert len(list(cache.iterdir())) == 4


def test_a_cache_that_cannot_be_written_to_stops_nothing(data, cache, capsys):
    cache.parent.parent.write_text("a file")
    np.testing.assert_allclose(features_of(data), expected(data), rtol=1e-6)
    assert "cannot be written to" in capsys.readouterr().out


def test_measures_have_the_networks_name():
    rng = np.random.default_rng(0)
    made, real = rng.uniform(0, 1, (2, 12, 3))
    values = metrics.feature_measures(NETWORK, made, real)
    kinds = ("fid", "kid", "precision", "recall", "cosine")
    assert list(values) == [f"{kind}_plain3_12" for kind in kinds]
    turned = made / np.linalg.norm(made, axis=1, keepdims=True)
    other = real / np.linalg.norm(real, axis=1, keepdims=True)
    assert values["cosine_plain3_12"] == pytest.approx(np.mean(np.sum(turned * other, 1)))
    with_classes = metrics.feature_measures(
        NETWORK._replace(aligned=False), made, real, rng.uniform(0, 1, (12, 7))
    )
    assert list(with_classes) == [f"{k}_plain3_12" for k in kinds[:4]] + ["is_plain_12"]


@pytest.mark.parametrize(
    "count, kinds",
    [(1, []), (2, ["fid", "kid"]), (4, ["fid", "kid", "precision", "recall"])],
)
def test_few_pictures_have_fewer_measures(count, kinds):
    rows = np.random.default_rng(0).uniform(0, 1, (count, 3))
    values = metrics.feature_measures(NETWORK._replace(aligned=False), rows, rows, rows)
    assert [key.split("_")[0] for key in values] == kinds


class Files:
    """Pictures of several sizes, as PNG."""

    def __init__(self, shapes):
        rng = np.random.default_rng(0)
        self.arrays = [rng.integers(0, 256, (*shape, 3)).astype(np.uint8) for shape in shapes]
        self.source = EncodedSource(
            [self.encoded(array) for array in self.arrays],
            [Record(f"{i}.png", "a", i, "") for i in range(len(shapes))],
            np.zeros(len(shapes), np.int32), size=16, channels=3,
        )  # fmt: skip

    @staticmethod
    def encoded(array):
        file = io.BytesIO()
        Image.fromarray(array).save(file, "PNG")
        return file.getvalue()


def test_the_published_reference_is_the_whole_file_squashed():
    files = Files([(20, 40), (320, 30), (16, 16)])
    name = "retain/validation"
    data = Data(Manifest({name: tuple(files.source.records)}), ("a",), (16, 16, 3),
                {name: files.source})  # fmt: skip

    def noted(params, pictures):
        return Seen(pictures.mean((1, 2)), None)

    inception = LoadedNetwork(FeatureNetwork("inception", 3, noted), None, "d")
    found = reference(data, "retain", [Seer(inception)], 2, 1, True).features["inception"]
    for row, array in zip(found, files.arrays, strict=True):
        channels = [
            np.asarray(
                Image.fromarray(array[..., c].astype(np.float32), "F").resize(
                    (299, 299), Image.Resampling.BICUBIC
                )
            ).clip(0, 255)
            for c in range(3)
        ]
        np.testing.assert_allclose(255 * row, np.mean(channels, (1, 2)), rtol=1e-4)
    cropped = reference(data, "retain", [Seer(inception)], 2, 1, False).features["inception"]
    assert np.abs(cropped - found).max() > 1e-3
    check_legacy(data, True)


def test_pictures_in_memory_have_no_published_reference(data):
    with pytest.raises(ValueError, match="needs picture files, whose own size"):
        check_legacy(data, True)
    check_legacy(data, False)


def test_only_a_folder_of_that_network_is_taken(tmp_path):
    assert load_networks({"inception": "", "clip": ""}) == []
    with pytest.raises(FileNotFoundError, match="import inception, and there is no"):
        load_networks({"inception": str(tmp_path / "none")})
    with pytest.raises(ValueError, match="networks must be among .*inception.*, got nonsense"):
        load_networks({"nonsense": str(tmp_path)})
    write_original(tmp_path, tmp_path / "mae.pth", {"name": "mae"}, {"a": np.ones(1)}, {})
    with pytest.raises(ValueError, match="holds 'mae': give another"):
        load_networks({"inception": str(tmp_path)})
    made = tmp_path / "solutions" / "original" / "model.json"
    made.write_text(made.read_text().replace("mae", "inception"))
    with pytest.raises(ValueError, match="must match the model, but the file lacks"):
        load_networks({"inception": str(tmp_path)})
    made.write_text("{")
    with pytest.raises(ValueError, match="must say which network it is"):
        load_networks({"inception": str(tmp_path)})


def test_other_networks_evaluate_again_and_train_nothing(tmp_path):
    config = default_config()
    config.model = {"name": "mae"}
    solution = Solution(name="original", method="original", retain_loss=0.0, forget_loss=0.0)
    before = {kind: settings_of(config, kind) for kind in DEPENDS_ON}
    workdir.save_numbers(tmp_path, config, solution)
    assert workdir.read_numbers(tmp_path, config) is not None
    config.evaluation.networks.inception = "imported/inception"
    assert workdir.read_numbers(tmp_path, config) is None
    assert {kind: settings_of(config, kind) for kind in DEPENDS_ON} == before
    workdir.save_numbers(tmp_path, config, solution)
    config.evaluation.legacy_reference = True
    assert workdir.read_numbers(tmp_path, config) is None
    assert {kind: settings_of(config, kind) for kind in DEPENDS_ON} == before


@pytest.mark.slow
def test_a_finished_run_is_evaluated_again_with_a_new_network(
    tiny_run, tiny_config, tmp_path, monkeypatch
):
    """Nothing is trained, and the first network's features stand beside every solution."""
    run = tmp_path / "run"
    shutil.copytree(tiny_run[0], run)
    write_original(tmp_path / "in", tmp_path / "plain.pth", {"name": "inception"},
                   {"scale": np.float32(2) * np.ones((), np.float32)}, {})  # fmt: skip
    network = NETWORK._replace(aligned=False, apply=lambda p, x: see(p["scale"], x))
    template = {"scale": jax.ShapeDtypeStruct((), np.float32)}
    built = feature_networks.Blueprint(network, template)
    monkeypatch.setitem(feature_networks.NETWORKS, "inception", lambda settings: built)
    before_steps = (run / "metrics.jsonl").read_bytes()
    config = tiny_config.copy_and_resolve_references()
    config.evaluation.networks.inception = str(tmp_path / "in")
    results = experiment.run(config, run)
    assert (run / "metrics.jsonl").read_bytes() == before_steps
    for before, after in zip(tiny_run[1].solutions, results.solutions, strict=True):
        assert before.forget_loss == after.forget_loss
        new = set(after.metrics) - set(before.metrics)
        kinds = ("fid", "kid", "precision", "recall")
        assert new == {f"{s}/{kind}_plain3_500" for s in ("retain", "forget") for kind in kinds}
        with np.load(run / after.checkpoint / "embeddings.npz") as embeddings:
            assert embeddings["network"] == "plain" and embeddings["retain"].shape == (250, 3)
