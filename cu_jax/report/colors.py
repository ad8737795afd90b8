"""Arithmetic of colors: mixed as light is, and toned until they are told from the background."""

from collections.abc import Sequence

import numpy as np


def blend(stops: Sequence[str], share: float) -> str:
    """The color at a share of a ramp, mixed as light is.

    Args:
        stops: Hexadecimal colors.
        share: In [0, 1]; what is beyond is brought back.

    Example:
        >>> blend(("#000000", "#FFFFFF"), 0.5), blend(("#0072B2", "#D55E00"), 2.0)
        ('#BABABA', '#D55E00')
    """
    rgb = np.array([_linear(stop) for stop in stops])
    at = float(np.clip(share, 0, 1)) * (len(stops) - 1)
    return _hexadecimal(np.array([np.interp(at, range(len(stops)), part) for part in rgb.T]))


def toned(color: str, contrast: float, background: str) -> str:
    """A color made darker on a light background, or lighter on a dark one, as far as needed.

    Args:
        color: Hexadecimal.
        contrast: At least this much of it (WCAG 2: 4.5 for text, 3 for drawings).
        background: Hexadecimal.

    Example:
        >>> toned("#56B4E9", 4.5, "#FFFFFF"), toned("#00513B", 3.0, "#1A2027")
        ('#3C7DA1', '#4E6B5E')
    """
    rgb, behind = _linear(color), _luminance(_linear(background))
    now = _luminance(rgb)
    if behind > 0.18:
        return _hexadecimal(rgb * min(1.0, ((behind + 0.05) / contrast - 0.05) / max(now, 1e-6)))
    wanted = contrast * (behind + 0.05) - 0.05
    white = max(wanted - now, 0.0) / max(1 - now, 1e-6)
    return _hexadecimal(rgb + white * (1 - rgb))


def _luminance(rgb: np.ndarray) -> float:
    return float(rgb @ [0.2126, 0.7152, 0.0722])


def _linear(color: str) -> np.ndarray:
    """Red, green and blue in [0, 1], proportional to light."""
    return (np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255) ** 2.2


def _hexadecimal(rgb: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * float(value) ** (1 / 2.2)):02X}" for value in rgb)
