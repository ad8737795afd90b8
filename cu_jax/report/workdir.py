"""The report of a finished run: reads its folder, writes its page and its figures."""

import logging
import os
from pathlib import Path

from cu_jax.report.curves import curves_figure
from cu_jax.report.front import front_figure
from cu_jax.report.grid import grid_figure
from cu_jax.report.page import write_page
from cu_jax.report.palette import save
from cu_jax.report.pictures import read_pictures
from cu_jax.report.series import read_series
from cu_jax.results import read_results

_logger = logging.getLogger(__name__)


def write_report(workdir: str | os.PathLike[str]) -> list[Path]:
    """Makes ``report.html`` and ``figures/`` of a run: ``front``, ``curves`` and ``grid.png``.

    Args:
        workdir: The run's folder, with ``results.json`` and, for the last two figures,
            ``metrics.jsonl`` and ``solutions/*/pictures.npz``.

    Returns:
        Paths of the page and of the figures made. A figure whose input is missing is left out, with
        a warning; the page says so in its place.

    Raises:
        FileNotFoundError: There is no ``results.json``.
        ValueError: ``results.json``, ``config.json`` or a ``pictures.npz`` is not as it must be.

    Example:
        >>> import tempfile
        >>> from cu_jax.results import Boundaries, Results, write_results
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = Results(name="demo", config_hash="c0", boundaries=bounds)
        ...     _ = write_results(Path(folder, "results.json"), results)
        ...     [path.name for path in write_report(folder)]
        ['report.html', 'front.png']
    """
    workdir = Path(workdir)
    results = read_results(workdir / "results.json")
    figures = workdir / "figures"
    made = [write_page(workdir)]
    made.append(save(front_figure(results), figures / "front.png"))

    series = read_series(workdir / "metrics.jsonl")
    if any({"retain_loss", "forget_loss"} <= stage.keys() for stage in series.values()):
        made.append(save(curves_figure(results, series), figures / "curves.png"))
    else:
        _logger.warning("No curves.png: metrics.jsonl holds no stage with both losses.")

    pictures = read_pictures(workdir, [solution.name for solution in results.solutions])
    if pictures:
        made.append(save(grid_figure(results, pictures), figures / "grid.png"))
    else:
        _logger.warning("No grid.png: no solution has a pictures.npz.")
    return made
