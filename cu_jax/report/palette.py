"""Colors, markers, names and order of solutions, the same in every figure and table."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cu_jax.atomic import replacing
from cu_jax.report.colors import blend, toned
from cu_jax.results import Solution

# Okabe and Ito, Color Universal Design, 2008: told apart with any kind of color vision.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GRAY = "#767676"
# Tol, Colour schemes, 2021, the muted one: these three are told from those above likewise.
INDIGO, OLIVE, WINE = "#332288", "#999933", "#882255"
INK = "#222222"

_RAMP = (VERMILLION, PURPLE, BLUE)
_OTHERS = ((SKY, "^"), (ORANGE, "v"), (GRAY, "P"), (PURPLE, "X"))
# Markers differ too: no method is known by its color alone.
_METHODS = {
    "original": (BLACK, "*"),
    "boundaries": (GRAY, "D"),
    "controllable": (VERMILLION, "o"),
    "composite": (GREEN, "s"),
    "composite_proxy": (SKY, "p"),
    "primal_dual": (BLUE, "^"),
    "max_loss": (ORANGE, "v"),
    "noisy_label": (PURPLE, "P"),
    "retain_label": (OLIVE, "X"),
    "random_encoder": (WINE, "<"),
    "retrain": (INDIGO, "h"),
}

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 150,
    "savefig.dpi": 150,
}


@dataclasses.dataclass(frozen=True)
class Look:
    """How one solution is drawn.

    Attributes:
        color: A hexadecimal color.
        marker: matplotlib's marker.
        label: The name for people.

    Example:
        >>> Look("#56B4E9", "o", "control 0.5").ink
        '#3C7DA1'
    """

    color: str
    marker: str
    label: str

    @property
    def ink(self) -> str:
        """The color as text: darkened until it has a contrast of 4.5 with white (WCAG 2, AA)."""
        return toned(self.color, 4.5, "#FFFFFF")


def ordered(solutions: Iterable[Solution]) -> list[Solution]:
    """Solutions in the order of every table and figure.

    Args:
        solutions: In any order.

    Returns:
        original, complete, requested ones by rising ε, utility, then the baselines by method and
        by the number in their name.

    Example:
        >>> names = ("composite_0.3", "utility", "composite_0.03", "original", "complete")
        >>> solutions = [
        ...     Solution(name=n, method=n.split("_")[0], retain_loss=0.0, forget_loss=1.0)
        ...     for n in names
        ... ]
        >>> [s.name for s in ordered(solutions)]
        ['original', 'complete', 'utility', 'composite_0.03', 'composite_0.3']
    """

    def key(solution: Solution) -> tuple[Any, ...]:
        if solution.method == "original":
            return (0, "", 0.0)
        if solution.name == "complete":
            return (1, "", 0.0)
        if on_path(solution):
            return (2, "", solution.epsilon or 0.0)
        if solution.name == "utility":
            return (3, "", 0.0)
        return (4, solution.method, number_in(solution.name) or 0.0)

    return sorted(solutions, key=key)


def looks(solutions: Iterable[Solution]) -> dict[str, Look]:
    """How each solution is drawn: a color that says what it is.

    Requested solutions run from vermillion (complete) over purple to blue (utility) with their
    control; the composite loss is green, lighter with a smaller α.

    Args:
        solutions: All solutions of a run.

    Returns:
        Name to look.

    Example:
        >>> complete = Solution(
        ...     name="complete", method="controllable", retain_loss=0.1, forget_loss=0.6
        ... )
        >>> looks([complete])["complete"]
        Look(color='#D55E00', marker='D', label='complete')
    """
    result: dict[str, Look] = {}
    in_order = ordered(solutions)
    composites = [s.name for s in in_order if s.method == "composite"]
    other_methods = list(
        dict.fromkeys(
            s.method for s in in_order if s.method not in ("original", "controllable", "composite")
        )
    )
    for solution in in_order:
        name, number = solution.name, number_in(solution.name)
        if solution.method == "original":
            look = Look(BLACK, "*", "original")
        elif on_path(solution):
            share = 0.5 if solution.control is None else solution.control
            kind = {"control": "control", "epsilon": "ε ="}.get(name.partition("_")[0])
            text = f"{kind} {number:g}" if kind and number is not None else name.replace("_", " ")
            look = Look(blend(_RAMP, share), "o", text)
        elif name == "complete":
            look = Look(VERMILLION, "D", "complete")
        elif name == "utility":
            look = Look(BLUE, "D", "utility")
        elif solution.method == "composite":
            share = composites.index(name) / max(len(composites) - 1, 1)
            text = name if number is None else f"composite α = {number:g}"
            look = Look(blend(("#52C7A2", GREEN, "#00513B"), share), "s", text)
        elif solution.method in other_methods:
            place = other_methods.index(solution.method) % len(_OTHERS)
            color, marker = _METHODS.get(solution.method, _OTHERS[place])
            look = Look(color, marker, name.replace("_", " "))
        else:
            look = Look(GRAY, "h", name.replace("_", " "))
        result[name] = look
    return result


def method_looks(methods: Iterable[str]) -> dict[str, Look]:
    """How each method is drawn where methods are compared, all its solutions alike.

    Args:
        methods: Names of methods; `boundaries` stands for what bounds the range.

    Returns:
        Name to look.

    Example:
        >>> method_looks(["controllable", "primal_dual"])["primal_dual"]
        Look(color='#0072B2', marker='^', label='primal dual')
    """
    names = list(dict.fromkeys(methods))
    labels = {"controllable": "controllable (ours)", "original": "original model"}
    others = [name for name in names if name not in _METHODS]
    found = {}
    for name in names:
        color, marker = _METHODS.get(name) or _OTHERS[others.index(name) % len(_OTHERS)]
        found[name] = Look(color, marker, labels.get(name, name.replace("_", " ")))
    return found


def on_path(solution: Solution) -> bool:
    """Whether a solution is one of our path, where ε was asked for; not another method's.

    Example:
        >>> on_path(
        ...     Solution(
        ...         name="primal_dual_0.5",
        ...         method="primal_dual",
        ...         epsilon=0.8,
        ...         retain_loss=0.1,
        ...         forget_loss=0.8,
        ...     )
        ... )
        False
    """
    return solution.method == "controllable" and solution.epsilon is not None


def number_in(name: str) -> float | None:
    """The number behind the last underscore of a solution's name.

    Example:
        >>> number_in("control_0.25"), number_in("utility")
        (0.25, None)
    """
    try:
        return float(name.rpartition("_")[2])
    except ValueError:
        return None


def style() -> Any:
    """The context in which a figure is made: our fonts, lines and resolution.

    Example:
        >>> with style():
        ...     matplotlib.rcParams["axes.titleweight"]
        'bold'
    """
    return matplotlib.rc_context(_STYLE)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that no global state of matplotlib knows.

    Args:
        width: Inches; 12 are 1800 pixels.
        height: Inches.

    Example:
        >>> new_figure(12.0, 6.0).get_size_inches()
        array([12.,  6.])
    """
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Writes a PNG, whole or not at all; makes its folder.

    Args:
        figure: A figure.
        path: The file to write.

    Returns:
        The path.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(new_figure(1.0, 1.0), Path(folder, "figures", "empty.png")).exists()
        True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path
