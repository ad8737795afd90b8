"""What a comparison found, in sentences with their numbers, and whether each claim holds."""

import dataclasses

from cu_jax.report.comparison.claims import (
    COST_BAR,
    ERROR_BAR,
    RATIO_BAR,
    Claim,
    control_errors,
    retain_ratios,
)
from cu_jax.report.comparison.cost import request_cost
from cu_jax.report.comparison.fronts import method_fronts
from cu_jax.report.comparison.runs import Runs
from cu_jax.report.comparison.statistics import statistic
from cu_jax.report.table import cell


@dataclasses.dataclass(frozen=True)
class Conclusion:
    """One finding.

    Attributes:
        lead: A word or two.
        text: A sentence or more.
        holds: Whether the claim holds; None where nothing is claimed or there is no number.

    Example:
        >>> Conclusion("Seeds", "Three.", None).verdict
        ''
    """

    lead: str
    text: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """In one word or two."""
        return {True: "holds", False: "does not hold", None: ""}[self.holds]


def conclusions(runs: Runs) -> list[Conclusion]:
    """The three claims, the order of the fronts, and what is missing.

    Args:
        runs: A comparison.

    Returns:
        In the order in which they are read; nothing is said of what has no number but that.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0,), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> for found in conclusions(gather(record, {})):
        ...     print(f"{found.lead}: {found.text}")
        Retain loss: Not known: no point of ours lies within the span of the composite loss's.
        Control: Not known: no ε was requested.
        Cost: Not known: no search of ours has one of the composite loss's beside it.
        Missing: Seed 0 has no results yet.
    """
    found = [_retain(runs), _control(runs), _cost(runs), _fronts(runs)]
    if runs.missing:
        found.append(Conclusion("Missing", " ".join(runs.missing), None))
    return [conclusion for conclusion in found if conclusion.text]


def _retain(runs: Runs) -> Conclusion:
    claim = retain_ratios(runs)
    lead = "Retain loss"
    if claim.worst is None:
        text = "Not known: no point of ours lies within the span of the composite loss's."
        return Conclusion(lead, text, None)
    text = (
        f"At the same f_f our f_r is at most {claim.largest:.2f} times that of the composite loss "
        f"({_where(runs, claim)}), {claim.mean:.2f} times on average, over "
        f"{_count(len(claim.compared), 'point')}"
    )
    if claim.outside:
        verb = "lies" if claim.outside == 1 else "lie"
        text += f"; {_count(claim.outside, 'more point')} {verb} outside its span"
    return Conclusion(lead, f"{text}. The bar is {RATIO_BAR:g} times.", claim.holds)


def _control(runs: Runs) -> Conclusion:
    claim = control_errors(runs)
    if claim.worst is None:
        return Conclusion("Control", "Not known: no ε was requested.", None)
    text = (
        f"f_f ends at most {cell(claim.largest, '.1%')} of ε_original − ε_min from the requested ε "
        f"({_where(runs, claim)}), {cell(claim.mean, '.1%')} on average, over "
        f"{_count(len(claim.compared), 'request')}. The bar is {cell(ERROR_BAR, '.0%')}."
    )
    other = control_errors(runs, "primal_dual")
    if other.worst is not None:
        text += (
            f" A primal-dual step with the same requests: at most {cell(other.largest, '.1%')}, "
            f"{cell(other.mean, '.1%')} on average."
        )
    return Conclusion("Control", text, claim.holds)


def _cost(runs: Runs) -> Conclusion:
    cost = request_cost(runs)
    if cost.holds is None:
        text = "Not known: no search of ours has one of the composite loss's beside it."
        return Conclusion("Cost", text, None)
    count = len(cost.pairs)
    ours = sum(pair.ours.updates for pair in cost.pairs) / count
    theirs = sum(pair.theirs.updates for pair in cost.pairs) / count
    tolerance = cell(max(pair.ours.tolerance for pair in cost.pairs), ".0%")
    text = (
        f"To come within {tolerance} of a requested ε ours took {ours:,.0f} updates, a bisection "
        f"of the composite loss's weight {theirs:,.0f}: {cost.ratio:.2f} times as many "
        f"({cost.seconds_ratio:.2f} times the seconds), over {_count(count, 'request')}, in "
        f"{cost.below} of which the bar is kept by that request alone. The bar is "
        f"{COST_BAR:.2f} times."
    )
    for name, failed in (
        ("our searches", sum(not pair.ours.reached for pair in cost.pairs)),
        ("the bisections", sum(not pair.theirs.reached for pair in cost.pairs)),
    ):
        if failed:
            text += f" {failed} of {name} did not get there."
    return Conclusion("Cost", text, cost.holds)


def _fronts(runs: Runs) -> Conclusion:
    areas: dict[str, list[float]] = {}
    for front in method_fronts(runs):
        areas.setdefault(front.method, []).append(front.hypervolume)
    means = {method: statistic(values) for method, values in areas.items()}
    known = sorted(((s.mean, m) for m, s in means.items() if s.count), reverse=True)
    if not known:
        return Conclusion("Fronts", "", None)
    listed = ", ".join(f"{method.replace('_', ' ')} {mean:.3f}" for mean, method in known)
    text = f"Hypervolume, mean over seeds, of at most 1: {listed}."
    return Conclusion("Fronts", text, None)


def _where(runs: Runs, claim: Claim) -> str:
    point = claim.worst
    return f"{runs.labels[point.name]}, seed {point.seed}" if point else ""


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
