"""The whole path on a tiny model: stages, files, results, repeatability, refusals."""

import json

import jax
import numpy as np
import pytest

from cu_jax import config as settings
from cu_jax import convert, experiment, plan
from cu_jax.fingerprints import StageRecord
from cu_jax.models import MODELS
from cu_jax.results import Boundaries, read_results

STAGES = ["pretrain", "classifier", "complete", "utility"]
STAGES += ["control_0.5", "control_1", "control_0", "composite_0.1", "composite_1"]


def test_stages_and_solutions_come_in_order(tiny_run):
    _, results = tiny_run
    assert list(results.stages) == STAGES
    assert [s.name for s in results.solutions] == ["original", *STAGES[2:]]


def test_results_file_says_what_was_returned(tiny_run):
    workdir, results = tiny_run
    assert read_results(workdir).to_json() == results.to_json()


def test_the_workdir_holds_what_is_promised(tiny_run):
    workdir, results = tiny_run
    for solution in results.solutions:
        folder = workdir / solution.checkpoint
        assert (folder / "params.safetensors").is_file()
        assert json.loads((folder / "model.json").read_text())["model"]["name"] == "mae"
        with np.load(folder / "pictures.npz") as pictures:
            assert pictures["forget_restored"].shape == (6, 28, 28, 1)
            assert pictures["mask"].sum() == 12 * 12
        with np.load(folder / "embeddings.npz") as embeddings:
            assert embeddings["network"] == "digits"
            assert embeddings["forget"].shape == embeddings["forget_original"].shape == (250, 64)
    for name in ("front", "curves", "grid"):
        assert (workdir / "figures" / f"{name}.png").stat().st_size > 5000
    for name in STAGES:
        assert [p.name for p in (workdir / "stages" / name).iterdir() if p.name.isdigit()]
    assert list(workdir.glob("events*")) or list(workdir.rglob("events.*"))


def test_every_step_is_logged_once(tiny_run):
    workdir, results = tiny_run
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    for solution in results.solutions[1:]:
        steps = [line["step"] for line in lines if line["stage"] == solution.name]
        assert steps == list(range(solution.steps))
    first = next(line for line in lines if line["stage"] == "control_0.5")
    assert {"retain_loss", "forget_loss", "multiplier", "violation", "cosine"} <= set(first)


def test_requests_interpolate_the_boundaries(tiny_run):
    _, results = tiny_run
    low, high = results.boundaries.epsilon_min, results.boundaries.epsilon_max
    half = results["control_0.5"]
    assert half.epsilon == pytest.approx((low + high) / 2)
    assert half.violation == pytest.approx(half.forget_loss - half.epsilon)
    assert half.feasible == (half.violation <= 0.02 * results.boundaries.span)


def test_original_is_the_teacher_itself(tiny_run):
    _, results = tiny_run
    original = results["original"]
    assert original.retain_loss == 0 and original.stationarity == 0
    assert original.forget_loss == results.boundaries.epsilon_original
    assert results["complete"].forget_loss < original.forget_loss


def test_steps_count_the_chain(tiny_run):
    _, results = tiny_run
    chain = [results[f"control_{r}"].steps_from_original for r in ("1", "0.5", "0")]
    assert chain == [18, 10, 18]
    assert results["composite_1"].steps == 10


def test_a_solution_is_its_checkpoint(tiny_run, tiny_config):
    workdir, results = tiny_run
    model = MODELS["mae"](tiny_config.model)
    template = jax.eval_shape(model.init, jax.random.key(0))
    solution, original = (
        convert.load_weights(workdir / "solutions" / name / "params.safetensors", template)
        for name in ("control_0.5", "original")
    )
    same = jax.tree.map(np.array_equal, solution["decoder"], original["decoder"])
    assert all(jax.tree.leaves(same))
    assert not np.array_equal(
        solution["encoder"]["patch_embed"]["kernel"], original["encoder"]["patch_embed"]["kernel"]
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(tiny_run, tiny_config, tmp_path, numbers):
    _, first = tiny_run
    second = experiment.run(tiny_config, tmp_path / "again")
    assert numbers(first) == numbers(second)


BOUNDS = Boundaries(epsilon_min=0.5, epsilon_max=1.0, epsilon_original=2.0)


def test_one_solution_instead_of_the_path(tiny_config):
    config = tiny_config.copy_and_resolve_references()
    config.control = 0.3
    (request,) = plan.path_requests(config, 400, BOUNDS, {})
    assert (request.name, request.control, request.start) == ("control_0.3", 0.3, "original")
    assert request.knobs == {"epsilon": pytest.approx(0.65)}
    assert plan.composite_requests(config, 10, {}) == []
    config.control = None
    config.epsilon = 0.75
    (request,) = plan.path_requests(config, 400, BOUNDS, {})
    assert (request.name, request.control, request.start) == ("epsilon_0.75", 0.5, "original")
    assert request.knobs == {"epsilon": 0.75}
    for outside in (0.4, 2.0):
        config.epsilon = outside
        with pytest.raises(ValueError, match=r"config.epsilon must lie in \[0.5, 2\)"):
            plan.path_requests(config, 400, BOUNDS, {})


def test_what_the_workdir_has_stays_as_it_was(config_of):
    """New points start from neighbors that are there; finished ones keep start, steps and ε."""
    config = config_of("mae_mnist")
    config.controls = (0.0, 0.5)
    old = plan.path_requests(config, 400, BOUNDS, {})
    records = {r.name: StageRecord(r.kind, r.start, r.steps, r.control, r.knobs, {}) for r in old}
    records["composite_0.3"] = StageRecord("composite", "original", 77, None, {"alpha": 0.3}, {})
    config.controls = (0.25, 0.75)
    config.pareto.first_control = 0.3
    found = {r.name: r for r in plan.path_requests(config, 400, BOUNDS, records)}
    assert {name: r.start for name, r in found.items()} == {
        "control_0.25": "original",
        "control_0.5": "original",
        "control_0": "control_0.5",
        "control_0.75": "control_0.5",
    }
    assert [found[r.name] for r in old] == old
    composites = plan.composite_requests(config, 10, records)
    assert {r.name: r.steps for r in composites} == {
        f"composite_{alpha}": 77 for alpha in (0.07, 0.18, 0.45, 0.3)
    }


def test_a_recorded_point_waits_for_the_one_it_starts_from(config_of):
    """The plan of (0, 1) began at 0, and 1 came from there; that of (0, 0.5, 1) visits 1 first."""
    config = config_of("mae_mnist")
    config.controls = (0.0, 1.0)
    old = plan.path_requests(config, 400, BOUNDS, {})
    records = {r.name: StageRecord(r.kind, r.start, r.steps, r.control, r.knobs, {}) for r in old}
    assert records["control_1"].start == "control_0"
    config.controls = (0.0, 0.5, 1.0)
    found = [r.name for r in plan.path_requests(config, 400, BOUNDS, records)]
    assert found.index("control_0") < found.index("control_1")
    assert sorted(found) == ["control_0", "control_0.5", "control_1"]


@pytest.mark.parametrize(
    ("first", "order"),
    [
        (0.5, [(0.5, "utility"), (0.75, 0.5), (1.0, 0.75), (0.25, 0.5), (0.0, 0.25)]),
        (1.0, [(1.0, "utility"), (0.75, 1.0), (0.5, 0.75), (0.25, 0.5), (0.0, 0.25)]),
        (0.1, [(0.0, "utility"), (0.25, 0.0), (0.5, 0.25), (0.75, 0.5), (1.0, 0.75)]),
    ],
)
def test_the_path_goes_outwards_from_its_first_control(config_of, first, order):
    config = config_of("mae_mnist")
    config.pareto.update(first_control=first, start="utility")
    names = {r: f"control_{r:g}" for r in config.controls} | {"utility": "utility"}
    found = [(r.name, r.start) for r in plan.path_requests(config, 400, BOUNDS, {})]
    assert found == [(names[r], names[start]) for r, start in order]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"controls": (0.5, 1.5)}, r"Controls must lie in \[0, 1\], got 1.5"),
        ({"controls": (0.5, 0.5)}, "Controls must differ"),
        ({"pareto.first_control": 2.0}, "got 2.0: change config.pareto.first_control"),
        ({"control": -0.1}, r"Controls must lie in \[0, 1\], got -0.1"),
        ({"control": 0.1, "epsilon": 0.3}, "At most one of"),
        (
            {"pareto.steps": 0},
            "config.pareto.steps must be at least 1, or 0 and config.pareto.epochs",
        ),
        ({"batch_size": 0}, "config.batch_size must be at least 1"),
        ({"pareto.start": "middle"}, "config.pareto.start must be one of"),
        ({"model.name": "vae"}, "config.model.name must be one of"),
        ({"data.name": "mnist"}, "config.data.name must be one of"),
        ({"composite_alphas": (0.0,)}, "composite_alphas must be greater than 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(config_of, changes, sentence):
    config = config_of("mae_mnist")
    config.update_from_flattened_dict(changes)
    with pytest.raises(ValueError, match=sentence):
        settings.validate(config)
