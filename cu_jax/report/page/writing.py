"""Gathers what a run left, renders the page and writes it, whole or not at all."""

import base64
import hashlib
import itertools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from cu_jax.atomic import replacing
from cu_jax.report.audits import WITHOUT_RETRAIN, audit_columns, audit_rows
from cu_jax.report.conclusion import summary
from cu_jax.report.page import curves
from cu_jax.report.page.chooser import make_chooser
from cu_jax.report.page.front import front_view
from cu_jax.report.page.quantities import columns, rows
from cu_jax.report.page.settings import making, read_settings
from cu_jax.report.page.tones import tone, tones
from cu_jax.report.palette import looks
from cu_jax.report.pictures import Pictures, read_pictures
from cu_jax.report.series import Series, read_series
from cu_jax.results import Audits, Results, read_audits, read_results

PAGE_NAME = "report.html"

# Only what the page itself writes: no run is called f_f.
_SYMBOL = re.compile(r"\b([fgε])_(f|r|min|original)\b")
TEMPLATES = Path(__file__).parent / "templates"


def write_page(workdir: str | os.PathLike[str]) -> Path:
    """Makes ``report.html`` of a run.

    Args:
        workdir: The run's folder, with ``results.json`` and, as far as they are there,
            ``metrics.jsonl``, ``config.json``, ``audits.json`` and ``solutions/*/pictures.npz``.

    Returns:
        Path of the page. The same files give the same bytes.

    Raises:
        FileNotFoundError: There is no ``results.json``.
        ValueError: One of these files is not as it must be.

    Example:
        >>> import tempfile
        >>> from cu_jax.results import Boundaries, write_results
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = Results(name="demo", config_hash="c0", boundaries=bounds)
        ...     _ = write_results(Path(folder, "results.json"), results)
        ...     "<h1>demo</h1>" in write_page(folder).read_text(encoding="utf-8")
        True
    """
    workdir = Path(workdir)
    results = read_results(workdir / "results.json")
    text = page(
        results,
        read_series(workdir / "metrics.jsonl"),
        read_pictures(workdir, [solution.name for solution in results.solutions]),
        read_settings(workdir / "config.json"),
        read_audits(workdir / "audits.json"),
    )
    path = workdir / PAGE_NAME
    with replacing(path) as temporary:
        # JSON can hold half a character, which no file can.
        temporary.write_bytes(text.encode("utf-8", "replace"))
    return path


def page(
    results: Results,
    series: Series,
    pictures: Mapping[str, Pictures],
    settings: Mapping[str, Any] | None,
    audits: Audits | None = None,
) -> str:
    """Renders the page.

    Args:
        results: A run's results.
        series: What `read_series` returned.
        pictures: What `read_pictures` returned.
        settings: What `read_settings` returned.
        audits: What `read_audits` returned; None: the page says nothing of audits.

    Returns:
        HTML that loads nothing: pictures are ``data:`` URIs, and its content security policy
        allows no other sources and no other script and style than its own.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="<b>", config_hash="c0", boundaries=bounds)
        >>> "<h1>&lt;b&gt;</h1>" in page(results, {}, {}, None)
        True
    """
    environment = templates()
    shown = columns(results)
    style, script = (TEMPLATES.joinpath(n).read_text("utf-8") for n in ("style.css", "script.js"))
    style += tones(look.color for look in looks(results.solutions).values())
    return environment.get_template("report.html.jinja").render(
        results=results,
        # Both stand in the page as they are, and a hash of each is the only permission they need.
        style=Markup(style),
        script=Markup(script),
        style_hash=source_hash(style),
        script_hash=source_hash(script),
        findings=[line.partition(": ")[::2] for line in summary(results).splitlines()],
        chooser=make_chooser(results, pictures, shown),
        front=front_view(results),
        columns=shown,
        column_groups=[(g, len(list(c))) for g, c in itertools.groupby(shown, lambda c: c.group)],
        rows=rows(results, shown),
        audits=audits,
        audit_columns=[] if audits is None else audit_columns(audits),
        audit_rows=[] if audits is None else audit_rows(audits, results.solutions),
        without_retrain=WITHOUT_RETRAIN,
        curves=curves,
        stages=curves.curves_view(results, series),
        making=making(results, settings),
    )


def subscripts(text: str) -> Markup:
    """Escapes a text and sets the indices of its symbols lower.

    Example:
        >>> subscripts("f_f < ε")
        Markup('<i>f</i><sub>f</sub> &lt; ε')
    """
    # A number stays with its per cent.
    escaped = str(escape(text)).replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(_SYMBOL.sub(r"<i>\1</i><sub>\2</sub>", escaped))


def templates(*folders: Path) -> jinja2.Environment:
    """The environment of the page's templates, which escapes all that it is given.

    Args:
        folders: Of further templates, which may import the page's own.

    Example:
        >>> templates().from_string("{{ '<' }} {{ 'f_f' | subscripts }}").render()
        '&lt; <i>f</i><sub>f</sub>'
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"subscripts": subscripts, "tone": tone}
    return environment


def source_hash(text: str) -> str:
    """The source expression of a content security policy for an element with this text.

    Example:
        >>> source_hash("")
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
