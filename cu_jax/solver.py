"""One solution: trained, evaluated and saved, or read where the workdir has it already."""

import dataclasses
import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from ml_collections import ConfigDict

from cu_jax import convert, preemption, sharding, training
from cu_jax.data import with_proxy
from cu_jax.evaluation import FullSetLosses
from cu_jax.fingerprints import StageRecord, settings_of
from cu_jax.logs import Progress
from cu_jax.methods import Method
from cu_jax.models import Model, Params
from cu_jax.plan import Request
from cu_jax.processes import is_first, wait_for_all
from cu_jax.results import Boundaries, Solution
from cu_jax.startup import release_memory
from cu_jax.training import Runner, Stage
from cu_jax.validation import Validation
from cu_jax.workdir import read_numbers, save_numbers, save_record, save_solution

FEASIBLE = 0.02
"""A violation of up to this share of ε_original - ε_min counts as feasible."""


@dataclasses.dataclass
class Solver:
    """Everything the stages share, and the solutions found so far.

    Attributes:
        config: the settings.
        model: the model.
        teacher: the original's parameters, θ0, placed by the rule of :mod:`cu_jax.sharding`: all
            solutions' arrays lie alike, so that they share the compiled programs.
        runner: what the loop needs.
        losses: the two losses on the whole training sets.
        validation: the measures on validation pictures.
        methods: name of a program to the method whose step it is; stages that differ in numbers
            only share a program.
        boundaries: the range of ε; NaN until it is known.
        solutions: name to solution, in the order they were asked for.
    """

    config: ConfigDict
    model: Model
    teacher: Params
    runner: Runner
    losses: FullSetLosses
    validation: Validation
    methods: dict[str, Method]
    boundaries: Boundaries = Boundaries(
        epsilon_min=math.nan, epsilon_max=math.nan, epsilon_original=math.nan
    )
    solutions: dict[str, Solution] = dataclasses.field(default_factory=dict)
    steps: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def forget_pictures(self) -> int:
        """How many pictures the forget training set has."""
        return len(self.runner.data.source("forget", "train"))

    def params(self, name: str) -> Params:
        """The whole model's parameters of a solution, from the workdir, on the devices."""
        if name == "original":
            return self.teacher
        path = self.runner.workdir / "solutions" / name / "params.safetensors"
        params = convert.load_weights(path, jax.eval_shape(self.model.init, jax.random.key(0)))
        return sharding.put(self.runner.mesh, params)

    def original(self) -> Solution:
        """The solution that nothing was done to."""
        settings = settings_of(self.config, "original")
        record = StageRecord("original", None, 0, None, {}, settings)
        save_record(self.runner.workdir, "original", record)
        asked = Solution(
            name="original",
            method="original",
            retain_loss=0.0,
            forget_loss=0.0,
            nonfinite_steps=self._skipped("tokenizer", "pretrain"),
        )
        return self._known("original") or self._evaluated(asked, self.teacher)

    def solve(self, request: Request, program: str, title: str) -> Solution:
        """Runs a request's stage and evaluates where it ended, as far as that is not done yet.

        Args:
            request: the stage.
            program: name of its method among ``methods``.
            title: the method's name, for the results.

        Returns:
            The solution.
        """
        known = self._known(request.name)
        if known is not None:
            return known
        settings = settings_of(self.config, request.kind)
        record = StageRecord(
            request.kind, request.start, request.steps, request.control, request.knobs, settings
        )
        save_record(self.runner.workdir, request.name, record)
        params, seconds = self._trained(request, program)
        before = self.solutions[request.start].steps_from_original
        asked = Solution(
            name=request.name,
            method=title,
            retain_loss=math.nan,
            forget_loss=math.nan,
            control=request.control,
            epsilon=request.knobs.get("epsilon"),
            steps=request.steps,
            steps_from_original=before + request.steps,
            nonfinite_steps=self._skipped(request.name),
            seconds=seconds,
        )
        return self._evaluated(asked, params)

    def add(self, name: str, steps: int, train: Callable[[], tuple[Params, float]]) -> Solution:
        """A solution that is not made from another one.

        Args:
            name: of the solution and of its method.
            steps: updates that it takes.
            train: makes it: the whole model's parameters, and seconds.

        Returns:
            The solution.
        """
        known = self._known(name)
        if known is not None:
            return known
        settings = settings_of(self.config, name)
        save_record(self.runner.workdir, name, StageRecord(name, None, steps, None, {}, settings))
        params, seconds = train()
        params = sharding.put(self.runner.mesh, params)
        asked = Solution(
            name=name,
            method=name,
            retain_loss=math.nan,
            forget_loss=math.nan,
            steps=steps,
            seconds=seconds,
            nonfinite_steps=self._skipped(name, f"{name}_tokenizer"),
        )
        return self._evaluated(asked, params)

    def _skipped(self, *stages: str) -> int:
        """Steps that stages skipped, because a loss or a gradient was not finite."""
        return sum(self.runner.skipped.get(stage, 0) for stage in stages)

    def _trained(self, request: Request, program: str) -> tuple[Params, float]:
        """The whole model's parameters at the end of a request's stage, and its seconds."""
        method = self.methods[program]
        if program not in self.steps:
            self.steps[program] = training.compile_step(method, self.runner.mesh)
        start = self.params(request.start)
        stage = Stage(
            request.name,
            self.steps[program],
            partial(method.init, start, steps=request.steps, **request.knobs),
            request.steps,
            self.config.batch_size,
            self.config.data.augment,
        )
        runner = self.runner
        if request.kind == "composite_proxy":
            runner = dataclasses.replace(runner, data=with_proxy(runner.data, self.config.data))
        trained, seconds = training.run_stage(runner, stage)
        release_memory()
        return method.merge(trained, method.trainable(start)[1]), seconds

    def _known(self, name: str) -> Solution | None:
        """A solution that the workdir has, evaluated as it is now asked for."""
        folder = self.runner.workdir / "solutions" / name
        solution = read_numbers(folder, self.config)
        if not sharding.everywhere(solution is not None):
            return None
        if solution is not None:
            self.solutions[name] = solution
        return solution

    def _evaluated(self, asked: Solution, params: Params) -> Solution:
        """Evaluates parameters, saves them, and lists the solution."""
        preemption.check()
        total, seen = self.losses.pictures + self.validation.pictures, 0
        with Progress(f"{asked.name}: evaluation", total, unit="pictures") as progress:

            def done(count: int) -> None:
                nonlocal seen
                seen += count
                progress.update(seen)
                preemption.check()

            full = self.losses(params, done)
            measured = self.validation(params, done)
        finite = all(map(math.isfinite, (full.retain_loss, full.forget_loss)))
        if not finite and is_first():
            print(
                f"Solution {asked.name}: its losses on the whole training sets are not finite "
                f"(retain {full.retain_loss}, forget {full.forget_loss}).",
                file=sys.stderr,
                flush=True,
            )
        folder = self.runner.workdir / "solutions" / asked.name
        values: dict[str, Any] = full._asdict()
        if asked.epsilon is not None:
            violation = full.forget_loss - asked.epsilon
            values["violation"] = violation
            values["feasible"] = violation <= FEASIBLE * self.boundaries.span
        solution = dataclasses.replace(
            asked,
            checkpoint=str(folder.relative_to(self.runner.workdir)),
            metrics=measured.values,
            **values,
        )
        kept = sharding.on_host(params)
        if is_first():
            save_solution(folder, self.config, kept, measured.pictures, measured.embeddings)
            save_numbers(folder, self.config, solution)
        wait_for_all()  # other stages start from what was written
        release_memory()
        self.solutions[asked.name] = solution
        return solution
