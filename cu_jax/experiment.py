"""One experiment, in the order of its stages: original, boundaries, path, baselines, report."""

import dataclasses
import hashlib
import json
import math
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from ml_collections import ConfigDict

from cu_jax import config as settings
from cu_jax import convert, report, sharding, training
from cu_jax.data import Data, open_data
from cu_jax.evaluation import FullSet, FullSetLosses, Validation
from cu_jax.logs import MetricLog
from cu_jax.methods import METHODS, Method, unlearning_objectives
from cu_jax.models import MODELS, Model, Params
from cu_jax.pretraining import original_model
from cu_jax.results import Boundaries, Results, Solution, write_results
from cu_jax.training import Runner, Stage

MODEL_FORMAT = 1
"""Version of ``solutions/<name>/model.json``."""


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
        _save_solution(folder, self.config, params, pictures)
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
    _write_json(workdir / "manifest.json", json.loads(data.manifest.to_json()))
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
    print(
        f"Classifier: {100 * validation.clean_accuracy:.1f} % right on clean validation pictures.",
        flush=True,
    )
    original = experiment.add("original", "original", teacher, 0, 0)
    experiment.boundaries = dataclasses.replace(
        experiment.boundaries, epsilon_original=original.forget_loss
    )
    return experiment


def loss_config(config: ConfigDict, data: Data) -> ConfigDict:
    """The losses' settings: the config's, and the noise pictures' statistics from the data."""
    mean, std = data.pixel_statistics("forget", "train")
    return ConfigDict(
        dict(
            space=config.loss.space,
            noise_mean=tuple(map(float, mean)),
            noise_std=tuple(map(float, std)),
        )
    )


def method_config(config: ConfigDict, data: Data, section: str, **changes: Any) -> ConfigDict:
    """A method's settings: the losses', those of one section of the config, and ``changes``.

    Example:
        ``method_config(config, data, "boundary", phase="boundary", swap=False)``
    """
    unused = {"beta": 5.0, "delta": 1.0, "alpha": 5.0, "tau": 2.0}  # By the other phase.
    return ConfigDict(unused | dict(loss_config(config, data)) | dict(config[section]) | changes)


def _boundaries(experiment: Experiment) -> dict[str, Params]:
    """Phase I from the original, and with the roles swapped."""
    config, data = experiment.config, experiment.runner.data
    models = {"original": experiment.teacher}
    values = {}
    for name, swap in (("complete", False), ("utility", True)):
        chosen = method_config(config, data, "boundary", phase="boundary", swap=swap)
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


def requests(config: ConfigDict, boundaries: Boundaries) -> list[tuple[str, float, float]]:
    """``(name, control, epsilon)`` of the solutions asked for, in the order they are visited.

    Raises:
        ValueError: if ``config.epsilon`` is outside the range that the boundaries found.
    """
    low, high = boundaries.epsilon_min, boundaries.epsilon_max
    if config.epsilon is not None:
        if not low <= config.epsilon < boundaries.epsilon_original:
            raise ValueError(
                f"config.epsilon must lie in [{low:.4g}, {boundaries.epsilon_original:.4g}), the "
                f"range that the boundaries found, got {config.epsilon}: choose one inside."
            )
        return [
            (f"epsilon_{config.epsilon:g}", (config.epsilon - low) / (high - low), config.epsilon)
        ]
    controls = config.controls if config.control is None else (config.control,)
    tightening = config.pareto.start != "complete"
    ordered = sorted(controls, reverse=tightening)
    return [(f"control_{r:g}", r, low + r * (high - low)) for r in ordered]


def _path(experiment: Experiment, boundary_models: dict[str, Params]) -> int:
    """Phase II, each point from its neighbor's parameters alone.

    Returns:
        The steps of the whole chain behind the middle control.
    """
    config = experiment.config
    chosen = method_config(config, experiment.runner.data, "pareto", phase="pareto", swap=False)
    method = METHODS["controllable"](chosen, experiment.model, experiment.teacher)
    start = config.pareto.start
    params = boundary_models[start]
    chain = 0 if start == "original" else config.boundary.steps
    chains = {}
    steps = config.pareto.first_steps or config.pareto.steps
    for name, control, epsilon in requests(config, experiment.boundaries):
        params = experiment.train(name, "pareto", method, params, steps=steps, epsilon=epsilon)
        chain += steps
        chains[control] = chain
        experiment.add(name, "controllable", params, steps, chain, control=control, epsilon=epsilon)
        steps = config.pareto.steps
    middle = sorted(chains)[len(chains) // 2]
    return chains[middle]


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


def claim_workdir(workdir: Path, config: ConfigDict) -> None:
    """Makes the workdir, or checks that it belongs to an unfinished run of the same settings.

    Raises:
        ValueError: if it holds something else; nothing in it is touched then.
    """
    path = workdir / "config.json"
    if path.is_file():
        if json.loads(path.read_text())["hash"] != config_hash(config):
            raise ValueError(
                f"A workdir must hold runs of one set of settings, and {workdir} was made with "
                "others: give another --workdir."
            )
        if (workdir / "results.json").exists():
            raise ValueError(
                f"A run writes into a workdir once, and {workdir} already holds its results: give "
                "another --workdir."
            )
    elif workdir.exists() and any(workdir.iterdir()):
        raise ValueError(
            f"--workdir must be new, empty, or an unfinished run, and {workdir} holds other files: "
            "give another --workdir."
        )
    workdir.mkdir(parents=True, exist_ok=True)
    _write_json(
        path, {"hash": config_hash(config), "config": json.loads(config.to_json_best_effort())}
    )


def config_hash(config: ConfigDict) -> str:
    """SHA-256 of the settings as sorted JSON."""
    text = json.dumps(json.loads(config.to_json_best_effort()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def environment() -> dict[str, Any]:
    """Versions, platform and devices."""
    packages = ("cu-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")
    versions: dict[str, str | None] = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "python": platform.python_version(),
        **versions,
        "platform": platform.platform(),
        "device": jax.devices()[0].device_kind,
        "device_count": jax.device_count(),
    }


def _save_solution(
    folder: Path, config: ConfigDict, params: Params, pictures: dict[str, np.ndarray]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    convert.save_weights(folder / "params.safetensors", params, {"model": config.model.name})
    _write_json(
        folder / "model.json",
        {"format": MODEL_FORMAT, "model": json.loads(config.model.to_json_best_effort())},
    )
    temporary = folder / f".pictures.{os.getpid()}.tmp.npz"
    arrays: dict[str, Any] = dict(pictures)
    np.savez_compressed(temporary, **arrays)
    os.replace(temporary, folder / "pictures.npz")


def _write_json(path: Path, value: Any) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(temporary, path)
