"""What a run's folder says of its pictures."""

import json

import numpy as np
import pytest

from cu_jax.data import BadPicture, Data, MemorySource
from cu_jax.data.manifest import Manifest, Record
from cu_jax.inventory import check_pictures


def data(ids, bad=()):
    source = MemorySource(np.zeros((1, 2, 2, 1), np.uint8), np.zeros(1, np.int32))
    manifest = Manifest({"forget/train": tuple(Record(one, "a", 0, "") for one in ids)})
    return Data(manifest, ("a",), (2, 2, 1), {"forget/train": source}, tuple(bad))


def files(folder):
    return {path.name: json.loads(path.read_text()) for path in folder.iterdir()}


BAD = BadPicture("x.jpg", "is empty")


def test_stages_keep_their_pictures_and_their_lists(tmp_path):
    check_pictures(tmp_path, data("abc", [BAD]), begun=False, max_bad_fraction=0.25)
    before = files(tmp_path)
    assert before["bad_pictures.json"] == [{"name": "x.jpg", "reason": "is empty"}]
    with pytest.raises(ValueError, match="must keep their pictures"):
        check_pictures(tmp_path, data("abcd"), begun=True, max_bad_fraction=0.25)
    assert files(tmp_path) == before


def test_before_the_first_stage_pictures_may_change(tmp_path):
    check_pictures(tmp_path, data("abc", [BAD]), begun=False, max_bad_fraction=0.25)
    check_pictures(tmp_path, data("abcd"), begun=False, max_bad_fraction=0.25)
    assert files(tmp_path) == {"manifest.json": json.loads(data("abcd").manifest.to_json())}


def test_too_many_bad_pictures_are_listed_and_refused(tmp_path):
    with pytest.raises(ValueError, match=r"At most 24.00% .* 1 of 4 are \(x.jpg is empty;"):
        check_pictures(tmp_path, data("abc", [BAD]), begun=False, max_bad_fraction=0.24)
    assert list(files(tmp_path)) == ["bad_pictures.json"]
