"""What a requested ε cost: ours against a search for the weight of another method."""

import dataclasses
import math
from collections.abc import Callable, Sequence

from cu_jax.report.comparison.claims import COST_BAR
from cu_jax.report.comparison.runs import Runs
from cu_jax.results import Search


@dataclasses.dataclass(frozen=True)
class Pair:
    """Our search and the composite loss's for the same ε in the same seed.

    Attributes:
        ours: The search that is given ε.
        theirs: The bisection of α.

    Example:
        >>> ours, theirs = (
        ...     Search(seed=0, method=m, control=0.5, epsilon=0.8, tolerance=0.02, span=1.0,
        ...            probes=(), reached=True) for m in ("controllable", "composite"))
        >>> Pair(ours, theirs).ratio
        nan
    """

    ours: Search
    theirs: Search

    @property
    def ratio(self) -> float:
        """Our updates over theirs; at most this where theirs did not get there."""
        return self.ours.updates / self.theirs.updates if self.theirs.updates else math.nan


@dataclasses.dataclass(frozen=True)
class Cost:
    """Claim (c): what it costs to reach a requested ε.

    Attributes:
        pairs: By seed and control.
        bar: The largest share of the others' updates that holds.

    Note:
        The bar is on the updates of all requests together: in one request alone a bisection may
        begin beside its goal by luck. A bisection that gave up counts with what it had used,
        which favors it; one of ours that did not get there breaks the claim.

    Example:
        >>> math.isnan(Cost((), COST_BAR).ratio), Cost((), COST_BAR).holds
        (True, None)
    """

    pairs: tuple[Pair, ...]
    bar: float

    @property
    def ratio(self) -> float:
        """Our updates over theirs, all requests together."""
        return self._share(lambda search: float(search.updates))

    @property
    def seconds_ratio(self) -> float:
        """Our time over theirs, all requests together."""
        return self._share(lambda search: search.seconds)

    @property
    def below(self) -> int:
        """In how many requests the bar is kept by that request alone."""
        return sum(pair.ours.reached and pair.ratio <= self.bar for pair in self.pairs)

    @property
    def holds(self) -> bool | None:
        """Whether all of ours got there and the bar is kept; None where there is no number."""
        if not self.pairs or not math.isfinite(self.ratio):
            return None
        return all(pair.ours.reached for pair in self.pairs) and self.ratio <= self.bar

    def _share(self, of: Callable[[Search], float]) -> float:
        ours, theirs = (sum(map(of, side)) for side in self._sides())
        return ours / theirs if theirs > 0 and math.isfinite(ours / theirs) else math.nan

    def _sides(self) -> tuple[Sequence[Search], Sequence[Search]]:
        return [pair.ours for pair in self.pairs], [pair.theirs for pair in self.pairs]


def request_cost(runs: Runs, against: str = "composite") -> Cost:
    """Pairs the searches of the record by seed and request.

    Args:
        runs: A comparison.
        against: The method that searches for its knob.

    Returns:
        The pairs that have both searches.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> request_cost(gather(record, {})).pairs
        ()
    """

    def key(search: Search) -> tuple[int, float]:
        return search.seed, search.epsilon if search.control is None else search.control

    searches = runs.comparison.searches
    theirs = {key(search): search for search in searches if search.method == against}
    ours = sorted((s for s in searches if s.method == "controllable"), key=key)
    pairs = [Pair(search, theirs[key(search)]) for search in ours if key(search) in theirs]
    return Cost(tuple(pairs), COST_BAR)
