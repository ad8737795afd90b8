"""All solutions in one table, for Markdown and for the terminal."""

import math
from collections.abc import Sequence

from cu_jax.report.palette import looks, ordered
from cu_jax.results import Results, Solution

_DASH = "–"


def table_rows(results: Results) -> list[list[str]]:
    """The cells of the table.

    Args:
        results: A run's results.

    Returns:
        A header and one row a solution. Columns that would be empty throughout are left out.
        `ε error` is (f_f − ε) / (ε_original − ε_min).

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> original = Solution(
        ...     name="original", method="original", retain_loss=0.0, forget_loss=1.68
        ... )
        >>> results = Results(
        ...     name="demo", config_hash="c0", boundaries=bounds, solutions=(original,)
        ... )
        >>> table_rows(results)
        [['solution', 'f_f', 'f_r'], ['original', '1.680', '0']]
    """
    labels = looks(results.solutions)
    fid = _fid_key(results.solutions)
    header = [
        "solution",
        "requested ε",
        "f_f",
        "ε error",
        "f_r",
        "retain dB",
        "retain class",
        "retain FID",
        "forget dB",
        "forget class",
        "forget FID",
        "stationarity",
        "updates",
        "skipped",
        "time (s)",
    ]
    rows = []
    for s in ordered(results.solutions):
        share = None if s.epsilon is None else (s.forget_loss - s.epsilon) / results.boundaries.span
        rows.append(
            [
                labels[s.name].label,
                cell(s.epsilon, ".3f"),
                cell(s.forget_loss, ".3f"),
                cell(share, "+.1%"),
                "0" if s.retain_loss == 0 else cell(s.retain_loss, ".4f"),
                cell(s.metrics.get("retain/psnr"), ".1f"),
                cell(s.metrics.get("retain/class_consistency"), ".1%"),
                cell(s.metrics.get(f"retain/{fid}"), ".1f"),
                cell(s.metrics.get("forget/psnr"), ".1f"),
                cell(s.metrics.get("forget/class_consistency"), ".1%"),
                cell(s.metrics.get(f"forget/{fid}"), ".1f"),
                cell(s.stationarity, ".2f"),
                str(s.steps_from_original) if s.steps_from_original else _DASH,
                str(s.nonfinite_steps) if s.nonfinite_steps else _DASH,
                cell(s.seconds or None, ".0f"),
            ]
        )
    used = [i for i in range(len(header)) if any(row[i] != _DASH for row in rows)]
    return [[row[i] for i in used] for row in [header, *rows]]


def markdown_table(results: Results) -> str:
    """The table in Markdown, numbers flush right.

    Args:
        results: A run's results.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> original = Solution(
        ...     name="original", method="original", retain_loss=0.0, forget_loss=1.68
        ... )
        >>> print(
        ...     markdown_table(
        ...         Results(name="demo", config_hash="c0", boundaries=bounds, solutions=(original,))
        ...     )
        ... )
        | solution | f_f | f_r |
        |---|---:|---:|
        | original | 1.680 | 0 |
    """
    header, *rows = table_rows(results)
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def terminal_table(results: Results) -> str:
    """The table in columns of equal width, heads wrapped.

    Args:
        results: A run's results.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> original = Solution(
        ...     name="original", method="original", retain_loss=0.0, forget_loss=1.68
        ... )
        >>> print(
        ...     terminal_table(
        ...         Results(name="demo", config_hash="c0", boundaries=bounds, solutions=(original,))
        ...     )
        ... )
        solution    f_f  f_r
        --------------------
        original  1.680    0
    """
    return aligned(table_rows(results))


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """A table in columns of equal width, the first flush left, heads wrapped after one word.

    Args:
        cells: The header and the rows.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> print(aligned([["solution", "retain dB"], ["original", "9.2"]]))
                  retain
        solution      dB
        ----------------
        original     9.2
    """
    header, *rows = cells
    heads = [title.split(" ", 1) if i else [title] for i, title in enumerate(header)]
    depth = max(len(head) for head in heads)
    top = [[""] * (depth - len(head)) + head for head in heads]
    lines = [list(line) for line in zip(*top, strict=True)] + [list(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    texts = [
        "  ".join(
            [
                f"{line[0]:<{widths[0]}}",
                *(f"{text:>{w}}" for text, w in zip(line[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for line in lines
    ]
    texts.insert(depth, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(texts)


def _fid_key(solutions: Sequence[Solution]) -> str:
    keys = (key.partition("/")[2] for s in solutions for key in s.metrics)
    return next((key for key in keys if key.startswith("fid")), "fid")


def cell(value: float | None, form: str) -> str:
    """A number for people.

    Args:
        value: A number; None and NaN are undefined.
        form: Python's format.

    Returns:
        The number, or a dash if it is undefined.

    Example:
        >>> cell(0.0296, "+.1%"), cell(None, ".2f")
        ('+3.0 %', '–')
    """
    if value is None or not math.isfinite(value):
        return _DASH
    return format(value, form).replace("%", " %")
