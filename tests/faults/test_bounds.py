"""What is read of files that others may have made has a bound."""

import json

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cu_jax import bounded, train_state
from cu_jax.checkpoint import StageCheckpoints
from cu_jax.data.manifest import Manifest
from cu_jax.report.comparison import embedding
from cu_jax.report.pictures import read_pictures
from cu_jax.workdir import read_json


def test_a_record_may_be_as_large_as_it_may_be_and_not_a_byte_larger(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[1]" + " " * 7)
    assert bounded.read_json(path, most=10) == [1]
    with pytest.raises(ValueError, match=r"a\.json must have at most 9 bytes, and has more"):
        bounded.read_json(path, most=9)


def test_a_record_that_is_too_large_is_none(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"a": 1}))
    assert read_json(path) == {"a": 1}
    with path.open("ab") as file:
        file.truncate(bounded.RECORD + 1)
    assert read_json(path) is None


def test_a_manifest_of_brackets_is_refused():
    with pytest.raises(ValueError, match="few brackets in brackets"):
        Manifest.from_json("[" * 200_000)


def test_a_checkpoint_with_endless_metadata_is_put_aside(tmp_path, capsys):
    state = train_state.create({"w": jnp.ones(2)}, optax.sgd(0.1))
    with StageCheckpoints(tmp_path) as checkpoints:
        checkpoints.save(state, 3, {"position": 7})
        checkpoints.wait()
        assert checkpoints.restore_newest(state).step == 3
        (metadata,) = (tmp_path / "3" / "data").glob("*metadata")
        with metadata.open("ab") as file:
            file.truncate(bounded.RECORD + 1)
        assert checkpoints.restore_newest(state) is None
    assert "(metadata has more than 67,108,864 bytes)" in capsys.readouterr().err
    assert (tmp_path / "3.damaged").is_dir()


def test_arrays_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    folder = tmp_path / "solutions" / "original"
    folder.mkdir(parents=True)
    for name in ("pictures", "embeddings"):
        np.savez_compressed(folder / f"{name}.npz", zeros=np.zeros(10_000))
    monkeypatch.setattr(bounded, "ARRAYS", 50_000)
    with pytest.raises(ValueError, match="must hold arrays of at most 50,000 bytes"):
        read_pictures(tmp_path, ["original"])
    with pytest.raises(ValueError, match="must hold arrays of at most 50,000 bytes"):
        embedding._read(folder / "embeddings.npz")
