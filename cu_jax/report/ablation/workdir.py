"""Reads the folder of an ablation and writes its numbers and its figure."""

import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from cu_jax.atomic import replacing
from cu_jax.report.ablation.costs_figure import costs_figure
from cu_jax.report.ablation.holes_figure import holes_figure
from cu_jax.report.ablation.requests_figure import requests_figure
from cu_jax.report.ablation.sweep_figure import sweep_figure
from cu_jax.report.ablation.tables import csv_text, table_cells
from cu_jax.report.palette import save
from cu_jax.report.table import aligned
from cu_jax.results import COSTS, ENTRIES, Ablation, read_ablation


def write_ablation(workdir: str | os.PathLike[str]) -> list[Path]:
    """Makes ``ablation.csv`` and ``figures/<name>.png`` of an ablation.

    Args:
        workdir: Its folder, with ``ablation.json``.

    Returns:
        Paths of both.

    Raises:
        FileNotFoundError: There is no ``ablation.json``.
        ValueError: It is not as it must be; the sentence names its key.

    Example:
        >>> import tempfile
        >>> from cu_jax.results import write_ablation_record
        >>> record = Ablation(name="beta", setting="pareto.beta", kind="runs", config_hash="c0",
        ...                   values=("0.3",))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_ablation_record(Path(folder, "ablation.json"), record)
        ...     [path.name for path in write_ablation(folder)]
        ['ablation.csv', 'beta.png']
    """
    workdir = Path(workdir)
    ablation = read_ablation(workdir)
    table = workdir / "ablation.csv"
    with replacing(table) as temporary:
        temporary.write_text(csv_text(ablation), encoding="utf-8")
    figure = ablation_figure(ablation)
    return [table, save(figure, workdir / "figures" / f"{ablation.name}.png")]


def ablation_figure(ablation: Ablation) -> Figure:
    """The figure that an ablation's kind and setting ask for.

    Example:
        >>> record = Ablation(name="beta", setting="pareto.beta", kind="runs", config_hash="c0",
        ...                   values=("0.3",))
        >>> ablation_figure(record).texts[0].get_text()
        'β: what it changes'
    """
    if ablation.kind == COSTS:
        return costs_figure(ablation)
    if ablation.kind == ENTRIES:
        draw = holes_figure if ablation.setting == "evaluation.holes" else requests_figure
        return draw(ablation)
    return sweep_figure(ablation)


def ablation_closing(ablation: Ablation, paths: Sequence[Path]) -> str:
    """The last screen of an ablation: its table and what was made.

    Args:
        ablation: The record.
        paths: What `write_ablation` returned.

    Returns:
        Text without a newline at the end.

    Example:
        >>> record = Ablation(name="beta", setting="pareto.beta", kind="runs", config_hash="c0",
        ...                   values=("0.3",))
        >>> print(ablation_closing(record, [Path("ablation.csv")]).splitlines()[-1])
          ablation.csv
    """
    made = "\n".join(["Made", *(f"  {path}" for path in paths)])
    return f"{aligned(table_cells(ablation))}\n\n{made}"
