"""The palette's colors as classes of the style sheet, toned for a light and for a dark screen."""

from collections.abc import Iterable

from cu_jax.report.colors import toned
from cu_jax.report.palette import BLACK, GRAY, GREEN, PURPLE

# The cards of style.css, and the contrast that a drawing needs (WCAG 2.1, 1.4.11).
_LIGHT, _DARK, _CONTRAST = "#FFFFFF", "#1A2027", 3.0
# In the legend, or of a stage without a solution.
_ALWAYS = (GRAY, GREEN, PURPLE)


def tone(color: str) -> str:
    """The class of a color.

    Example:
        >>> tone("#D55E00")
        'tone-d55e00'
    """
    return f"tone-{color[1:].lower()}"


def tones(colors: Iterable[str]) -> str:
    """The style sheet's lines for colors; black is that of the text, whatever it is.

    Args:
        colors: Hexadecimal colors of the palette.

    Returns:
        One line a color and screen, always in the same order.

    Example:
        >>> "#00513B" in tones(["#00513B"]), tones([]) == tones([BLACK, GRAY])
        (True, True)
    """
    every = sorted({*colors, *_ALWAYS} - {BLACK})
    light = "".join(f".{tone(c)} {{ color: {toned(c, _CONTRAST, _LIGHT)}; }}\n" for c in every)
    dark = "".join(f"  .{tone(c)} {{ color: {toned(c, _CONTRAST, _DARK)}; }}\n" for c in every)
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"
