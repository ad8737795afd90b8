"""All methods with several seeds, at equal cost: each seed a run of its own, then what they say."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from cu_jax import audits, bisection, experiment, report
from cu_jax import config as settings
from cu_jax.locking import claimed_group
from cu_jax.methods import BASELINES, BY_ALPHA
from cu_jax.plan import SEARCH
from cu_jax.provenance import config_hash
from cu_jax.results import (
    COMPARISON_NAME,
    Comparison,
    Probe,
    Results,
    Search,
    Solution,
    write_comparison_record,
)

OURS = "controllable"
EVERY = (OURS, *BASELINES)


def compare(config: ConfigDict, workdir: Path, methods: Sequence[str], seeds: int) -> Comparison:
    """Runs every method with every seed and writes tables, figures and a page.

    Each seed is a run in ``<workdir>/seed_<k>``: what is there already is used again, and what was
    interrupted goes on. Our method makes ``config.comparison.controls``; every other one makes as
    many runs with as many updates in all, boundaries included. Retraining has no knob and no other
    original to stand beside: it is made once, with the first seed, and with it the audits.

    Args:
        config: the experiment's settings.
        workdir: where everything goes: new, empty, or the folder of this comparison.
        methods: names in :data:`EVERY`; ours is always among them.
        seeds: how many, from ``config.seed`` on.

    Returns:
        What ``comparison.json`` says.

    Raises:
        ValueError: for methods, seeds or settings that cannot be used, before any compilation.
    """
    chosen = checked_methods(config, methods)
    if seeds < 1:
        raise ValueError(f"--seeds must be at least 1, got {seeds}: raise it.")
    numbers = range(config.seed, config.seed + seeds)
    configs = {seed: seed_config(config, chosen, seed) for seed in numbers}
    for one in configs.values():
        settings.validate(one)
    found: dict[int, Results] = {}
    with claimed_group(workdir, COMPARISON_NAME):
        # First of all: it makes the folder a comparison's.
        write_comparison_record(
            workdir / COMPARISON_NAME, _record(config, chosen, numbers, configs, found)
        )
        for seed, one in configs.items():
            print(f"Seed {seed}, {len(found) + 1} of {seeds}.", flush=True)
            found[seed] = experiment.run(one, workdir / f"seed_{seed}")
            if "retrain" in one.baselines.methods:
                audits.audit_run(workdir / f"seed_{seed}", _audited(found[seed], chosen))
            record = _record(config, chosen, numbers, configs, found)
            write_comparison_record(workdir / COMPARISON_NAME, record)
        made = report.write_comparison(workdir)
    print(report.comparison_closing(workdir, made), flush=True)
    return record


def checked_methods(config: ConfigDict, methods: Sequence[str]) -> tuple[str, ...]:
    """The methods to compare, in the table's order.

    Args:
        config: the experiment's settings.
        methods: their names, or ``all``.

    Returns:
        Names, ours first. Of ``all`` those are left out that the config does not allow: retraining
        where it does not say how the original was made, and proxies where it names none.

    Raises:
        ValueError: for an unknown name, or a method without as many weights as there are controls.

    Example:
        >>> config = settings.default_config()
        >>> config.baselines.alphas.composite = (0.1, 0.3, 1.0)
        >>> checked_methods(config, ["composite"])
        ('controllable', 'composite')
    """
    every = set(EVERY)
    if not config.pretrain.steps and not config.baselines.retrain_weights:
        every -= {"retrain"}
    if not any(config.data.proxy) and not config.data.proxy_folder:
        every -= {"composite_proxy"}
    unknown = sorted(set(methods) - {"all", *EVERY})
    if unknown:
        raise ValueError(
            f"--methods must be all, or some of {', '.join(EVERY)}, got {', '.join(unknown)}: "
            "correct it."
        )
    wanted = {OURS, *methods} - {"all"} | (every if "all" in methods else set())
    runs = len(config.comparison.controls)
    for name in BY_ALPHA:
        alphas = config.baselines.alphas[name]
        if name in wanted and len(alphas) != runs:
            raise ValueError(
                f"Every method must have as many runs, {runs} as config.comparison.controls says, "
                f"and config.baselines.alphas.{name} has {len(alphas)} weights: give {runs}."
            )
    return tuple(name for name in EVERY if name in wanted)


def seed_config(config: ConfigDict, methods: Sequence[str], seed: int) -> ConfigDict:
    """The settings of one seed's run.

    Args:
        config: the experiment's settings.
        methods: what is compared.
        seed: of the run.

    Returns:
        A copy that asks for the controls, the baselines and the searches of the comparison.

    Note:
        ``config.comparison.share`` shortens every stage, its warm-up included, and raises what acts
        at a rate by as much: β of ours and the dual rate of ``primal_dual``. Otherwise ours would
        end further from ε, with the same β and a third of the updates by up to 2.3 % of the range
        where this gives 1.8 %.
    """
    changed = config.copy_and_resolve_references()
    changed.seed, changed.controls = seed, config.comparison.controls
    others = [name for name in methods if name not in (OURS, "composite")]
    if seed != config.seed:
        others = [name for name in others if name != "retrain"]
    changed.baselines.update(methods=tuple(others) or ("",), equal_budget=True)
    changed.composite_alphas = ()
    if "composite" in methods:
        changed.composite_alphas = config.baselines.alphas.composite
        changed.search.controls = config.comparison.search
    share = config.comparison.share
    for section in (changed.boundary, changed.pareto):
        for key in ("steps", "first_steps"):
            if section.get(key):
                section[key] = math.ceil(share * section[key])
        section.epochs = share * section.epochs
        section.optimizer.warmup_steps = round(share * section.optimizer.warmup_steps)
    # Rates: with fewer updates, each has to bring f_f nearer to ε by more.
    changed.pareto.beta /= share
    changed.baselines.dual_rate /= share
    return changed


def _audited(results: Results, methods: Sequence[str]) -> list[str]:
    """Solutions to audit: the original, our own, retraining, and one of each other method.

    That is the one which forgot as nearly as can be what the middle control was asked for.
    """
    asked = sorted(s.epsilon for s in results.solutions if s.method == OURS and s.epsilon)
    target = asked[len(asked) // 2]
    found = ["original"]
    for method in methods:
        own = [s for s in results.solutions if s.method == method]
        nearest = sorted(own, key=lambda s: abs(s.forget_loss - target))
        found += [s.name for s in (own if method == OURS else nearest[:1])]
    return found


def _record(
    config: ConfigDict,
    methods: Sequence[str],
    seeds: Sequence[int],
    configs: dict[int, ConfigDict],
    found: dict[int, Results],
) -> Comparison:
    searches = []
    for seed, results in found.items():
        searches += _searches(configs[seed], results, seed)
    runs = [s for r in found.values() for s in r.solutions if s.method in BASELINES]
    return Comparison(
        name=config.name,
        config_hash=config_hash(config),
        seeds=tuple(seeds),
        methods=tuple(methods),
        updates_per_run=min((s.steps for s in runs if s.method != "retrain"), default=0),
        runs_per_method=len(config.comparison.controls),
        searches=tuple(searches),
    )


def _searches(config: ConfigDict, results: Results, seed: int) -> list[Search]:
    """What each searched control cost us, and what it cost by bisection.

    A stage counts once, with the first control that needs it: the boundaries and the points of the
    path on ours, a weight that was tried on the other side.
    """

    def forget_loss(alpha: float) -> float:
        return results[f"{SEARCH}{alpha:.15g}"].forget_loss

    tolerance, span = config.search.tolerance, results.boundaries.span
    uncounted = {solution.name for solution in results.solutions}
    found = []
    for search in bisection.search(config.search, results.boundaries, forget_loss):
        ours = results[f"control_{search.control:.15g}"]
        epsilon = results.boundaries.at(search.control)
        way = ["complete", "utility", *(f"control_{r:.15g}" for r in _way(config, search.control))]
        common = Search(
            seed=seed,
            method=OURS,
            control=search.control,
            epsilon=epsilon,
            tolerance=tolerance,
            span=span,
            probes=(_probe(epsilon, ours, [results[name] for name in way if name in uncounted]),),
            reached=abs(ours.forget_loss - epsilon) <= tolerance * span,
        )
        uncounted -= set(way)
        tried = [(alpha, results[f"{SEARCH}{alpha:.15g}"]) for alpha, _ in search.tries]
        theirs = dataclasses.replace(
            common,
            method="composite",
            probes=tuple(_probe(alpha, solution, [solution]) for alpha, solution in tried),
            reached=search.reached,
        )
        found += [common, theirs]
    return found


def _way(config: ConfigDict, control: float) -> list[float]:
    """The controls that the path visits up to one of them."""
    first = min(config.controls, key=lambda r: abs(r - config.pareto.first_control))
    low, high = sorted((first, control))
    return [r for r in config.controls if low <= r <= high]


def _probe(value: float, solution: Solution, stages: Sequence[Solution]) -> Probe:
    return Probe(
        value=value,
        forget_loss=solution.forget_loss,
        updates=sum(stage.steps for stage in stages),
        seconds=sum((stage.seconds for stage in stages), 0.0),
    )
