"""Parameter trees through safetensors and back."""

import os
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import cu_jax
from cu_jax.convert import load_weights, packaged_weights, read_metadata, save_weights
from cu_jax.convert import weights as module

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES += ["float16", "bfloat16", "float32", "float64", "complex64"]


def tree():
    return {
        "encoder": {"block_0": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}},
        "decoder": {"bias": np.zeros(3, np.float32), "step": np.int32(7)},
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("name", DTYPES)
def test_every_bit_survives(path, name):
    dtype = np.dtype(name)
    bits = np.random.default_rng(0).integers(0, 256, 64 * dtype.itemsize, dtype=np.uint8)
    array = (bits % 2 if name == "bool" else bits).view(dtype).reshape(4, 16)
    save_weights(path, {"x": array})
    loaded = load_weights(path, {"x": jax.ShapeDtypeStruct(array.shape, dtype)})["x"]
    assert loaded.dtype == dtype and loaded.shape == array.shape
    assert loaded.tobytes() == array.tobytes()  # nan payloads and -0 included


def test_jax_arrays_and_their_abstract_template(path):
    params = {"a": jnp.linspace(0, 1, 5, dtype=jnp.bfloat16), "b": {"c": jnp.arange(4)}}
    save_weights(path, params)
    loaded = load_weights(path, jax.eval_shape(lambda: params))
    jax.tree.map(np.testing.assert_array_equal, loaded, params)
    assert loaded["a"].dtype == ml_dtypes.bfloat16


def test_layouts_and_shapes_that_are_easy_to_get_wrong(path):
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    odd = {
        "transposed": rows.T,
        "strided": rows[:, ::2],
        "big_endian": rows.astype(">f4"),
        "scalar": np.float32(3),
        "empty": np.zeros((0, 3), np.float32),
    }
    save_weights(path, odd)
    loaded = load_weights(path, odd)
    jax.tree.map(np.testing.assert_array_equal, loaded, odd)
    assert loaded["scalar"].shape == () and loaded["empty"].shape == (0, 3)


def test_structure_comes_from_the_template(path):
    class Pair(NamedTuple):
        first: np.ndarray
        second: list[np.ndarray]

    pair = Pair(np.ones(2), [np.zeros(3), np.ones(1)])
    save_weights(path, pair)
    assert set(safetensors.numpy.load_file(path)) == {"first", "second/0", "second/1"}
    loaded = load_weights(path, pair)
    assert isinstance(loaded, Pair)
    np.testing.assert_array_equal(loaded.second[1], [1.0])


def test_names_are_paths_and_other_readers_agree(path):
    save_weights(path, tree())
    read = safetensors.numpy.load_file(path)
    assert sorted(read) == ["decoder/bias", "decoder/step", "encoder/block_0/kernel"]
    np.testing.assert_array_equal(
        read["encoder/block_0/kernel"], tree()["encoder"]["block_0"]["kernel"]
    )


def test_metadata_and_bytes_are_reproducible(path):
    metadata = {letter: f"value of {letter}, é" for letter in "hgfedcba"}
    written = set()
    for _ in range(4):
        save_weights(path, tree(), metadata)
        written.add(path.read_bytes())
    assert len(written) == 1  # the library alone shuffles the metadata
    assert read_metadata(path) == metadata
    assert list(read_metadata(path)) == sorted(metadata)
    save_weights(path, tree())
    assert read_metadata(path) == {}


def test_an_empty_tree(path):
    save_weights(path, {}, {"note": "nothing"})
    assert load_weights(path, {}) == {}
    assert read_metadata(path) == {"note": "nothing"}


def test_a_failed_write_leaves_the_old_file_alone(path, monkeypatch):
    save_weights(path, tree())
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(module.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_weights(path, {"x": np.ones(3)})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_others_may_read_the_file(path):
    save_weights(path, tree())
    assert path.stat().st_mode & 0o777 == 0o644


def test_mismatches_with_the_template_are_all_named(path):
    save_weights(path, {f"old_{i}": np.zeros(1) for i in range(5)} | tree())
    template = tree() | {"head": np.zeros(2)}
    template["decoder"]["bias"] = np.zeros(4, np.float32)
    template["encoder"]["block_0"]["kernel"] = np.zeros((2, 3), np.float16)
    with pytest.raises(ValueError) as caught:
        load_weights(path, template)
    message = str(caught.value)
    assert "lacks head;" in message
    assert "has the unexpected old_0, old_1, old_2 and 2 more;" in message
    assert "decoder/bias (float32[3] instead of float32[4])" in message
    assert "encoder/block_0/kernel (float32[2, 3] instead of float16[2, 3])" in message
    assert "\n" not in message


@pytest.mark.parametrize("read", [lambda path: load_weights(path, tree()), read_metadata])
def test_absent_and_broken_files(path, read):
    with pytest.raises(FileNotFoundError, match="must exist at .*model.safetensors"):
        read(path)
    with pytest.raises(FileNotFoundError, match="must exist at"):
        read(path.parent)  # a folder
    save_weights(path, tree())
    whole = path.read_bytes()
    for broken in (b"", b"not weights at all", whole[:-3], whole[:20], whole + b"tail"):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="must be a whole safetensors file"):
            read(path)


def test_what_cannot_be_saved(path):
    with pytest.raises(FileNotFoundError, match="folder of a weights file must exist"):
        save_weights(path.parent / "none" / "x.safetensors", tree())
    with pytest.raises(ValueError, match='free of "/".*a/b'):
        save_weights(path, {"a": {"b": np.ones(1)}, "a/b": np.ones(1)})
    with pytest.raises(ValueError, match=r"name \(<U"):
        save_weights(path, {"name": "text"})
    assert not path.exists()


def test_packaged_weights(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    monkeypatch.setattr(module.resources, "files", lambda _: tmp_path)
    with pytest.raises(ValueError, match=r"one of \[\], but 'digits' was given"):
        packaged_weights("digits")
    folder.mkdir()
    save_weights(folder / "digits.safetensors", tree())
    (folder / "README.md").write_text("not weights")
    with packaged_weights("digits") as path:
        jax.tree.map(np.testing.assert_array_equal, load_weights(path, tree()), tree())
    with pytest.raises(ValueError, match=r"one of \['digits'\], but 'other' was given"):
        packaged_weights("other")


def test_weights_that_ship_can_be_opened():
    folder = Path(cu_jax.__file__).parent / "weights"
    for file in folder.glob("*.safetensors"):
        with packaged_weights(file.stem) as path:
            assert isinstance(read_metadata(path), dict)
