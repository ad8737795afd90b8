"""Reads the folder of a comparison and writes its tables, figures and page."""

import dataclasses
import logging
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

from cu_jax.atomic import replacing
from cu_jax.report.comparison.choice import chosen
from cu_jax.report.comparison.claims import control_errors
from cu_jax.report.comparison.conclusions import conclusions
from cu_jax.report.comparison.control_figure import control_figure
from cu_jax.report.comparison.cost import request_cost
from cu_jax.report.comparison.cost_figure import cost_figure
from cu_jax.report.comparison.embedding import embedding_figure, places, read_embedding
from cu_jax.report.comparison.formats import csv_text, document, latex, markdown, terminal
from cu_jax.report.comparison.fronts_figure import fronts_figure
from cu_jax.report.comparison.page import comparison_page
from cu_jax.report.comparison.runs import Runs, read_runs
from cu_jax.report.comparison.tables import (
    Table,
    audit_tables,
    compact_tables,
    front_table,
    full_tables,
)
from cu_jax.report.page import PAGE_NAME
from cu_jax.report.page.settings import read_settings
from cu_jax.report.palette import save

COMPARISON_PAGE = "comparison.html"

_logger = logging.getLogger(__name__)


def write_comparison(workdir: str | os.PathLike[str]) -> list[Path]:
    """Makes ``comparison.html``, ``.md``, ``.tex``, ``.csv`` and ``figures/`` of a comparison.

    Args:
        workdir: Its folder, with ``comparison.json`` and, as far as they are there,
            ``seed_*/results.json``, ``config.json``, the page of each seed and
            ``solutions/*/embeddings.npz``.

    Returns:
        Paths of what was made, the page first. A figure whose input is missing is left out; the
        page says so in its place, and which seeds and methods have no results yet.

    Raises:
        FileNotFoundError: There is no ``comparison.json``.
        ValueError: A file is not as it must be; the sentence names it or its key.

    Example:
        >>> import tempfile
        >>> from cu_jax.results import Comparison, write_comparison_record
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0,), methods=("composite",),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_comparison_record(Path(folder, "comparison.json"), record)
        ...     [path.name for path in write_comparison(folder)]
        ['comparison.html', 'comparison.md', 'comparison.tex', 'comparison.csv']
    """
    workdir = Path(workdir)
    runs = read_runs(workdir)
    tables = [*compact_tables(runs), front_table(runs), *audit_tables(runs), *full_tables(runs)]
    texts = {
        "comparison.md": f"# {runs.comparison.name}\n\n{_findings(runs)}\n\n"
        + document([markdown(table) for table in tables if table.rows]),
        "comparison.tex": document([latex(table) for table in tables if table.rows]),
        "comparison.csv": csv_text(runs),
    }
    figures, no_embedding = _figures(workdir, runs)
    page = comparison_page(runs, figures, _links(workdir, runs), _settings(workdir, runs),
                           no_embedding)  # fmt: skip
    made = [_write(workdir / COMPARISON_PAGE, page)]
    made += [_write(workdir / name, text) for name, text in texts.items()]
    return [*made, *figures.values()]


def comparison_closing(workdir: str | os.PathLike[str], paths: Sequence[Path]) -> str:
    """The last screen of a comparison: its compact tables, its findings and what was made.

    Args:
        workdir: The folder.
        paths: What `write_comparison` returned.

    Returns:
        Text without a newline at the end.

    Example:
        >>> import tempfile
        >>> from cu_jax.results import Comparison, write_comparison_record
        >>> record = Comparison(name="demo", config_hash="c0", seeds=(0,), methods=("composite",),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_comparison_record(Path(folder, "comparison.json"), record)
        ...     print(comparison_closing(folder, []).splitlines()[-1])
          Missing: Seed 0 has no results yet.
    """
    runs = read_runs(workdir)
    tables = [*compact_tables(runs), front_table(runs), *map(_bare, audit_tables(runs))]
    parts = [terminal(table) for table in tables if table.rows]
    lines = [
        textwrap.fill(
            f"{found.lead}: {found.text}" + (f" It {found.verdict}." if found.verdict else ""),
            100, initial_indent="  ", subsequent_indent="      ",
        )
        for found in conclusions(runs)
    ]  # fmt: skip
    parts.append("\n".join(["Findings", *lines]))
    kinds = {".html": "page", ".png": "figure", ".csv": "numbers"}
    made = [f"  {kinds.get(path.suffix, 'tables'):<9} {path}" for path in paths]
    return "\n\n".join([*parts, *(["\n".join(["Made", *made])] if made else [])])


def _figures(workdir: Path, runs: Runs) -> tuple[dict[str, Path], str]:
    """Draws what there are numbers for; and says why there is no t-SNE, where there is none."""
    # Read before anything is drawn, so that a mistake in a file is said at once.
    ours = [c.entry for c in chosen(runs) if c.entry.method == "controllable"]
    reason, embedding = "It needs a solution of ours, and there is none yet.", None
    if ours:
        name, label = ours[0].name, ours[0].label
        reason = f"No seed has an embeddings.npz of both original and {name}."
        embedding = read_embedding(workdir, tuple(runs.results), name, label)

    folder = workdir / "figures"
    made: dict[str, Path] = {}
    if runs.results:
        made["fronts"] = save(fronts_figure(runs), folder / "fronts.png")
    if control_errors(runs).compared:
        made["control"] = save(control_figure(runs), folder / "control.png")
    if request_cost(runs).pairs:
        made["cost"] = save(cost_figure(runs), folder / "cost.png")
    if embedding is not None:
        try:
            figure = embedding_figure(embedding, places(embedding))
        except (ImportError, ValueError) as error:
            reason = str(error)
            _logger.warning("No embedding.png: %s", error)
        else:
            made["embedding"] = save(figure, folder / "embedding.png")
    return made, reason


def _bare(table: Table) -> Table:
    """The table without its notes, which the page has."""
    return dataclasses.replace(table, notes=())


def _findings(runs: Runs) -> str:
    """The findings as a list in Markdown."""
    lines = []
    for found in conclusions(runs):
        verdict = f" **It {found.verdict}.**" if found.verdict else ""
        lines.append(f"- **{found.lead}.** {found.text}{verdict}")
    return "\n".join(lines)


def _links(workdir: Path, runs: Runs) -> list[tuple[int, str]]:
    pages = {seed: f"seed_{seed}/{PAGE_NAME}" for seed in runs.comparison.seeds}
    return [(seed, page if (workdir / page).is_file() else "") for seed, page in pages.items()]


def _settings(workdir: Path, runs: Runs) -> tuple[int, dict[str, object]] | None:
    for seed in runs.results:
        settings = read_settings(workdir / f"seed_{seed}" / "config.json")
        if settings is not None:
            return seed, dict(settings)
    return None


def _write(path: Path, text: str) -> Path:
    with replacing(path) as temporary:
        # JSON can hold half a character, which no file can.
        temporary.write_bytes(text.encode("utf-8", "replace"))
    return path
