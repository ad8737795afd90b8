"""The training curves as the page draws them: one small drawing a stage, one panel a quantity."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from cu_jax.report.page.scales import Scale, place, polyline, tick_text, ticks
from cu_jax.report.palette import GRAY, Look, looks
from cu_jax.report.series import Series, smoothed
from cu_jax.report.table import cell
from cu_jax.results import Results

WIDTH, HEIGHT = 220, 446
LEFT, RIGHT = 38, 214
_PANEL, _HEAD, _GAP = 72, 28, 6
# Key, name, whether its axis is logarithmic, and format in words.
_ROWS = (
    ("retain_loss", "retain loss f_r", True, ".4f"),
    ("forget_loss", "forget loss f_f", False, ".3f"),
    ("multiplier", "multiplier λ", True, ".3g"),
    ("cosine", "cosine of both gradients", False, ".2f"),
)
# The strong line remembers this share of a stage; no line needs more points than pixels.
_MEMORY, _POINTS = 0.04, 66


@dataclasses.dataclass(frozen=True)
class Panel:
    """One quantity of one stage.

    Attributes:
        name: The quantity.
        head: Base line of its name.
        top: Upper edge of the axes.
        bottom: Lower edge.
        ticks: Place and text of each tick of the vertical axis.
        band: ``d`` of the area between least and greatest values; empty if nothing was recorded.
        line: ``d`` of the running mean.
        request: Place of the requested ε; empty if there is none here.

    Example:
        >>> Panel("cosine", 10, 20, 90, (), "", "", "").band
        ''
    """

    name: str
    head: int
    top: int
    bottom: int
    ticks: tuple[tuple[str, str], ...]
    band: str
    line: str
    request: str


@dataclasses.dataclass(frozen=True)
class Stage:
    """All that the drawing of a stage needs.

    Attributes:
        look: Its color and name.
        swapped: Whether the two losses have each other's role in it.
        panels: From top to bottom.
        first: Its first update.
        last: Its last update.
        description: The drawing in words.

    Example:
        >>> Stage(Look(GRAY, "o", "utility"), True, (), "0", "199", "").look.label
        'utility'
    """

    look: Look
    swapped: bool
    panels: tuple[Panel, ...]
    first: str
    last: str
    description: str


def curves_view(results: Results, series: Series) -> list[Stage]:
    """Works out the curves of every stage that unlearns; all stages share each quantity's axis.

    Args:
        results: A run's results, for names and colors.
        series: What `read_series` returned; stages without both losses are left out.

    Returns:
        The stages in the order of the run.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> steps = np.arange(4.0)
        >>> stage = {"step": steps, "retain_loss": steps / 10, "forget_loss": 1.7 - steps / 10}
        >>> curves_view(results, {"complete": stage})[0].panels[1].name
        'forget loss f_f'
    """
    stages = {n: s for n, s in series.items() if "retain_loss" in s and "forget_loss" in s}
    styles = looks(results.solutions)
    low_high = {
        key: _limits(key, logarithmic, [s[key] for s in stages.values() if key in s])
        for key, _, logarithmic, _ in _ROWS
    }
    found = []
    for name, stage in stages.items():
        look = styles.get(name) or Look(GRAY, "o", name.replace("_", " "))
        panels = tuple(
            _panel(stage, key, title, Scale(*low_high[key], *_edges(row)[::-1], logarithmic), row)
            for row, (key, title, logarithmic, _) in enumerate(_ROWS)
        )
        steps = stage["step"]
        found.append(
            Stage(
                look=look,
                swapped=name == "utility",
                panels=panels,
                first=f"{steps[0]:.0f}",
                last=f"{steps[-1]:.0f}",
                description=_description(look.label, stage),
            )
        )
    return found


def _edges(row: int) -> tuple[int, int]:
    top = _HEAD + row * (_HEAD + _PANEL + _GAP)
    return top, top + _PANEL


def _limits(key: str, logarithmic: bool, values: Sequence[np.ndarray]) -> tuple[float, float]:
    """Wide enough for all but the rarest values."""
    if key == "cosine":
        return -1.0, 1.0
    pool = np.concatenate(list(values)) if values else np.empty(0)
    pool = pool[np.isfinite(pool) & ((pool > 0) if logarithmic else True)]
    if not len(pool):
        return (0.01, 1.0) if logarithmic else (0.0, 1.0)
    low, high = (float(np.quantile(pool, q)) for q in (0.02, 0.998))
    if logarithmic:
        low = max(low / 1.3, high / 1e5, 1e-12)
        return low, max(high * 1.3, 10 * low)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def _panel(stage: Mapping[str, np.ndarray], key: str, title: str, y: Scale, row: int) -> Panel:
    top, bottom = _edges(row)
    steps = stage["step"]
    values = stage.get(key, np.full(len(steps), np.nan))
    band = line = request = ""
    if np.isfinite(values).any():
        span = float(steps[-1] - steps[0]) or 1.0
        x = Scale(float(steps[0]), float(steps[0]) + span, LEFT, RIGHT)
        band = _band(x(steps), y(values))
        mean = smoothed(values, _MEMORY * len(values))
        kept = np.unique(np.linspace(0, len(steps) - 1, _POINTS).round().astype(int))
        line = polyline(x(steps[kept]), y(mean[kept]))
        if key == "forget_loss" and "epsilon" in stage:
            known = stage["epsilon"][np.isfinite(stage["epsilon"])]
            request = place(y.at(known[-1])) if len(known) else ""
    shown = [-1.0, 0.0, 1.0] if key == "cosine" else ticks(y, 5)
    places = tuple((place(y.at(t)), tick_text(t)) for t in shown)
    return Panel(title, top - 10, top, bottom, places, band, line, request)


def _band(x: np.ndarray, y: np.ndarray) -> str:
    """The area between the least and the greatest value around each of a few steps."""
    lows, highs, middles = [], [], []
    for part in np.array_split(np.arange(len(x)), min(_POINTS, len(x))):
        finite = part[np.isfinite(y[part])]
        if len(finite):
            middles.append(float(x[finite].mean()))
            lows.append(float(y[finite].min()))
            highs.append(float(y[finite].max()))
    around = np.array(middles + middles[::-1]), np.array(highs + lows[::-1])
    return polyline(*around) + "Z"


def _description(label: str, stage: Mapping[str, np.ndarray]) -> str:
    """Where each running mean ends."""
    parts = []
    for key, title, _, form in _ROWS:
        values = stage.get(key, np.empty(0))
        if np.isfinite(values).any():
            end = float(smoothed(values, _MEMORY * len(values))[-1])
            text = f"{title} {cell(end, form)}"
            epsilon = stage.get("epsilon", np.empty(0))
            if key == "forget_loss" and np.isfinite(epsilon).any():
                text += f" (requested {cell(float(epsilon[np.isfinite(epsilon)][-1]), form)})"
            parts.append(text)
    updates = len(stage["step"])
    count = f"{updates} update{'' if updates == 1 else 's'}"
    return f"{label}, {count} logged, running means at the end: {', '.join(parts)}."
