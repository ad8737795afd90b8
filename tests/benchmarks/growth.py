"""How time and memory grow: with the batch, the picture, the model, the requests, the data.

    python tests/benchmarks/growth.py OUT [--only batch depth ...] [--figure PNG]

Each axis is measured by a file of growth_axes/, in processes of their own; OUT/growth.json keeps
what was found, and an axis that is not asked for stays as it was. The table says the exponent of
the last half of each axis's points: the slope of the logarithms, 1 where twice as much takes twice
as long. Times are processor seconds, those of all threads together, which depend little on what
else the machine does; the file has the wall's seconds too. The million pictures take 1 GB in
OUT/pictures, made on first use.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from pathlib import Path

AXES = Path(__file__).parent / "growth_axes"
COUNTS = {"controls": (1, 2, 4, 8), "pictures": (10**3, 10**4, 10**5, 10**6)}
QUANTITIES = {
    "batch": {"seconds": "update", "memory": "memory", "compile": "compiling"},
    "patches": {"seconds": "update", "memory": "memory", "compile": "compiling"},
    "pixels": {"seconds": "update", "memory": "memory", "compile": "compiling"},
    "depth": {"seconds": "update", "memory": "memory", "compile": "compiling"},
    "controls": {
        "seconds": "their stages",
        "whole": "whole run",
        "memory": "peak memory",
        "programs": "programs",
    },
    "constraints": {"seconds": "transform", "memory": "memory", "compile": "compiling"},
    "pictures": {
        "start": "opening and listing",
        "held": "memory held",
        "peak": "memory at the peak",
        "resume_late": "resuming at step 10⁶",
        "batch": "a batch",
    },
}
"""Axis to what is measured of it, and how that is called."""


def run(name, *arguments, **environment):
    """What a file of growth_axes/ prints."""
    command = [sys.executable, str(AXES / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=os.environ | environment, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(axis, out):
    """A dict a point, the value first; compilation caches are off, or this axis's own."""
    if axis == "constraints":
        return run(axis, JAX_ENABLE_COMPILATION_CACHE="false")
    if axis == "pictures":
        return [_picture(count, run(axis, count, out / "pictures")) for count in COUNTS[axis]]
    if axis == "controls":
        cache = {
            "JAX_COMPILATION_CACHE_DIR": str(out / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        run(axis, 1, out / "run", **cache)  # The cache is warm from here on.
        return [run(axis, count, out / "run", **cache) for count in COUNTS[axis]]
    return run("steps", axis, JAX_ENABLE_COMPILATION_CACHE="false")


def _picture(count, found):
    """A point in the terms of the table: memory above that of the bare process."""
    found |= {"x": count, "start": found["open"] + found["list"], "batch": found["late"]}
    found["held"] = found["read"] - found["bare"]
    found["peak"] -= found["bare"]
    return found


def exponent(points, name):
    """The slope of logarithms over the last half of the points, at least two."""
    last = points[-max(2, -(-len(points) // 2)) :]
    xs = [math.log(point["x"]) for point in last]
    ys = [math.log(max(point[name], 1e-9)) for point in last]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum(
        (a - x) ** 2 for a in xs
    )


def text(name, value):
    """A quantity with its unit."""
    if name in ("memory", "held", "peak"):
        return f"{value / 1e6:,.0f} MB"
    if name == "programs":
        return f"{value:.0f}"
    return f"{value:.2f} s" if value >= 1 else f"{1e3 * value:.1f} ms"


def table(found):
    """Markdown: a row for each quantity of each axis."""
    rows = ["| axis | from, to | of | first | last | exponent |", "|---|---|---|---:|---:|---:|"]
    for axis, quantities in QUANTITIES.items():
        points = found.get(axis, [])
        for name, title in quantities.items() if points else ():
            first, last = points[0], points[-1]
            rows.append(
                f"| {axis} | {first['x']:,} to {last['x']:,} | {title} | {text(name, first[name])} "
                f"| {text(name, last[name])} | {round(exponent(points, name), 2) + 0.0:.2f} |"
            )
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", default=list(QUANTITIES), choices=list(QUANTITIES))
    parser.add_argument("--figure", type=Path, help="where to draw what OUT/growth.json has")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out.absolute() / "growth.json"
    for axis in given.only:
        print(f"{axis} ...", file=sys.stderr, flush=True)
        points = measure(axis, path.parent)
        found = json.loads(path.read_text()) if path.exists() else {}
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(found | {axis: points}, indent=1) + "\n")
        temporary.replace(path)
    print(table(json.loads(path.read_text())))
    if given.figure:
        subprocess.run([sys.executable, str(AXES / "figure.py"), path, given.figure], check=True)


if __name__ == "__main__":
    main()
