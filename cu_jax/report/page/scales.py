"""Axes of the page's drawings: numbers to places, and where the ticks stand."""

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

# Share of a logarithmic axis that lies between its lowest number and 0.
_FOOT = 0.13


@dataclasses.dataclass(frozen=True)
class Scale:
    """Maps numbers to places in a drawing; what is outside lands on the nearer end.

    A logarithmic scale has a linear foot from ``low`` down to 0, so that 0 has a place too.

    Attributes:
        low: The number at ``start``, or where the foot of a logarithmic scale begins.
        high: The number at ``end``; greater than ``low``.
        start: A place in the drawing.
        end: The other place.
        logarithmic: Whether places are proportional to logarithms.

    Example:
        >>> Scale(0.0, 2.0, 100, 0).at(0.5), Scale(0.1, 1.0, 0, 100, True).at(1.0)
        (75.0, 100.0)
    """

    low: float
    high: float
    start: int
    end: int
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Place of one number."""
        return float(self(np.array([value]))[0])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Places of numbers; NaN stays NaN."""
        if self.logarithmic:
            above = np.log(np.maximum(values, self.low) / self.low) / math.log(self.high / self.low)
            foot = _FOOT * np.minimum(values, self.low) / self.low
            share = foot + (1 - _FOOT) * above
        else:
            share = (values - self.low) / (self.high - self.low)
        return self.start + np.clip(share, 0, 1) * (self.end - self.start)


def ticks(scale: Scale, count: int) -> list[float]:
    """Round numbers on a scale.

    Args:
        scale: The axis.
        count: About how many there may be.

    Returns:
        Rising numbers; those of a logarithmic scale are 0 and powers of ten, or 1, 2 and 5 times
        such where they are few.

    Example:
        >>> ticks(Scale(0.13, 1.02, 0, 1), 5)
        [0.2, 0.4, 0.6, 0.8, 1.0]
        >>> ticks(Scale(0.004, 1.5, 0, 1, True), 5)
        [0.0, 0.01, 0.1, 1.0]
    """
    if scale.logarithmic:
        decades = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
        found = [m * 10.0**e for e in decades for m in (1, 2, 5)]
        found = [tick for tick in found if scale.low <= tick <= scale.high]
        if len(found) > count:
            found = [t for t in found if math.isclose(math.log10(t) % 1, 0, abs_tol=1e-9)]
        return [0.0, *found[:: 1 + len(found) // (count + 1)]]
    rough = (scale.high - scale.low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    # Rounded, because 3 · 0.1 is not 0.3.
    return [float(f"{i * step:.10g}") for i in range(first, last + 1)]


def tick_text(value: float) -> str:
    """A tick's number in at most five letters.

    Example:
        >>> [tick_text(value) for value in (0.0, -0.25, 0.0005, 2000.0, 1e6)]
        ['0', '−0.25', '5e−4', '2000', '1e6']
    """
    if value and not 1e-3 <= abs(value) < 1e4:
        digits, _, power = f"{value:.0e}".partition("e")
        text = f"{digits}e{int(power)}"
    else:
        text = f"{value:g}"
    return text.replace("-", "−")


def extent(values: Iterable[float], default: tuple[float, float]) -> tuple[float, float]:
    """The least and the greatest finite value; apart from each other even if there is one alone.

    Args:
        values: Any numbers.
        default: The answer where none is finite.

    Example:
        >>> extent([0.25, float("nan"), 0.5], (0.0, 1.0)), extent([2.0], (0.0, 1.0))
        ((0.25, 0.5), (1.0, 3.0))
    """
    finite = [float(value) for value in values if math.isfinite(value)]
    if not finite:
        return default
    low, high = min(finite), max(finite)
    if high > low:
        return low, high
    reach = 0.5 * abs(low) or 1.0
    return low - reach, high + reach


def polyline(x: np.ndarray, y: np.ndarray) -> str:
    """The ``d`` of an SVG path through points; NaN interrupts it.

    Args:
        x: float ``[n]``.
        y: float ``[n]``.

    Example:
        >>> polyline(np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 6.25, np.nan, 8.0]))
        'M0 5L1 6.2M3 8'
    """
    parts, pen_down = [], False
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        finite = math.isfinite(a) and math.isfinite(b)
        if finite:
            parts.append(f"{'L' if pen_down else 'M'}{place(a)} {place(b)}")
        pen_down = finite
    return "".join(parts)


def place(value: float) -> str:
    """A coordinate to a tenth of a unit, as short as it goes.

    Example:
        >>> place(12.0), place(3.14159), place(-0.01)
        ('12', '3.1', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
