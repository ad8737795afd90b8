"""Draws growth.json: each axis beside its linear reference.

python tests/benchmarks/growth_axes/figure.py OUT/growth.json docs/performance-growth.png
"""

import json
import runpy
import sys
from pathlib import Path

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from cu_jax.report import palette
from cu_jax.report.comparison.frame import head

TABLE = runpy.run_path(str(Path(__file__).parents[1] / "growth.py"))
# Title, name of the values, and what else must be known.
PANELS = {
    "batch": ("Batch", "pictures of each set", "masked autoencoder, 64 patches of 4 x 4"),
    "patches": ("Picture, autoencoder", "patches of 4 x 4 pixels", "attention is quadratic"),
    "pixels": ("Picture, diffusion", "pixels", "but for the attention in its middle, linear"),
    "depth": ("Depth", "blocks of the encoder", "masked autoencoder, 8 pictures of each set"),
    "controls": ("Requests", "controls", "digits' job, narrow; all share one program"),
    "constraints": ("Constraints", "constraints", "4 million parameters; pairs are quadratic"),
    "pictures": ("Data", "pictures in the data set", "prepared as array_record"),
}
TIME, SPACE = (palette.VERMILLION, "o"), (palette.BLUE, "s")
LOOKS = {
    "seconds": TIME,
    "start": TIME,
    "memory": SPACE,
    "peak": SPACE,
    "held": (palette.SKY, "D"),
    "compile": (palette.GREEN, "^"),
    "programs": (palette.GREEN, "^"),
    "whole": (palette.ORANGE, "v"),
    "resume_late": (palette.PURPLE, "v"),
    "batch": (palette.GRAY, "p"),
}
HEIGHT = 11.95  # inches
PIXELS = {"patches": (16, 64, 256, 1024, 4096), "pixels": (256, 1024, 4096, 16384)}  # ticks
SQUARED = ("patches", "pixels", "constraints")


def figure(found):
    with palette.style():
        drawn = palette.new_figure(12.0, HEIGHT)
        head(
            drawn,
            "How time and memory grow",
            "Each quantity divided by its first point; both axes are logarithmic. Above each "
            "panel: the first and the last value, and\nthe exponent of the last half of the points "
            "(1: twice as much takes twice as long). Times are processor seconds, of two cores.",
        )
        for place, axis in enumerate(axis for axis in PANELS if axis in found):
            row, column = divmod(place, 3)
            bottom = (0.75 + 3.65 * (2 - row)) / HEIGHT
            axes = drawn.add_axes((0.055 + 0.325 * column, bottom, 0.272, 1.8 / HEIGHT))
            _panel(axes, axis, found[axis])
        _explained(drawn)
    return drawn


def _panel(axes, axis, points):
    title, label, about = PANELS[axis]
    xs = [point["x"] for point in points]
    low, high = 1.0, 1.0
    lines = []
    for name, told in TABLE["QUANTITIES"][axis].items():
        color, marker = LOOKS[name]
        ys = [point[name] / max(points[0][name], 1e-9) for point in points]
        low, high = min(low, *ys), max(high, *ys)
        axes.plot(xs, ys, "-", color=color, marker=marker, ms=6.5, mec="white", mew=0.7)
        ends = [TABLE["text"](name, points[end][name]) for end in (0, -1)]
        slope = round(TABLE["exponent"](points, name), 2) + 0.0  # no -0
        ink = palette.Look(color, marker, "").ink
        lines.append((f"{told}  {ends[0]} → {ends[1]}   {slope:.2f}", ink))
    axes.set_xscale("log", base=2 if xs[-1] / xs[0] < 10**5 else 10)
    axes.set_yscale("log")
    last = points[-1]["seconds" if "seconds" in points[-1] else "start"]
    last /= points[0]["seconds" if "seconds" in points[0] else "start"]
    for power, dashes in ((1, "--"), (2, ":")) if axis in SQUARED else ((1, "--"),):
        heights = [last * (x / xs[-1]) ** power for x in xs]
        axes.plot(xs, heights, dashes, color="#555555", lw=1.1, zorder=1)
    axes.set_ylim(low / 2, 1.6 * high)
    axes.set_xlim(xs[0] / (xs[-1] / xs[0]) ** 0.04, xs[-1] * (xs[-1] / xs[0]) ** 0.04)
    shown = xs if axis not in PIXELS else [x for x in xs if x in PIXELS[axis]]
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _number(x)))
    steps = (1,) if high / low > 50 else (1, 2, 5)
    ticks = [step * 10.0**power for power in range(-1, 5) for step in steps]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g} ×"))
    axes.set_xlabel(label)
    for number, (words, ink) in enumerate([*lines[::-1]]):
        axes.annotate(words, (0, 1), xytext=(0, 6 + 12.5 * number), xycoords="axes fraction",
                      textcoords="offset points", fontsize=9.5, color=ink)  # fmt: skip
    above = 6 + 12.5 * len(lines)
    axes.annotate(about, (0, 1), xytext=(0, above), xycoords="axes fraction", fontsize=9.5,
                  textcoords="offset points", color="#555555")  # fmt: skip
    axes.annotate(title, (0, 1), xytext=(0, above + 14), xycoords="axes fraction", fontsize=11.5,
                  textcoords="offset points", weight="bold")  # fmt: skip


def _number(x):
    power = len(f"{x:.0f}") - 1
    return f"$10^{power}$" if x >= 10**3 and x == 10**power else f"{x:.0f}"


def _explained(drawn):
    """The key of the reference lines, in the empty places of the last row."""
    axes = drawn.add_axes((0.42, 0.1, 0.2, 0.1))
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for height, dashes, words in ((0.8, "--", "linear growth"), (0.45, ":", "quadratic growth")):
        axes.plot((0, 0.16), (height, height), dashes, color="#555555", lw=1.3)
        axes.text(0.2, height, f"{words} to the last time", va="center")


if __name__ == "__main__":
    palette.save(figure(json.loads(Path(sys.argv[1]).read_text())), Path(sys.argv[2]))
