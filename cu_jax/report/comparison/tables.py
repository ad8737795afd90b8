"""Tables of a comparison: one point a method at the same budget, all points, and the fronts."""

import dataclasses
import itertools
from collections.abc import Sequence

from cu_jax.report.audits import audit_columns, audit_rows
from cu_jax.report.comparison.choice import chosen
from cu_jax.report.comparison.columns import KINDS, Heading, heading, of_kind
from cu_jax.report.comparison.fronts import DECADES, REFERENCE, method_fronts
from cu_jax.report.comparison.runs import Runs
from cu_jax.report.comparison.statistics import Entry, entries, statistic
from cu_jax.report.table import cell

_DAGGER = " †"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as texts.

    Attributes:
        title: What it shows.
        head: One a column.
        rows: Of as many cells.
        notes: Sentences below it.

    Example:
        >>> Table("all", ("method",), (("original",),), ()).title
        'all'
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def compact_tables(runs: Runs, control: float = 0.5) -> list[Table]:
    """For retain and for forget pictures: each method's chosen point, with the measures of §7.

    Args:
        runs: A comparison.
        control: Whose ε is the budget.

    Returns:
        A table a kind of picture: f_f, f_r, FID a network, IS, CLIP, class and PSNR, as far as
        they were measured.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> [table.rows for table in compact_tables(gather(record, {}))]
        [(), ()]
    """
    choices = chosen(runs, control)
    notes = [
        f"Budget: f_f at most 2 % of ε_original − ε_min above ε(control {control:g}), each seed's "
        "own, on average. Of each method's points within it the one with the lowest f_r.",
        *_seeds_note(runs),
    ]
    if any(not choice.within for choice in choices):
        notes.insert(1, "†: no point keeps the budget; the one with the lowest f_f is shown.")
    tables = []
    for kind in KINDS:
        keys = choices[0].entry.means if choices else ()
        shown = [heading("forget_loss"), heading("retain_loss"), *of_kind(keys, kind, main=True)]
        rows = [
            (c.entry.label + ("" if c.within else _DAGGER), *_texts(c.entry, shown))
            for c in choices
        ]
        title = f"Pictures to {kind}: one point of each method at the same budget"
        tables.append(_used(Table(title, ("method", *(h.head for h in shown)), tuple(rows), ())))
    return [*tables[:-1], dataclasses.replace(tables[-1], notes=tuple(notes))]


def full_tables(runs: Runs) -> list[Table]:
    """Everything that was measured of every method at every value, mean ± deviation over seeds.

    Args:
        runs: A comparison.

    Returns:
        Losses and work; then every metric of pictures to retain; then of those to forget.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> [table.title for table in full_tables(gather(record, {}))][0]
        'All points: losses and work'
    """
    every = entries(runs)
    keys = list(every[0].means) if every else []
    fixed = ["epsilon", "forget_loss", "control_error", "retain_loss", "stationarity"]
    parts = {
        "losses and work": [heading(key) for key in [*fixed, "updates", "seconds"]],
        **{f"pictures to {kind}": of_kind(keys, kind) for kind in KINDS},
    }
    tables = []
    for title, shown in parts.items():
        rows = tuple((entry.label, str(len(entry.seeds)), *_texts(entry, shown)) for entry in every)
        head = ("solution", "seeds", *(h.head for h in shown))
        tables.append(_used(Table(f"All points: {title}", head, rows, ())))
    return [*tables[:-1], dataclasses.replace(tables[-1], notes=tuple(_seeds_note(runs)))]


def audit_tables(runs: Runs) -> list[Table]:
    """What the audits of each seed say.

    Args:
        runs: A comparison.

    Returns:
        A table a seed that was audited, with what its columns mean.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0,), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> audit_tables(gather(record, {}))
        []
    """
    tables = []
    for seed, audits in runs.audits.items():
        head, *rows = audit_rows(audits, runs.results[seed].solutions)
        notes = tuple(f"{c.title}: {c.meaning}" for c in audit_columns(audits))
        title = f"Has it forgotten, or only hidden it? Audits of seed {seed}"
        tables.append(Table(title, tuple(head), tuple(map(tuple, rows)), notes))
    return tables


def entry_text(entry: Entry, head: Heading) -> str:
    """One cell: mean ± deviation of a quantity of an entry.

    Example:
        >>> zero = statistic([0.0, 0.0])
        >>> entry = Entry("original", "original", "original", None, {}, {"retain_loss": zero})
        >>> entry_text(entry, heading("retain_loss"))
        '0'
    """
    number = entry.means[head.key]
    # The original model's retain loss is 0 by definition, not 0.0000 by measurement.
    if entry.method == "original" and head.key == "retain_loss" and number.mean == 0:
        return "0"
    return head.text(number)


def front_table(runs: Runs) -> Table:
    """Hypervolume and dominated points of each method's front, mean ± deviation over seeds.

    Args:
        runs: A comparison.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> front_table(gather(record, {})).head[:3]
        ('method', 'hypervolume ↑', 'decades saved ↑')
    """
    rows = []
    grouped = itertools.groupby(method_fronts(runs), key=lambda front: front.method)
    for method, group in grouped:
        fronts = list(group)
        area = Heading("", "hypervolume", ".4f", "↑", "").text(
            statistic(front.hypervolume for front in fronts)
        )
        decades = Heading("", "decades", ".3f", "↑", "").text(
            statistic(front.decades for front in fronts)
        )
        counts = [
            str(sum(len(front.points) for front in fronts)),
            str(sum(int(front.dominated.sum()) for front in fronts)),
            str(sum(int(front.beaten.sum()) for front in fronts)),
        ]
        rows.append((method.replace("_", " "), area, decades, *counts))
    head = (
        "method", "hypervolume ↑", "decades saved ↑", "points", "dominated by its own",
        "dominated by any",
    )  # fmt: skip
    notes = (REFERENCE, DECADES, "Points are counted over all seeds.")
    return Table("Fronts of all methods", head, tuple(rows), notes)


def _texts(entry: Entry, shown: Sequence[Heading]) -> list[str]:
    return [entry_text(entry, head) for head in shown]


def _used(table: Table) -> Table:
    """Without columns that hold no number."""
    dash = cell(None, "")
    kept = [
        i
        for i in range(len(table.head))
        if i == 0 or any(row[i] not in (dash, "") for row in table.rows)
    ]
    rows = tuple(tuple(row[i] for i in kept) for row in table.rows)
    return dataclasses.replace(table, head=tuple(table.head[i] for i in kept), rows=rows)


def _seeds_note(runs: Runs) -> list[str]:
    count = len(runs.results)
    if count < 2:
        return ["One seed: no deviation."] if count else []
    return [f"Mean ± sample deviation over {count} seeds."]
