"""Tables as text for the terminal, as Markdown, as LaTeX, and all numbers in full as CSV."""

import csv
import io
import math
import re
import textwrap
from collections.abc import Sequence

from cu_jax.report.comparison.runs import Runs
from cu_jax.report.comparison.statistics import entries
from cu_jax.report.comparison.tables import Table

# What stands in cells and notes beyond ASCII, as LaTeX writes it in math.
_MATH = {
    "±": r"\pm", "−": "-", "↑": r"\uparrow", "↓": r"\downarrow", "†": r"\dagger",
    "α": r"\alpha", "ε": r"\varepsilon", "λ": r"\lambda", "₁₀": "_{10}",
}  # fmt: skip
_SYMBOL = re.compile(r"\b(f)_([rf])\b|ε_(min|max|original)\b")
_ESCAPED = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
}


def terminal(table: Table) -> str:
    """A table in columns of equal width, heads and notes wrapped.

    Args:
        table: The table.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> print(terminal(Table("Two", ("method", "FID a ↓"), (("ours", "7 ± 2"),), ("One.",))))
        Two
        method  FID a
                    ↓
        -------------
        ours    7 ± 2
        One.
    """
    widths = [max((len(row[i]) for row in table.rows), default=0) for i in range(len(table.head))]
    heads = [_wrapped(head, width) for head, width in zip(table.head, widths, strict=True)]
    depth = max(map(len, heads))
    lines = [[head[i] if i < len(head) else "" for head in heads] for i in range(depth)]
    lines += [list(row) for row in table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.head))]
    texts = [
        "  ".join(
            f"{text:<{width}}" if i == 0 else f"{text:>{width}}"
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    texts.insert(depth, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join([table.title, *texts, *(textwrap.fill(note, 100) for note in table.notes)])


def markdown(table: Table) -> str:
    r"""A table in Markdown, numbers flush right, under its title.

    Args:
        table: The table.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> print(markdown(Table("Two", ("method", "f_r"), (("a|b", "0.1"),), ("One.",))))
        ### Two
        <BLANKLINE>
        | method | f_r |
        |---|---:|
        | a\|b | 0.1 |
        <BLANKLINE>
        One.
    """
    escaped = [[text.replace("|", "\\|") for text in row] for row in (table.head, *table.rows)]
    head, *rows = ["| " + " | ".join(row) + " |" for row in escaped]
    lines = [f"### {table.title}", "", head, "|---|" + "---:|" * (len(table.head) - 1), *rows]
    for note in table.notes:
        lines += ["", note]
    return "\n".join(lines)


def latex(table: Table) -> str:
    r"""A table as a plain `tabular`, its title and notes as comments: it needs no package.

    Args:
        table: The table.

    Returns:
        Lines without a newline at the end.

    Example:
        >>> print(latex(Table("Two", ("method", "f_r ↓"), (("max_loss", "9 % ± 1 %"),), ())))
        % Two
        \begin{tabular}{lr}
        \hline
        method & $f_r$ $\downarrow$ \\
        \hline
        max\_loss & 9 \% $\pm$ 1 \% \\
        \hline
        \end{tabular}
    """
    head, *rows = [" & ".join(map(_latex_text, row)) + r" \\" for row in (table.head, *table.rows)]
    comments = [f"% {' '.join(note.split())}" for note in (table.title, *table.notes)]
    columns = "l" + "r" * (len(table.head) - 1)
    return "\n".join(
        [comments[0], rf"\begin{{tabular}}{{{columns}}}", r"\hline", head, r"\hline", *rows,
         r"\hline", r"\end{tabular}", *comments[1:]]
    )  # fmt: skip


def csv_text(runs: Runs) -> str:
    r"""Every number in full: a row for each method, value and seed, and rows for the means.

    Args:
        runs: A comparison.

    Returns:
        CSV (RFC 4180 but for newlines alone). `seed` is a number, `mean` or `deviation`; `count` is
        how many seeds have the solution. An undefined number is an empty cell.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> csv_text(gather(record, {}))
        'method,solution,value,seed,count\n'
    """
    every = entries(runs)
    keys = list(every[0].means) if every else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", "solution", "value", "seed", "count", *keys])
    for entry in every:
        start = [entry.method, entry.name, _full(entry.value)]
        for seed, numbers in entry.seeds.items():
            writer.writerow([*start, seed, 1, *(_full(numbers[key]) for key in keys)])
        count = len(entry.seeds)
        means = [_full(entry.means[key].mean) for key in keys]
        writer.writerow([*start, "mean", count, *means])
        deviations = [_full(entry.means[key].deviation) for key in keys]
        writer.writerow([*start, "deviation", count, *deviations])
    return out.getvalue()


def document(tables: Sequence[str]) -> str:
    r"""Tables one below the other, with a newline at the end.

    Example:
        >>> document(["a", "b"])
        'a\n\nb\n'
    """
    return "\n\n".join(tables) + "\n"


def _wrapped(head: str, width: int) -> list[str]:
    """A head in lines no longer than the cells below it, where its words allow that."""
    return textwrap.wrap(head, max(width, max(map(len, head.split()))))


def _full(value: float | None) -> str:
    """The shortest text that reads back as the same number."""
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def _latex_text(text: str) -> str:
    parts, end = [], 0
    for found in _SYMBOL.finditer(text):
        parts.append(_latex_plain(text[end : found.start()]))
        letter, index, bound = found.groups()
        symbol = f"{letter}_{index}" if letter else rf"\varepsilon_{{\mathrm{{{bound}}}}}"
        parts.append(f"${symbol}$")
        end = found.end()
    return "".join([*parts, _latex_plain(text[end:])])


def _latex_plain(text: str) -> str:
    text = "".join(_ESCAPED.get(letter, letter) for letter in text)
    for letter, command in _MATH.items():
        text = text.replace(letter, f"${command}$")
    return text
