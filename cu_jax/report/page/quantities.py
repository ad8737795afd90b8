"""What each number of a solution is called on the page, what it means and how it is written."""

import dataclasses
import math
import re
from collections.abc import Callable

from cu_jax.report.palette import Look, looks, ordered
from cu_jax.report.table import cell
from cu_jax.results import Results, Solution


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell of the table.

    Attributes:
        text: For people; empty where the number does not apply or is undefined.
        value: For sorting: the number in full; empty likewise.

    Example:
        >>> Cell("0.42", "0.4182")
        Cell(text='0.42', value='0.4182')
    """

    text: str
    value: str


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        group: Head over neighboring columns.
        title: Head of the column; the group and it together are unique.
        meaning: One sentence for the legend.
        form: Python's format of its numbers.
        read: Takes the number from a solution.

    Example:
        >>> Column("request", "ε", "Requested forget loss.", ".3f", lambda s: s.epsilon).title
        'ε'
    """

    group: str
    title: str
    meaning: str
    form: str
    read: Callable[[Solution], float | None]

    def cell(self, solution: Solution) -> Cell:
        """The cell of a solution in this column."""
        value = self.read(solution)
        if value is None or not math.isfinite(value):
            return Cell("", "")
        if isinstance(value, bool):
            return Cell("yes" if value else "no", str(int(value)))
        return Cell(cell(float(value), self.form), repr(float(value)))


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        index: Place in the order of every table and figure.
        look: How the solution is drawn and called.
        method: Name of its method.
        cells: One a column.

    Example:
        >>> Row(0, Look("#000000", "*", "original"), "original", ()).look.label
        'original'
    """

    index: int
    look: Look
    method: str
    cells: tuple[Cell, ...]


def columns(results: Results) -> list[Column]:
    """All columns that hold a number of at least one solution, grouped.

    Args:
        results: A run's results.

    Returns:
        Columns of one group are neighbors.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> original = Solution(
        ...     name="original", method="original", retain_loss=0.0, forget_loss=1.68
        ... )
        >>> results = Results(
        ...     name="demo", config_hash="c0", boundaries=bounds, solutions=(original,)
        ... )
        >>> [column.title for column in columns(results)]
        ['forget f_f', 'retain f_r', 'updates', 'updates in all', 'seconds']
    """
    span = results.boundaries.span

    skipped = any(solution.nonfinite_steps for solution in results.solutions)

    def share(solution: Solution) -> float | None:
        return None if solution.violation is None or not span else solution.violation / span

    request, losses, optimality, work = "request", "loss", "optimality", "work"
    found = [
        Column(request, "control", "Requested share of the range.", "g", lambda s: s.control),
        Column(request, "ε", "Requested forget loss.", ".4f", lambda s: s.epsilon),
        Column(
            losses,
            "forget f_f",
            "Forget loss on the whole forget training set; higher remembers more.",
            ".4f",
            lambda s: s.forget_loss,
        ),
        Column(
            losses, "violation", "f_f − ε; positive is violated.", "+.4f", lambda s: s.violation
        ),
        Column(losses, "ε error", "Violation / (ε_original − ε_min).", "+.1%", share),
        Column(losses, "feasible", "Whether ε error ≤ 2 %.", "", lambda s: s.feasible),
        Column(
            losses,
            "retain f_r",
            "Retain loss on the whole retain training set; lower keeps more.",
            ".5f",
            lambda s: s.retain_loss,
        ),
    ]
    keys = dict.fromkeys(key for s in results.solutions for key in s.metrics)
    for kind in ("retain", "forget"):
        own = [key for key in keys if key.startswith(f"{kind}/")]
        distances = {_hole(key)[0] for key in own if key.startswith(f"{kind}/fid")}
        found += [_metric(key, len(distances) > 1) for key in own]
    found += [
        Column(
            optimality,
            "multiplier",
            "λ̂, estimated from the gradients on the whole sets.",
            ".3g",
            lambda s: s.multiplier,
        ),
        Column(optimality, "cosine", "Between both gradients.", "+.3f", lambda s: s.cosine),
        Column(
            optimality,
            "stationarity",
            "‖g_r + λ̂ g_f‖ / ‖g_r‖; 0 is Pareto stationary.",
            ".3f",
            lambda s: s.stationarity,
        ),
        Column(
            optimality, "‖g_r‖", "Norm of the retain gradient.", ".3g", lambda s: s.retain_grad_norm
        ),
        Column(
            optimality, "‖g_f‖", "Norm of the forget gradient.", ".3g", lambda s: s.forget_grad_norm
        ),
        Column(work, "updates", "Of its own stage.", ".0f", lambda s: s.steps),
        Column(
            work,
            "updates in all",
            "Of the whole chain of stages from the original model.",
            ".0f",
            lambda s: s.steps_from_original,
        ),
        Column(
            work,
            "skipped",
            "Of its own stage: updates whose loss or gradient was not finite, and which therefore "
            "changed nothing.",
            ".0f",
            lambda s: s.nonfinite_steps if skipped else None,
        ),
        Column(work, "seconds", "Time of its own stage.", ".1f", lambda s: s.seconds),
    ]
    return [c for c in found if any(c.cell(s).value for s in results.solutions)]


def rows(results: Results, shown: list[Column]) -> list[Row]:
    """One row a solution, in the order of every table and figure.

    Args:
        results: A run's results.
        shown: The columns.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> rows(Results(name="demo", config_hash="c0", boundaries=bounds), [])
        []
    """
    styles = looks(results.solutions)
    return [
        Row(index, styles[s.name], s.method, tuple(column.cell(s) for column in shown))
        for index, s in enumerate(ordered(results.solutions))
    ]


def _metric(key: str, several: bool) -> Column:
    """The column of a metric; one that is not known, or not the only FID, goes by its own key."""
    kind, _, whole = key.partition("/")
    name, hole, place = _hole(whole)
    title, meaning, form = name, f"{key} in results.json.", ".4g"
    if name == "psnr":
        title, meaning, form = "PSNR (dB)", f"In {place}, mean over the validation set.", ".2f"
    elif name == "class_consistency":
        title, form = "class read", ".1%"
        meaning = "Share of restored validation pictures still read as their class"
        meaning += f", restored in {place}." if hole else "."
    elif name.startswith("fid"):
        title, form = name if several else "FID", ".1f"
        meaning = f"Fréchet distance of features, lower is more alike ({whole})."
    elif name == "loss_hole":
        title = "loss" if hole else "loss in the hole"
        meaning, form = f"Mean squared error in {place}, validation set.", ".4f"
    elif hole:
        title, hole = whole, ""
    title += f", {hole}" if hole else ""
    return Column(f"{kind} pictures", title, meaning, form, lambda s: s.metrics.get(key))


def _hole(metric: str) -> tuple[str, str, str]:
    """A metric without its hole's name, and that hole in a title and in a sentence.

    The main hole's measures have plain names: no hole in their titles.
    """
    found = re.fullmatch(r"(.+)_(center|outpaint|random)(\d+(?:_\d+)?)", metric)
    if found is None:
        return metric, "", "the hole"
    name, kind, number = found.groups()
    number = number.replace("_", ".")
    title, place = {
        "center": (f"{number} px hole", f"a centered hole of {number} x {number} pixels"),
        "outpaint": (f"{number} % frame", f"a frame that takes {number} % of the side"),
        "random": (f"{number} % of patches", f"{number} % of the patches, drawn once"),
    }[kind]
    return name, title, place
