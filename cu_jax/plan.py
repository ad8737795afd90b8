"""What a run is asked for: points of the path, composite losses, baselines, tries of a search."""

import itertools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ml_collections import ConfigDict

from cu_jax.fingerprints import DEPENDS_ON, StageRecord
from cu_jax.results import RETRAIN, Boundaries
from cu_jax.stages import baseline_names

BASELINE_KINDS = ("baseline", "composite_proxy", "primal_dual")
"""Kinds of the stages of other methods than the composite loss."""

SEARCH = "search_"
"""How the names of solutions begin that a search tried."""


class Request(NamedTuple):
    """One solution asked for.

    Attributes:
        name: of the stage and of the solution.
        kind: of the stage, in :data:`cu_jax.fingerprints.DEPENDS_ON`.
        start: name of the solution whose parameters it starts from.
        steps: updates of its stage.
        knobs: the method's numbers: ``epsilon`` or ``alpha``.
        control: the control coefficient r with ε(r) = ε_min + r (ε_max - ε_min), or None.
    """

    name: str
    kind: str
    start: str
    steps: int
    knobs: dict[str, float]
    control: float | None = None


def path_requests(
    config: ConfigDict, steps: int, boundaries: Boundaries, records: Mapping[str, StageRecord]
) -> list[Request]:
    """The points of the path, in the order they are visited.

    The path begins at the control nearest to ``config.pareto.first_control`` and goes outwards from
    there, first relaxing (controls above) and then tightening (below); each control starts from its
    neighbor on the way. Controls that the workdir has already, begun or finished, stay as they were
    recorded and are neighbors for new ones.

    Args:
        config: the experiment's settings.
        steps: updates of a stage of the path, :func:`stage_steps`; those of the first are
            ``config.pareto.first_steps`` where that is given.
        boundaries: the range of ε.
        records: of the stages in the workdir.

    Returns:
        One request a control of ``config.controls`` (``config.control`` alone where it is given),
        and one for ``config.epsilon``.

    Raises:
        ValueError: if ``config.epsilon`` is outside the range that the boundaries found.
    """
    low, high = boundaries.epsilon_min, boundaries.epsilon_max
    asked = config.controls if config.control is None else (config.control,)
    if config.epsilon is not None:
        asked = ()
        if not low <= config.epsilon < boundaries.epsilon_original:
            raise ValueError(
                f"config.epsilon must lie in [{low:.4g}, {boundaries.epsilon_original:.4g}), the "
                f"range that the boundaries found, got {config.epsilon}: choose one inside."
            )
    there = {name: record for name, record in records.items() if record.kind in ("first", "path")}
    controls = [float(r.control or 0) for n, r in there.items() if n.startswith("control_")]

    def first(name: str, epsilon: float, control: float) -> Request:
        knobs = {"epsilon": epsilon}
        first_steps = config.pareto.first_steps or steps
        return Request(name, "first", config.pareto.start, first_steps, knobs, control)

    found = []
    for control, neighbor in _outwards({*asked, *controls}, config.pareto.first_control):
        request = first(f"control_{control:.15g}", boundaries.at(control), control)
        if neighbor is not None:
            start = f"control_{neighbor:.15g}"
            request = request._replace(kind="path", start=start, steps=steps)
        found.append(_recorded(there, request))
    by_value = {n: r.knobs["epsilon"] for n, r in there.items() if n.startswith("epsilon_")}
    if config.epsilon is not None:
        by_value[f"epsilon_{config.epsilon:.15g}"] = config.epsilon
    for name, epsilon in by_value.items():
        found.append(_recorded(there, first(name, epsilon, (epsilon - low) / (high - low))))
    return _after_their_starts(found)


def composite_requests(
    config: ConfigDict, steps: int, records: Mapping[str, StageRecord]
) -> list[Request]:
    """The composite losses to compare with: none where one solution alone was asked for.

    Args:
        config: the experiment's settings.
        steps: updates of each; those of the workdir's composite stages where it has some, so that
            all are comparable.
        records: of the stages in the workdir.

    Returns:
        One request an α, those in the workdir first.
    """
    there = {
        name: record
        for name, record in records.items()
        if record.kind == "composite" and not name.startswith(SEARCH)
    }
    alone = config.control is not None or config.epsilon is not None
    for record in there.values():
        steps = record.steps
    new = () if alone else config.composite_alphas
    asked = {f"composite_{alpha:.15g}": alpha for alpha in new}
    alphas = asked | {name: record.knobs["alpha"] for name, record in there.items()}
    return [
        _recorded(there, Request(name, "composite", "original", steps, {"alpha": alpha}))
        for name, alpha in alphas.items()
    ]


def search_request(alpha: float, steps: int, records: Mapping[str, StageRecord]) -> Request:
    """A composite loss of a weight that a search tries, as the workdir has it or new."""
    name = f"{SEARCH}{alpha:.15g}"
    return _recorded(records, Request(name, "composite", "original", steps, {"alpha": alpha}))


def baseline_requests(
    config: ConfigDict, steps: int, boundaries: Boundaries, records: Mapping[str, StageRecord]
) -> list[tuple[str, Request]]:
    """The baselines that the config asks for, and those that the workdir has.

    Args:
        config: the experiment's settings.
        steps: updates of each.
        boundaries: the range of ε, for the controls of ``primal_dual``.
        records: of the stages in the workdir.

    Returns:
        Name of the method, and the request; without ``retrain``, which is no stage from the
        original.
    """
    asked = {}
    for method in baseline_names(config):
        kind = method if method in DEPENDS_ON else "baseline"
        if method == "primal_dual":
            for control in config.controls:
                knobs = {"epsilon": boundaries.at(control)}
                name = f"{method}_{control:.15g}"
                asked[name] = Request(name, kind, "original", steps, knobs, control)
        elif method != RETRAIN:
            for alpha in config.baselines.alphas[method]:
                name = f"{method}_{alpha:.15g}"
                asked[name] = Request(name, kind, "original", steps, {"alpha": alpha})
    there = {name: r for name, r in records.items() if r.kind in BASELINE_KINDS}
    known = {
        name: Request(name, r.kind, "original", r.steps, r.knobs, r.control)
        for name, r in there.items()
    }
    return [(name.rpartition("_")[0], request) for name, request in (asked | known).items()]


def _recorded(records: Mapping[str, StageRecord], new: Request) -> Request:
    """The request as it was recorded when its stage began, or the new one."""
    record = records.get(new.name)
    if record is None:
        return new
    return Request(
        new.name, record.kind, str(record.start), record.steps, record.knobs, record.control
    )


def _after_their_starts(requests: list[Request]) -> list[Request]:
    """The same requests; one that was recorded may start from a point of a later plan."""
    waiting, ordered = list(requests), []
    while waiting:
        names = {request.name for request in waiting}
        ordered.append(next(request for request in waiting if request.start not in names))
        waiting.remove(ordered[-1])
    return ordered


def _outwards(controls: Iterable[float], near: float) -> list[tuple[float, float | None]]:
    """Each control with its neighbor towards the one nearest to ``near``, which comes first."""
    ordered = sorted(controls)
    if not ordered:
        return []
    first = min(ordered, key=lambda control: abs(control - near))
    at = ordered.index(first)
    pairs = (*itertools.pairwise(ordered[at:]), *itertools.pairwise(ordered[at::-1]))
    return [(first, None), *((control, neighbor) for neighbor, control in pairs)]
