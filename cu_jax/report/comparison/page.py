"""The page of a comparison: ``comparison.html``, one file that needs nothing else."""

import base64
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from cu_jax.report.comparison.columns import KINDS, Heading, heading, of_kind
from cu_jax.report.comparison.conclusions import conclusions
from cu_jax.report.comparison.drawing import draw_fronts
from cu_jax.report.comparison.runs import Runs
from cu_jax.report.comparison.statistics import Entry, entries
from cu_jax.report.comparison.tables import audit_tables, compact_tables, entry_text, front_table
from cu_jax.report.page.quantities import Cell, Row
from cu_jax.report.page.settings import making
from cu_jax.report.page.tones import tones
from cu_jax.report.page.writing import TEMPLATES, source_hash, templates
from cu_jax.report.palette import method_looks
from cu_jax.report.table import cell

_OWN = Path(__file__).parent / "templates"


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of the table of all numbers.

    Attributes:
        group: Head over neighboring columns.
        title: Head of the column.

    Example:
        >>> Column("loss", "f_r ↓").group
        'loss'
    """

    group: str
    title: str


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure within the page.

    Attributes:
        source: A ``data:`` URI.
        width: Pixels.
        height: Pixels.
        alt: The figure in words.

    Example:
        >>> Picture("data:,", 1, 1, "nothing").alt
        'nothing'
    """

    source: str
    width: int
    height: int
    alt: str


def comparison_page(
    runs: Runs,
    figures: Mapping[str, Path],
    links: Sequence[tuple[int, str]],
    settings: tuple[int, Mapping[str, Any]] | None = None,
    no_embedding: str = "",
) -> str:
    """Renders the page.

    Args:
        runs: A comparison.
        figures: `control`, `cost` and `embedding` to their PNG files, as far as they are there.
        links: Seed to the address of its page, relative to this one; empty where there is none.
        settings: A seed and its config.json.
        no_embedding: Why there is no t-SNE, where there is none.

    Returns:
        HTML that loads nothing: figures are ``data:`` URIs, and its content security policy allows
        no other sources and no other script and style than its own.

    Example:
        >>> from cu_jax.report.comparison.runs import gather
        >>> from cu_jax.results import Comparison
        >>> record = Comparison(name="<b>", config_hash="c0", seeds=(0,), methods=(),
        ...                     updates_per_run=700, runs_per_method=5)
        >>> "<h1>&lt;b&gt;</h1>" in comparison_page(gather(record, {}), {}, [])
        True
    """
    every = entries(runs)
    shown = _columns(every)
    columns = [Column(group, head.head) for group, head in shown]
    colors = (look.color for look in method_looks(runs.methods).values())
    style = (
        TEMPLATES.joinpath("style.css").read_text("utf-8")
        + _OWN.joinpath("comparison.css").read_text("utf-8")
        + tones(colors)
    )
    script = TEMPLATES.joinpath("script.js").read_text("utf-8")
    script += _OWN.joinpath("comparison.js").read_text("utf-8")
    made = None if settings is None else making(runs.results[settings[0]], settings[1])
    if made is None and runs.results:
        made = making(next(iter(runs.results.values())), None)
    pictures = {name: _picture(path, _ALT[name]) for name, path in figures.items() if name in _ALT}
    return (
        templates(_OWN)
        .get_template("comparison.html.jinja")
        .render(
            comparison=runs.comparison,
            style=Markup(style),
            script=Markup(script),
            style_hash=source_hash(style),
            script_hash=source_hash(script),
            conclusions=conclusions(runs),
            drawing=draw_fronts(runs),
            front_table=front_table(runs),
            compact=compact_tables(runs),
            audits=audit_tables(runs),
            requests=[pictures[name] for name in ("control", "cost") if name in pictures],
            embedding=pictures.get("embedding"),
            no_embedding=no_embedding,
            columns=columns,
            column_groups=[
                (g, len(list(c))) for g, c in itertools.groupby(columns, lambda c: c.group)
            ],
            rows=_rows(every, [head for _, head in shown], runs),
            links=links,
            identity=_identity(runs),
            ranges=_ranges(runs),
            making=made,
            settings_seed=None if settings is None else settings[0],
        )
    )


_ALT = {
    "control": "Error of control of each request and seed; the table of all numbers has them too.",
    "cost": "Updates until a requested forget loss is reached; the first sentences say them too.",
    "embedding": "t-SNE of pictures to retain and to forget, before and after unlearning.",
}


def _columns(every: Sequence[Entry]) -> list[tuple[str, Heading]]:
    """Groups and heads of the columns that hold a number."""
    keys = list(every[0].means) if every else []
    fixed = ["forget_loss", "retain_loss", "epsilon", "control_error", "stationarity"]
    groups = ["loss", "loss", "request", "request", "optimality"]
    found = [(group, heading(key)) for group, key in zip(groups, fixed, strict=True)]
    for kind in KINDS:
        found += [(f"{kind} pictures", head) for head in of_kind(keys, kind)]
    found += [("work", heading(key)) for key in ("updates", "seconds")]
    return [(g, h) for g, h in found if any(e.means[h.key].count for e in every)]


def _rows(every: Sequence[Entry], heads: Sequence[Heading], runs: Runs) -> list[Row]:
    looks = method_looks(runs.methods)
    rows = []
    for index, entry in enumerate(every):
        cells = [
            Cell(entry_text(entry, head), repr(number.mean)) if number.count else Cell("", "")
            for head in heads
            for number in [entry.means[head.key]]
        ]
        look = dataclasses.replace(looks[entry.method], label=entry.label)
        rows.append(Row(index, look, entry.method, tuple(cells)))
    return rows


def _identity(runs: Runs) -> list[tuple[str, str]]:
    record = runs.comparison
    return [
        ("seeds", ", ".join(map(str, record.seeds)) or "–"),
        ("methods", ", ".join(record.methods) or "–"),
        ("updates of each run", str(record.updates_per_run)),
        ("runs of each method, a seed", str(record.runs_per_method)),
        ("hash of the settings", record.config_hash),
    ]


def _ranges(runs: Runs) -> list[tuple[str, str]]:
    rows = []
    for seed, results in runs.results.items():
        b = results.boundaries
        values = (b.epsilon_min, b.epsilon_max, b.epsilon_original)
        rows.append(
            (f"seed {seed}: ε min, max, original", ", ".join(cell(v, ".4f") for v in values))
        )
    return rows


def _picture(path: Path, alt: str) -> Picture:
    data = path.read_bytes()
    with Image.open(path) as image:
        width, height = image.size
    source = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
    return Picture(source, width, height, alt)
