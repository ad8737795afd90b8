"""One setting varied: what the runs share, what is refused, and whose numbers the table has."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from cu_jax import config as settings
from cu_jax import reuse as reusing
from cu_jax import training
from cu_jax.ablation import ablate
from cu_jax.ablation_plan import planned_ablation, planned_runs
from cu_jax.fingerprints import read_records
from cu_jax.results import read_ablation, read_results, write_ablation_record
from cu_jax.reuse import reusable, reuse

MADE = {"pretrain", "classifier", "original"}
BOUNDARIES = {"complete", "utility"}
COMPOSITES = {"composite_0.1", "composite_1"}
PATH = {"control_0", "control_0.5", "control_1"}
NAMES = ("epsilon", "alpha", "tau", "beta", "delta", "hole", "proxy", "cost")


def changed(config, **changes):
    other = config.copy_and_resolve_references()
    other.update_from_flattened_dict({k.replace("__", "."): v for k, v in changes.items()})
    return other


@pytest.fixture(scope="module")
def config(tiny_config):
    return changed(tiny_config, ablation__setting="pareto.beta", ablation__values=(5.0, 1.0))


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory, tiny_run):
    """Makes an ablation's folder in which the tiny run, whose β is 5, is that of one value."""

    def make(config, name):
        folder = tmp_path_factory.mktemp("ablation") / "work"
        folder.mkdir()
        write_ablation_record(folder / "ablation.json", planned_ablation(config))
        shutil.copytree(tiny_run[0], folder / name)
        return folder

    return make


@pytest.fixture(scope="module")
def done(folder_of, config):
    """``(folder, record, stages that were trained or looked at)``."""
    folder, seen = folder_of(config, "5"), []
    with pytest.MonkeyPatch.context() as patch:
        run_stage = training.run_stage

        def noted(runner, stage):
            seen.append((runner.workdir.name, stage.name))
            return run_stage(runner, stage)

        patch.setattr(training, "run_stage", noted)
        record = ablate(config, folder)
    return folder, record, seen


@pytest.mark.slow
def test_only_what_depends_on_the_setting_is_trained(done):
    _, _, seen = done
    # The original is made from checkpoints that are there.
    assert [stage for value, stage in seen if value == "5"] == ["pretrain", "classifier"]
    stages = [stage for value, stage in seen if value == "1"]
    assert stages == ["pretrain", "classifier", "control_0.5", "control_1", "control_0"]


@pytest.mark.slow
def test_what_is_shared_is_the_same_to_the_byte(done):
    folder, record, _ = done
    for name in sorted(BOUNDARIES | COMPOSITES | {"original"}):
        files = [folder / v / "solutions" / name / "params.safetensors" for v in ("5", "1")]
        assert files[0].read_bytes() == files[1].read_bytes()
    first, second = (run.results for run in record.runs)
    assert first.boundaries == second.boundaries
    for name in sorted(BOUNDARIES | COMPOSITES):
        assert first[name].to_json() == second[name].to_json()
    for name in sorted(PATH):
        assert first[name].forget_loss != second[name].forget_loss


@pytest.mark.slow
def test_the_log_has_each_stage_once(done):
    folder, _, _ = done
    lines = {
        value: (folder / value / "metrics.jsonl").read_text().splitlines() for value in ("5", "1")
    }
    for name in ("pretrain", *sorted(BOUNDARIES | COMPOSITES)):
        old, new = ([x for x in lines[v] if json.loads(x)["stage"] == name] for v in ("5", "1"))
        assert old == new and old
    steps = [json.loads(x)["step"] for x in lines["1"] if json.loads(x)["stage"] == "control_1"]
    assert steps == list(range(8))


@pytest.mark.slow
def test_the_files_say_what_the_runs_say(done):
    folder, record, _ = done
    assert read_ablation(folder).to_json() == record.to_json()
    rows = list(csv.DictReader((folder / "ablation.csv").open()))
    results = {value: read_results(folder / value) for value in ("5", "1")}
    assert len(rows) == sum(len(one.solutions) for one in results.values())
    for row in rows:
        solution = results[row["value"]][row["solution"]]
        for key in ("forget_loss", "retain_loss", "stationarity"):
            assert float(row[key]) == getattr(solution, key)
        for key, value in solution.metrics.items():
            assert float(row[key]) == value
    assert (folder / "figures" / "beta.png").stat().st_size > 10_000
    for value in ("5", "1"):
        assert (folder / value / "report.html").is_file()


@pytest.mark.slow
def test_another_ablation_is_refused_in_the_same_folder(done, config):
    folder, _, _ = done
    with pytest.raises(ValueError, match=r"holds one of pareto.beta \(runs\)"):
        ablate(changed(config, ablation__setting="pareto.delta"), folder)


@pytest.mark.slow
def test_entries_of_a_list_are_one_run(folder_of, config, capsys):
    asked = changed(config, ablation__setting="controls", ablation__values=(0.0, 0.5, 1.0))
    asked.ablation.name = "epsilon"
    folder = folder_of(asked, "run")
    record = ablate(asked, folder)
    assert [run.folder for run in record.runs] == ["run"]
    rows = list(csv.DictReader((folder / "ablation.csv").open()))
    asked = {row["value"]: row["solution"] for row in rows if row["solution"] in PATH}
    assert asked == {"0": "control_0", "0.5": "control_0.5", "1": "control_1"}
    assert (folder / "figures" / "epsilon.png").is_file()
    assert "control 0.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "shared"),
    [
        ({}, MADE | BOUNDARIES | COMPOSITES | PATH),
        ({"evaluation__holes": ("center:8",)}, MADE | BOUNDARIES | COMPOSITES | PATH),
        ({"data__proxy": ("0",)}, MADE | BOUNDARIES | COMPOSITES | PATH),
        ({"pareto__delta": 2.0}, MADE | BOUNDARIES | COMPOSITES),
        ({"boundary__alpha": 1.0}, MADE | COMPOSITES),
        # What plans the path is in no record of its later points.
        ({"pareto__first_control": 1.0}, MADE | BOUNDARIES),
        ({"pareto__optimizer__learning_rate": 1e-4}, MADE | BOUNDARIES),
        # The points of the path start from one another.
        ({"pareto__first_steps": 4}, MADE | BOUNDARIES),
        ({"evaluation__batch_size": 50}, MADE | BOUNDARIES | COMPOSITES),
        ({"batch_size": 16}, MADE),
        ({"pretrain__steps": 40}, {"classifier"}),
        ({"seed": 1}, set()),
        ({"data__validation_per_class": 50}, set()),
        # A folder's name is in no record: its pictures are.
        ({"data__folder": "elsewhere"}, set()),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_stage_is_shared_where_all_that_it_depends_on_is_the_same(
    tiny_run, tiny_config, changes, shared
):
    assert set(reusable(changed(tiny_config, **changes), tiny_run[0])) == shared


def test_copying_that_was_broken_off_goes_on(tiny_run, tiny_config, tmp_path, monkeypatch):
    workdir, copytree = tmp_path / "run", shutil.copytree

    def killed(source, *arguments, **more):
        if Path(source).parts[-2:] == ("solutions", "complete"):
            raise KeyboardInterrupt
        return copytree(source, *arguments, **more)

    monkeypatch.setattr(reusing.shutil, "copytree", killed)
    with pytest.raises(KeyboardInterrupt):
        reuse(tiny_config, workdir, [tmp_path / "none", tiny_run[0]])
    assert set(read_records(workdir)) == {"classifier", "complete"}
    monkeypatch.undo()
    copied = reuse(tiny_config, workdir, [tiny_run[0]])
    assert set(copied) == (MADE | BOUNDARIES | COMPOSITES | PATH) - {"classifier"}
    for kind in ("stages", "solutions"):
        files = [p for p in (tiny_run[0] / kind).rglob("*") if p.is_file()]
        for path in files:
            copy = workdir / path.relative_to(tiny_run[0])
            assert copy.read_bytes() == path.read_bytes()
    lines = sorted((workdir / "metrics.jsonl").read_text().splitlines())
    assert lines == sorted((tiny_run[0] / "metrics.jsonl").read_text().splitlines())
    assert not list(workdir.glob(".*.tmp"))
    assert reuse(tiny_config, workdir, [tiny_run[0]]) == []


@pytest.mark.parametrize(
    ("setting", "values", "sentence"),
    [
        ("pareto.betta", (1.0,), "must be a setting of the config, as in pareto.beta, got 'pareto"),
        ("pareto", (1.0,), "must be a setting of the config"),
        ("", (1.0,), "must be a setting of the config"),
        ("beta.pareto.x", (1.0,), "must be a setting of the config"),
        ("pareto.beta", (), "must have at least one value of config.pareto.beta, got none"),
        (
            "pareto.beta",
            (1.0, "much"),
            "of the type of config.pareto.beta .float, like 5.0., got 'much'",
        ),
        ("pareto.beta", (None,), "got None"),
        ("pareto.beta", (True,), "got True"),
        ("pareto.steps", (10.5,), "int, like 8., got 10.5"),
        ("data.proxy", ("0", "1"), "config.data.proxy is a list, so each of"),
        ("data.proxy", ((0,),), "of the type of config.data.proxy"),
        ("evaluation.holes", ("center:4", 8), "an entry of .*, got 8"),
        ("pareto.beta", (1, 1.0), "config.ablation.values must differ, got 1, 1"),
        ("pareto.beta", (5.0, -1.0), "beta must"),
        ("controls", (0.5, 1.5), r"Controls must lie in \[0, 1\], got 1.5"),
        ("evaluation.holes", ("center:4", "left:4"), "must be center:PIXELS"),
        ("model.encoder_heads", (2, 3), "heads"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_made(
    config, tmp_path, setting, values, sentence
):
    asked = changed(config, ablation__setting=setting, ablation__values=values)
    with pytest.raises(ValueError, match=sentence):
        ablate(asked, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_setting_that_may_be_none_still_has_a_type(config_of):
    config = config_of("mae_mnist")
    config.ablation.update(setting="pareto.clip", values=(None, 1.0))
    assert planned_ablation(config).values == ("none", "1")
    assert [run.config.pareto.clip for run in planned_runs(config)] == [None, 1.0]
    config.ablation.values = ("x",)
    with pytest.raises(ValueError, match=r"of the type of config.pareto.clip \(float, like None\)"):
        planned_ablation(config)


def test_a_foreign_folder_is_left_alone(config, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        ablate(config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_each_run_is_like_any_other(config):
    one, two = planned_runs(config)
    assert (one.folder, two.folder) == ("5", "1")
    assert (one.config.pareto.beta, two.config.pareto.beta) == (5.0, 1.0)
    assert two.config.ablation.to_dict() == settings.default_config().ablation.to_dict()
    other = changed(two.config, pareto__beta=5.0, name=one.config.name)
    assert other.to_dict() == one.config.to_dict()


@pytest.mark.parametrize("name", NAMES)
def test_every_ablation_of_the_config_can_be_run(config_of, name):
    config = config_of("ablation_mnist", name)
    record, runs = planned_ablation(config), list(planned_runs(config))
    assert record.name == name
    assert len(runs) == (1 if name in ("epsilon", "hole") else len(record.values))
    for run in runs:
        settings.validate(run.config)
    page = Path(__file__).parents[2] / "docs" / "ablations.md"
    assert f"| `{name}` |" in page.read_text()


def test_an_ablation_that_there_is_not(config_of):
    with pytest.raises(
        ValueError, match="must be one of epsilon, alpha, tau, beta, .* got 'gamma'"
    ):
        config_of("ablation_mnist", "gamma")


@pytest.mark.slow
def test_the_cost_of_an_update(tiny_config, tmp_path):
    asked = changed(tiny_config, ablation__setting="batch_size", ablation__values=(8,))
    asked.ablation.update(name="cost", cost=True)
    record = ablate(asked, tmp_path / "new")
    assert [(cost.value, cost.method) for cost in record.costs] == [
        ("8", "controllable"),
        ("8", "composite"),
    ]
    ours, theirs = record.costs
    assert ours.seconds > 0 and theirs.seconds > 0
    # At least both batches, and parameters with AdamW's two moments; ours has running means too.
    least = 2 * 8 * 28 * 28 + 3 * 4 * 3000
    assert 100 * least > min(ours.memory, theirs.memory) > least
    rows = list(csv.DictReader((tmp_path / "new" / "ablation.csv").open()))
    assert [float(row["memory"]) for row in rows] == [cost.memory for cost in record.costs]
    assert (tmp_path / "new" / "figures" / "cost.png").is_file()
