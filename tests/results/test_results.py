"""results.json: round trip, undefined numbers, the schema's sentences, whole files."""

import copy
import dataclasses
import json
import math
import os

import numpy as np
import pytest

from cu_jax.results import (
    RESULTS_SCHEMA,
    Boundaries,
    Results,
    Solution,
    read_results,
    validate,
    write_results,
)

LATER = {"nonfinite_steps"}  # Keys of a solution that older files do not have.


def _solution(**changes):
    values = dict(
        name="control_0.25",
        method="controllable",
        control=0.25,
        epsilon=0.761,
        retain_loss=0.054,
        forget_loss=0.792,
        violation=0.031,
        feasible=False,
        multiplier=0.2,
        cosine=-0.9,
        stationarity=0.4,
        retain_grad_norm=0.1,
        forget_grad_norm=0.2,
        steps=400,
        steps_from_original=2000,
        seconds=28.5,
        checkpoint="solutions/control_0.25",
        metrics={"retain/psnr": 9.0, "forget/class_consistency": 0.554},
    )
    return Solution(**(values | changes))


def _results(*solutions):
    return Results(
        name="mae_mnist",
        config_hash="3f9a",
        manifest_hash="77ab",
        environment={"python": "3.11", "device_count": 1},
        stages={"complete": 28.0},
        boundaries=Boundaries(epsilon_min=0.64, epsilon_max=1.123, epsilon_original=1.678),
        solutions=solutions or (_solution(),),
    )


def test_round_trip_through_a_file(tmp_path):
    path = write_results(tmp_path / "results.json", _results())
    assert read_results(path) == _results()
    assert read_results(tmp_path) == _results()


def test_json_has_exactly_the_schemas_keys_in_its_order():
    data = _results().to_json()
    assert set(data) == set(RESULTS_SCHEMA["properties"])
    assert next(iter(data)) == "schema_version"
    solution = RESULTS_SCHEMA["properties"]["solutions"]["items"]
    assert set(data["solutions"][0]) == set(solution["properties"])
    assert set(solution["required"]) == set(solution["properties"]) - LATER
    assert set(solution["properties"]) == {f.name for f in dataclasses.fields(Solution)}


def test_the_keys_that_other_programs_rely_on():
    # Frozen: to rename or drop one of these is a new schema version.
    assert set(RESULTS_SCHEMA["properties"]) == {
        "schema_version", "name", "config_hash", "manifest_hash", "environment", "stages",
        "boundaries", "solutions",
    }  # fmt: skip
    assert set(RESULTS_SCHEMA["properties"]["solutions"]["items"]["properties"]) == {
        "name", "method", "control", "epsilon", "retain_loss", "forget_loss", "violation",
        "feasible", "multiplier", "cosine", "stationarity", "retain_grad_norm",
        "forget_grad_norm", "steps", "steps_from_original", "seconds", "checkpoint", "metrics",
    } | LATER  # fmt: skip


def test_a_file_of_before_a_key_was_there_is_read():
    data = _results(_solution(nonfinite_steps=7)).to_json()
    assert Results.from_json(data)["control_0.25"].nonfinite_steps == 7
    del data["solutions"][0]["nonfinite_steps"]
    assert Results.from_json(data)["control_0.25"].nonfinite_steps == 0


@pytest.mark.parametrize("undefined", [math.nan, math.inf, -math.inf])
def test_undefined_numbers_are_null_and_never_nan(tmp_path, undefined):
    solution = _solution(
        retain_loss=undefined, cosine=undefined, metrics={"forget/psnr": undefined}
    )
    path = write_results(tmp_path / "results.json", _results(solution))
    text = path.read_text()
    assert "NaN" not in text and "Infinity" not in text
    data = json.loads(text)["solutions"][0]
    assert data["retain_loss"] is data["cosine"] is data["metrics"]["forget/psnr"] is None
    back = read_results(path)["control_0.25"]
    # A loss always exists as a number; what may not apply is None.
    assert math.isnan(back.retain_loss)
    assert back.cosine is None and back.metrics["forget/psnr"] is None


def test_numpy_scalars_become_plain_values():
    odd = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": np.array(np.nan)}
    environment = dataclasses.replace(_results(), environment=odd).to_json()["environment"]
    assert environment == {"a": 0.5, "b": 3, "c": True, "d": None}
    assert [type(value) for value in environment.values()] == [float, int, bool, type(None)]


def test_whole_numbers_of_another_program_are_read_as_numbers():
    data = _results().to_json()
    data["solutions"][0] |= {"retain_loss": 0, "epsilon": 1, "metrics": {"retain/psnr": 9}}
    data["boundaries"]["epsilon_max"] = 1
    results = Results.from_json(data)
    solution = results["control_0.25"]
    numbers = (solution.retain_loss, solution.epsilon, solution.metrics["retain/psnr"])
    assert numbers == (0.0, 1.0, 9.0)
    assert {type(number) for number in (*numbers, results.boundaries.epsilon_max)} == {float}


def _paths():
    """Every key of a file: (path as the sentence writes it, how to reach its holder, key)."""
    for key in RESULTS_SCHEMA["properties"]:
        yield key, [], key
    for key in RESULTS_SCHEMA["properties"]["boundaries"]["properties"]:
        yield f"boundaries.{key}", ["boundaries"], key
    for key in RESULTS_SCHEMA["properties"]["solutions"]["items"]["required"]:
        yield f"solutions[0].{key}", ["solutions", 0], key


def _holder(data, reach):
    for step in reach:
        data = data[step]
    return data


@pytest.mark.parametrize(("path", "reach", "key"), list(_paths()), ids=[p[0] for p in _paths()])
def test_every_missing_and_every_wrong_key_is_named(path, reach, key):
    good = _results().to_json()
    missing = copy.deepcopy(good)
    del _holder(missing, reach)[key]
    with pytest.raises(ValueError) as caught:
        validate(missing)
    assert str(caught.value) == (f"Key '{path}' is missing: add it, as null where it is undefined.")
    for wrong in (float("nan"), object(), True if key != "feasible" else 1):
        broken = copy.deepcopy(good)
        _holder(broken, reach)[key] = wrong
        with pytest.raises(ValueError) as caught:
            validate(broken)
        assert str(caught.value).startswith(f"Key '{path}' must be "), str(caught.value)


def test_unknown_keys_are_named():
    data = _results().to_json()
    data["solutions"][0]["fid"] = 3.0
    with pytest.raises(ValueError, match=r"Key 'solutions\[0\].fid' is not part of the schema"):
        validate(data)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"metrics": {"psnr": 1.0}}, r"'solutions\[0\].metrics.psnr' must match"),
        (
            {"metrics": {"retain/psnr": "9"}},
            r"'solutions\[0\].metrics.retain/psnr' must be a finite",
        ),
        ({"name": "../up"}, r"'solutions\[0\].name' must match"),
        ({"name": ""}, r"'solutions\[0\].name' must match"),
        ({"method": ""}, r"'solutions\[0\].method' must not be empty"),
        ({"steps": -1}, r"'solutions\[0\].steps' must be at least 0, got -1"),
        ({"nonfinite_steps": -1}, r"'solutions\[0\].nonfinite_steps' must be at least 0, got -1"),
        ({"steps": 1.5}, r"'solutions\[0\].steps' must be a whole number, got 1.5"),
        ({"epsilon": None}, r"'solutions\[0\].control' must be null where epsilon is null"),
        ({"epsilon": None, "control": None}, r"'solutions\[0\].violation' must be null"),
        (
            {"epsilon": None, "control": None, "violation": None},
            r"'solutions\[0\].feasible' must be null",
        ),
    ],
)
def test_values_that_cannot_be(change, sentence):
    data = _results().to_json()
    data["solutions"][0] |= change
    with pytest.raises(ValueError, match=sentence):
        validate(data)


def test_two_solutions_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"'solutions\[1\].name' must differ"):
        _results(_solution(), _solution()).to_json()


def test_another_version_is_said_before_its_keys():
    with pytest.raises(ValueError, match="'schema_version' must be 1, got 2"):
        validate({"schema_version": 2, "anything": 1})


def test_content_that_is_no_object():
    with pytest.raises(ValueError, match="The file's content must be an object"):
        validate([1])


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = write_results(tmp_path / "results.json", _results())
    before = path.read_bytes()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_results(path, _results(_solution(name="utility", steps=1)))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["results.json"]


def test_missing_and_broken_files_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="give the --workdir of a run that has finished"):
        read_results(tmp_path / "results.json")
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(ValueError, match="must hold JSON"):
        read_results(tmp_path)


def test_lookup_by_name():
    assert _results()["control_0.25"].steps == 400
    with pytest.raises(KeyError, match="control_0.25"):
        _results()["utility"]
