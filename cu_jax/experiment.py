"""One experiment, in the order of its stages: original, boundaries, path, baselines, report."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from clu import parameter_overview
from jax.typing import ArrayLike
from ml_collections import ConfigDict

from cu_jax import config as settings
from cu_jax import report, sharding, training
from cu_jax.data import open_data
from cu_jax.evaluation import FullSet, FullSetLosses, Validation
from cu_jax.logs import MetricLog
from cu_jax.methods import METHODS, Method, unlearning_objectives
from cu_jax.models import MODELS, Model, Params
from cu_jax.pretraining import original_model
from cu_jax.provenance import config_hash, environment
from cu_jax.results import Boundaries, Results, Solution, write_results
from cu_jax.stages import loss_config, method_config, requests
from cu_jax.training import Runner, Stage
from cu_jax.workdir import claim_workdir, save_solution, write_json


@dataclasses.dataclass
class Experiment:
    """Everything the stages share, and the solutions found so far.

    Attributes:
        config: the settings.
        model: the model.
        teacher: the original's parameters, θ0.
        runner: what the loop needs.
        losses: the two losses on the whole training sets.
        validation: the measures on validation pictures.
        began: when the run began, from ``time.perf_counter``.
    """

    config: ConfigDict
    model: Model
    teacher: Params
    runner: Runner
    losses: FullSetLosses
    validation: Validation
    solutions: list[Solution] = dataclasses.field(default_factory=list)
    stages: dict[str, float] = dataclasses.field(default_factory=dict)
    boundaries: Boundaries = Boundaries(
        epsilon_min=math.nan, epsilon_max=math.nan, epsilon_original=math.nan
    )
    steps: dict[str, Any] = dataclasses.field(default_factory=dict)

    def train(
        self,
        name: str,
        kind: str,
        method: Method,
        start: Params,
        *,
        steps: int,
        **knobs: ArrayLike,
    ) -> Params:
        """Runs one stage; stages of one ``kind`` share a compiled step.

        Args:
            name: of the stage and of its solution.
            kind: key of the compiled step.
            method: of the stage.
            start: the whole model's parameters to start from.
            steps: updates to make.
            **knobs: the method's further numbers.

        Returns:
            The whole model's parameters, the last iterate.
        """
        if kind not in self.steps:
            self.steps[kind] = training.compile_step(method, self.runner.mesh)
        state = method.init(start, steps=steps, **knobs)
        stage = Stage(name, self.steps[kind], state, steps, self.config.batch_size)
        trained, self.stages[name] = training.run_stage(self.runner, stage)
        _, frozen = method.trainable(start)
        return self.model.merge(trained, frozen)

    def add(
        self, name: str, method: str, params: Params, steps: int, chain: int, **request: Any
    ) -> FullSet:
        """Evaluates a solution, saves it, and lists it."""
        full = self.losses(params)
        measures, pictures = self.validation(params)
        folder = self.runner.workdir / "solutions" / name
        save_solution(folder, self.config, params, pictures)
        values: dict[str, Any] = full._asdict()
        if request:
            violation = full.forget_loss - request["epsilon"]
            values |= request | {
                "violation": violation,
                "feasible": violation <= 0.02 * self.boundaries.span,
            }
        solution = Solution(
            name=name,
            method=method,
            steps=steps,
            steps_from_original=chain,
            seconds=self.stages.get(name, 0.0),
            checkpoint=str(folder.relative_to(self.runner.workdir)),
            metrics=measures,
            **values,
        )
        self.solutions.append(solution)
        return full

    def results(self) -> Results:
        """What results.json says."""
        return Results(
            name=self.config.name,
            config_hash=config_hash(self.config),
            manifest_hash=self.runner.data.manifest.hash,
            environment=environment(),
            stages=self.stages,
            boundaries=self.boundaries,
            solutions=tuple(self.solutions),
        )


def run(config: ConfigDict, workdir: Path) -> Results:
    """Runs an experiment and writes its results, figures and solutions.

    Args:
        config: the settings (:mod:`cu_jax.config`).
        workdir: where everything goes; a folder that does not exist yet, is empty, or holds an
            unfinished run of the same settings, which then continues.

    Returns:
        What ``results.json`` says.

    Raises:
        ValueError: for settings or a workdir that cannot be used; before any compilation wherever
            that can be known then.
    """
    settings.validate(config)
    model = MODELS[config.model.name](config.model)
    claim_workdir(workdir, config)
    data = open_data(config.data)
    if data.image_shape != model.image_shape:
        raise ValueError(
            f"The model's pictures must be the data's {data.image_shape}, got {model.image_shape}: "
            "change config.model."
        )
    write_json(workdir / "manifest.json", json.loads(data.manifest.to_json()))
    with MetricLog(workdir) as log:
        runner = Runner(
            workdir=workdir,
            data=data,
            mesh=sharding.make_mesh(),
            log=log,
            seed=config.seed,
            log_every_steps=config.log_every_steps,
            checkpoint_every_steps=config.checkpoint_every_steps,
        )
        stages: dict[str, float] = {}
        teacher, classifier = original_model(config, model, runner, stages)
        experiment = _prepare(config, model, teacher, classifier, runner)
        experiment.stages |= stages
        boundary_models = _boundaries(experiment)
        chain_steps = _path(experiment, boundary_models)
        _baselines(experiment, chain_steps)
    results = experiment.results()
    write_results(workdir / "results.json", results)
    figures = report.write_report(workdir)
    print(report.closing(results, workdir, figures), flush=True)
    return results


def _prepare(
    config: ConfigDict, model: Model, teacher: Params, classifier: Params, runner: Runner
) -> Experiment:
    loss = loss_config(config, runner.data)
    evaluation = config.evaluation
    losses = FullSetLosses(
        unlearning_objectives(loss, model),
        model,
        teacher,
        runner.data,
        evaluation.batch_size,
        config.seed,
    )
    validation = Validation(
        model,
        classifier,
        runner.data,
        hole=evaluation.hole,
        batch_size=evaluation.batch_size,
        seed=config.seed,
        pictures=evaluation.pictures,
    )
    experiment = Experiment(config, model, teacher, runner, losses, validation)
    count = parameter_overview.count_parameters(teacher)
    print(f"Model {config.model.name}: {count:,} parameters.", flush=True)
    print(
        f"Classifier: {100 * validation.clean_accuracy:.1f} % right on clean validation pictures.",
        flush=True,
    )
    original = experiment.add("original", "original", teacher, 0, 0)
    experiment.boundaries = dataclasses.replace(
        experiment.boundaries, epsilon_original=original.forget_loss
    )
    return experiment


def _boundaries(experiment: Experiment) -> dict[str, Params]:
    """Phase I from the original, and with the roles swapped."""
    config, data = experiment.config, experiment.runner.data
    models = {"original": experiment.teacher}
    values = {}
    for name, swap in (("complete", False), ("utility", True)):
        chosen = method_config(config, data, "boundary", phase="boundary", swap=swap)
        if swap and config.boundary.utility_alpha is not None:
            chosen.alpha = config.boundary.utility_alpha
        method = METHODS["controllable"](chosen, experiment.model, experiment.teacher)
        steps = config.boundary.steps
        models[name] = experiment.train(name, name, method, experiment.teacher, steps=steps)
        values[name] = experiment.add(name, "controllable", models[name], steps, steps).forget_loss
    experiment.boundaries = dataclasses.replace(
        experiment.boundaries, epsilon_min=values["complete"], epsilon_max=values["utility"]
    )
    b = experiment.boundaries
    print(
        f"Forget loss can be chosen from {b.epsilon_min:.4g} (complete) over {b.epsilon_max:.4g} "
        f"(utility) to {b.epsilon_original:.4g} (original).",
        flush=True,
    )
    return models


def _path(experiment: Experiment, boundary_models: dict[str, Params]) -> int:
    """Phase II, from the first control outwards, each point from its neighbor's parameters alone.

    Returns:
        The steps of the whole chain behind the middle control.
    """
    config = experiment.config
    chosen = method_config(config, experiment.runner.data, "pareto", phase="pareto", swap=False)
    method = METHODS["controllable"](chosen, experiment.model, experiment.teacher)
    models = dict(boundary_models)
    chains = {name: 0 if name == "original" else config.boundary.steps for name in models}
    asked = requests(config, experiment.boundaries)
    steps = config.pareto.first_steps or config.pareto.steps
    for name, control, epsilon, start in asked:
        models[name] = experiment.train(
            name, "pareto", method, models[start], steps=steps, epsilon=epsilon
        )
        chains[name] = chains[start] + steps
        request = {"control": control, "epsilon": epsilon}
        experiment.add(name, "controllable", models[name], steps, chains[name], **request)
        steps = config.pareto.steps
    middle = sorted(asked, key=lambda request: request.control)[len(asked) // 2]
    return chains[middle.name]


def _baselines(experiment: Experiment, steps: int) -> None:
    """Composite losses from the original, unless one solution alone was asked for."""
    config = experiment.config
    if config.control is not None or config.epsilon is not None:
        return
    chosen = method_config(config, experiment.runner.data, "pareto")
    method = METHODS["composite"](chosen, experiment.model, experiment.teacher)
    for alpha in config.composite_alphas:
        name = f"composite_{alpha:g}"
        params = experiment.train(
            name, "composite", method, experiment.teacher, steps=steps, alpha=alpha
        )
        experiment.add(name, "composite", params, steps, steps)
