"""comparison.json: there and back, and what it refuses."""

import json
import math

import pytest

from cu_jax.results import Comparison, Probe, Search, read_comparison, write_comparison_record


def _search(**more):
    probe = Probe(value=0.3, forget_loss=0.8, updates=700, seconds=1.5)
    values = dict(seed=1, method="composite", control=0.5, epsilon=0.79, tolerance=0.02, span=0.5)
    return Search(**values | {"probes": (probe, probe), "reached": True} | more)


def _comparison(*searches):
    return Comparison(
        name="demo", config_hash="c0", seeds=(0, 1), methods=("controllable", "composite"),
        updates_per_run=700, runs_per_method=5, searches=searches,
    )  # fmt: skip


def test_there_and_back(tmp_path):
    written = _comparison(_search(), _search(control=None, probes=(), reached=False))
    path = write_comparison_record(tmp_path / "comparison.json", written)
    assert json.loads(path.read_text())["format"] == 1
    assert read_comparison(tmp_path) == written


def test_an_undefined_loss_is_null_and_nan_again():
    probe = Probe(value=0.3, forget_loss=math.nan, updates=700, seconds=1.5)
    data = _comparison(_search(probes=(probe,))).to_json()
    assert data["searches"][0]["probes"][0]["forget_loss"] is None
    assert math.isnan(Comparison.from_json(data).searches[0].probes[0].forget_loss)


def test_sums_and_errors_by_hand():
    search = _search()
    assert (search.updates, search.seconds) == (1400, 3.0)
    assert search.errors == pytest.approx((0.02, 0.02))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2}, "Key 'format' must be 1, got 2"),
        ({"seeds": [0.5]}, r"Key 'seeds\[0\]' must be a whole number, got 0.5"),
        ({"name": ""}, "Key 'name' must not be empty"),
        ({"extra": 1}, "Key 'extra' is not part of the schema"),
        ({"searches": [{}]}, r"Key 'searches\[0\].seed' is missing"),
    ],
)
def test_what_does_not_follow_the_schema_is_named(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        Comparison.from_json(_comparison().to_json() | change)


def test_a_search_needs_a_range():
    with pytest.raises(ValueError, match=r"Key 'searches\[0\].span' must be above 0, got 0.0"):
        _comparison(_search(span=0.0)).to_json()


def test_a_file_that_is_no_json(tmp_path):
    (tmp_path / "comparison.json").write_text("{")
    with pytest.raises(ValueError, match="must hold JSON"):
        read_comparison(tmp_path)
