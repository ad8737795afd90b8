"""One experiment, in the order of its stages: original, boundaries, path, baselines, report."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

from clu import parameter_overview
from ml_collections import ConfigDict

from cu_jax import metrics, report, sharding
from cu_jax.baselines import run_baselines
from cu_jax.data import Data, open_data
from cu_jax.evaluation import FullSetLosses
from cu_jax.feature_networks import LoadedNetwork, load_networks
from cu_jax.fingerprints import StageRecord
from cu_jax.holes import NamedHole
from cu_jax.inputs import keep_inputs
from cu_jax.inventory import check_pictures, forget_statistics
from cu_jax.locking import claimed
from cu_jax.logs import MetricLog
from cu_jax.methods import frozen_parts, unlearning_objectives
from cu_jax.models import Model, Params
from cu_jax.plan import Request, path_requests
from cu_jax.preflight import check_data, checked_settings
from cu_jax.pretraining import original_model
from cu_jax.processes import is_first, own_folder, together, wait_for_all
from cu_jax.provenance import config_hash, environment
from cu_jax.results import Results, write_results
from cu_jax.solver import Solver
from cu_jax.stages import (
    epochs_note,
    loss_config,
    stage_methods,
    stage_steps,
)
from cu_jax.training import Runner
from cu_jax.validation import Validation
from cu_jax.workdir import save_config


def run(config: ConfigDict, workdir: Path) -> Results:
    """Runs an experiment and writes its results, figures and solutions.

    Args:
        config: the settings (:mod:`cu_jax.config`).
        workdir: where everything goes: a folder that does not exist yet, is empty, or is that of a
            run. Stages that it has are used again, one that was interrupted continues, and new
            controls are added.

    Returns:
        What ``results.json`` says.

    Raises:
        ValueError: for settings or a workdir that cannot be used; before any compilation wherever
            that can be known then.
    """
    model, holes = checked_settings(config)
    networks = load_networks(config.evaluation.networks.to_dict())
    with claimed(workdir, config) as records:
        data = together(lambda: _opened(config, workdir, model, bool(records)))
        with own_folder(workdir) as folder, MetricLog(folder) as log:
            runner = Runner(
                workdir=workdir,
                data=data,
                mesh=sharding.make_mesh(config.mesh.fsdp),
                log=log,
                seed=config.seed,
                log_every_steps=config.log_every_steps,
                checkpoint_every_steps=config.checkpoint_every_steps,
                max_nonfinite_steps=config.max_nonfinite_steps,
            )
            seconds: dict[str, float] = {}
            teacher, classifier = sharding.put(
                runner.mesh, original_model(config, model, runner, seconds)
            )
            loss = loss_config(config, *forget_statistics(workdir, data))
            if config.data.cache_tokens:
                _, rest = model.split(teacher)
                kept = keep_inputs(workdir, data, model, rest, config.evaluation.batch_size)
                runner = dataclasses.replace(runner, data=kept)
            digits = [] if classifier is None else [LoadedNetwork(metrics.DIGITS, classifier)]
            solver = _prepare(config, loss, model, teacher, [*networks, *digits], holes, runner)
            _boundaries(solver)
            run_baselines(solver, _path(solver, records), records)
        results = _results(solver, seconds)
        save_config(workdir, config)
        write_results(workdir / "results.json", results)
        figures = report.write_report(workdir) if is_first() else ()
        wait_for_all()  # the others keep still until the report is there
    print(report.closing(results, workdir, figures), flush=True)
    return results


def _opened(config: ConfigDict, workdir: Path, model: Model, begun: bool) -> Data:
    """The pictures, when they and the settings fit together; the folder is a run's from now on."""
    data = open_data(config.data, model.image_shape)
    check_data(config, data, model)
    if not (workdir / "config.json").exists():  # first of all: it makes the folder a run's
        save_config(workdir, config)
    check_pictures(workdir, data, begun=begun, max_bad_fraction=config.data.max_bad_fraction)
    return data


def _prepare(
    config: ConfigDict,
    loss: ConfigDict,
    model: Model,
    teacher: Params,
    networks: list[LoadedNetwork],
    holes: list[NamedHole],
    runner: Runner,
) -> Solver:
    frozen = sharding.put(runner.mesh, frozen_parts(loss, model, teacher))
    methods = stage_methods(config, loss, model, frozen)
    evaluation, size, seed = config.evaluation, config.evaluation.batch_size, config.seed
    losses = FullSetLosses(
        unlearning_objectives(loss, model), model, frozen, runner.data, size, seed, runner.mesh
    )
    validation = Validation(
        model,
        networks,
        runner.data,
        holes=holes,
        batch_size=size,
        seed=seed,
        mesh=runner.mesh,
        pictures=evaluation.pictures,
        legacy_reference=evaluation.legacy_reference,
    )
    solver = Solver(config, model, teacher, runner, losses, validation, methods)
    _announce(solver)
    original = solver.original()
    solver.boundaries = dataclasses.replace(
        solver.boundaries, epsilon_original=original.forget_loss
    )
    return solver


def _announce(solver: Solver) -> None:
    """Says what is about to run."""
    config = solver.config
    count = parameter_overview.count_parameters(solver.teacher)
    print(f"Model {config.model.name}: {count:,} parameters.")
    if config.mesh.fsdp > 1:
        print(parameter_overview.get_parameter_overview(solver.teacher, include_stats="sharding"))
    accuracy = solver.validation.clean_accuracy
    if accuracy is not None:
        print(f"Classifier: {100 * accuracy:.1f} % right on clean validation pictures.")
    for name in ("boundary", "pareto"):
        if not config[name].steps:
            print(epochs_note(config, name, solver.forget_pictures))
    sys.stdout.flush()


def _boundaries(solver: Solver) -> None:
    """Phase I from the original, and with the roles swapped."""
    values = {}
    steps = stage_steps(solver.config, "boundary", solver.forget_pictures)
    for name in ("complete", "utility"):
        request = Request(name, name, "original", steps, {})
        values[name] = solver.solve(request, name, "controllable").forget_loss
    solver.boundaries = dataclasses.replace(
        solver.boundaries, epsilon_min=values["complete"], epsilon_max=values["utility"]
    )
    b = solver.boundaries
    print(
        f"Forget loss can be chosen from {b.epsilon_min:.4g} (complete) over {b.epsilon_max:.4g} "
        f"(utility) to {b.epsilon_original:.4g} (original).",
        flush=True,
    )


def _path(solver: Solver, records: Mapping[str, StageRecord]) -> int:
    """Phase II, from the first control outwards, each point from its neighbor's parameters alone.

    Returns:
        The steps of the whole chain behind the middle control.
    """
    steps = stage_steps(solver.config, "pareto", solver.forget_pictures)
    asked = path_requests(solver.config, steps, solver.boundaries, records)
    for request in asked:
        solver.solve(request, "pareto", "controllable")
    middle = sorted(asked, key=lambda request: request.knobs["epsilon"])[len(asked) // 2]
    return solver.solutions[middle.name].steps_from_original


def _results(solver: Solver, seconds: dict[str, float]) -> Results:
    trained = {name: s.seconds for name, s in solver.solutions.items() if name != "original"}
    return Results(
        name=solver.config.name,
        config_hash=config_hash(solver.config),
        manifest_hash=solver.runner.data.manifest.hash,
        environment=environment(),
        stages=seconds | trained,
        boundaries=solver.boundaries,
        solutions=tuple(solver.solutions.values()),
    )
