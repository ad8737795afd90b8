"""The other methods of a run, each from the original: as many updates as ours, or a search."""

import math
from collections.abc import Mapping
from functools import partial

from cu_jax.bisection import search
from cu_jax.fingerprints import StageRecord
from cu_jax.plan import baseline_requests, composite_requests, search_request
from cu_jax.pretraining import retrained
from cu_jax.results import RETRAIN, SEARCHED
from cu_jax.solver import Solver
from cu_jax.stages import baseline_names


def run_baselines(solver: Solver, chain: int, records: Mapping[str, StageRecord]) -> None:
    """Composite losses, the methods that the config names or the workdir has, and searches.

    Args:
        solver: what the stages share; our own solutions are in it.
        chain: updates from the original to the middle control, which a baseline takes too where the
            config names no other number or rule.
        records: of the stages in the workdir.
    """
    config, steps = solver.config, _steps(solver, chain)
    for request in composite_requests(config, steps, records):
        solver.solve(request, "composite", "composite")
    for method, request in baseline_requests(config, steps, solver.boundaries, records):
        # The proxy's program is the composite loss's: they differ in their pictures.
        solver.solve(request, "composite" if method == "composite_proxy" else method, method)
    if RETRAIN in baseline_names(config) or RETRAIN in records:
        train = partial(retrained, config, solver.model, solver.runner)
        solver.add(RETRAIN, config.pretrain.steps, train)

    def forget_loss(alpha: float) -> float:
        request = search_request(alpha, chain, records)
        return solver.solve(request, "composite", SEARCHED).forget_loss

    search(config.search, solver.boundaries, forget_loss)


def _steps(solver: Solver, chain: int) -> int:
    """Updates of each run of a baseline."""
    if solver.config.baselines.equal_budget:
        ours = [s for s in solver.solutions.values() if s.method == "controllable"]
        return math.ceil(sum(s.steps for s in ours) / sum(s.epsilon is not None for s in ours))
    return solver.config.baselines.steps or chain
