"""SIGKILL at random moments of a preparation of data, and the same command again.

    python tests/faults/prepare_kills.py OUT [--moments 50] [--seed 0]

6,000 pictures in ImageNet's archives (tests/data/tiny_archives.py) are prepared once undisturbed,
and then killed at seeded moments. Most are spread evenly from the first line that the program says,
before which Python starts, until the finished folder is in place; a fifth come right after the
lists, or that folder, are there. About half of the kills are followed by another one, the others by
the same command to the end: then nothing but the prepared folder may be left, and every file must
be that of the undisturbed one, bit for bit. The records alone are compared part by part: TFDS puts
the parts of each into an order of chance, other in every undisturbed preparation too, on which even
the packed sizes depend.
"""

import argparse
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import tensorflow_datasets as tfds

from cu_jax.data.records import Records

ROOT = Path(__file__).parents[2]
LATE = 5  # One moment of so many waits for a mark near the end.
SOON = 0.02  # Seconds after that mark, at most.
PER_CLASS = {"train_per_class": 100, "validation_per_class": 50}


class Outcome(NamedTuple):
    """Where the kills hit, how often the command ran to its end after, and what differed then."""

    hit: list[str]
    ends: int
    different: list[str]


def archives(folder: Path, pictures: list[bytes], maker, classes: int = 20) -> list[str]:
    """Writes archives; returns the command that prepares them, without its ``--data-dir``."""
    maker.imagenet_archives(folder, pictures, classes_per_set=classes, **PER_CLASS)
    counts = [f"--classes={classes}", *(f"--{k.split('_')[0]}={n}" for k, n in PER_CLASS.items())]
    return ["imagenet", f"--from={folder}", *counts]


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """A process of this Python; what it says goes to an emptied file."""
    with log.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=said,
            stderr=said,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )


def finish(
    command: list[str],
    log: Path,
    first: Callable[[], bool] = lambda: True,
    last: Callable[[], bool] = lambda: False,
) -> float:
    """Runs to the end; returns the seconds from ``first`` to ``last``, without these: all."""
    process = start(command, log)
    wait(process, first)
    began = time.monotonic()
    wait(process, last)
    took = time.monotonic() - began
    assert process.wait() == 0, log.read_text()[-3000:]
    return took


def wait(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Until something holds, or the process has ended."""
    while process.poll() is None and not ready():
        time.sleep(0.0005)


def kill(command: list[str], log: Path, ready: Callable[[], bool], delay: float) -> bool:
    """Kills a process a while after something holds; False if it came to its end before."""
    process = start(command, log)
    wait(process, ready)
    time.sleep(delay)
    process.kill()
    return process.wait() < 0


def kill_and_prepare(
    folder: Path, arguments: list[str], moments: int, seed: int = 0, say: bool = False
) -> Outcome:
    """The whole trial, in a folder of its own."""
    quiet, disturbed, log = folder / "quiet", folder / "killed", folder / "log.txt"

    def command(data_dir: Path) -> list[str]:
        return ["-m", "cu_jax.data.prepare", *arguments, f"--data-dir={data_dir}"]

    def speaks() -> bool:
        return log.stat().st_size > 0

    took = finish(command(quiet), log, speaks, lambda: any(prepared(quiet)))
    (expected,) = prepared(quiet)
    final = disturbed / expected.relative_to(quiet)

    def written() -> bool:
        try:
            return any(disturbed.rglob("features.json"))
        except FileNotFoundError:  # a folder that was just moved or removed
            return False

    marks = [written, final.is_dir]
    rng = random.Random(seed)
    late = moments // LATE
    chosen = [(speaks, rng.uniform(0, took)) for _ in range(moments - late)]
    chosen += [(marks[number % 2], rng.uniform(0, SOON)) for number in range(late)]
    rng.shuffle(chosen)

    hit: list[str] = []
    found: list[list[str]] = []

    def end() -> None:
        finish(command(disturbed), log)
        found.append(differences(quiet, disturbed))
        for path in disturbed.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    for ready, delay in chosen:
        before = set(remains(disturbed))
        while not kill(command(disturbed), log, ready, delay):  # it was at its end before
            end()
            before, delay = set(), delay / 2
        hit.append(_place(disturbed, final, before))
        if say:
            print(f"  {len(hit)}: {hit[-1]}", flush=True)
        if final.is_dir() or len(hit) == moments or rng.random() < 0.5:
            end()
    return Outcome(hit, len(found), sum(found, []))


def prepared(data_dir: Path) -> Iterator[Path]:
    """The finished folders of a folder for data."""
    return data_dir.glob("cu_*/*/1.0.0")


def remains(data_dir: Path) -> Iterator[Path]:
    """What preparations that did not end have left, locks included."""
    return data_dir.glob(".incomplete-*")


def _place(data_dir: Path, final: Path, before: set[Path]) -> str:
    """Where a killed preparation was, by what it left."""
    own = set(remains(data_dir)) - before
    if final.is_dir():
        return "moved into place, before it had tidied up" if own else "after all was in place"
    names = {path.name for folder in own for path in folder.rglob("*")}
    if "manifest.json" in names:
        return "whole, before it was moved into place"
    if "features.json" in names:
        return "while the lists were written"
    files = sum(".array_record-" in name for name in names)
    return f"in file {files} of the records" if files else "before the first record"


def differences(quiet: Path, disturbed: Path) -> list[str]:
    """Files that only one folder for data has, or that are not the same in both."""
    ours, theirs = ({p.relative_to(top) for p in top.rglob("*")} for top in (quiet, disturbed))
    different = sorted(map(str, ours ^ theirs))
    for path in sorted(path for path in ours & theirs if (quiet / path).is_file()):
        if ".array_record-" not in path.name and _read(quiet / path) != _read(disturbed / path):
            different.append(str(path))
    if different:
        return different
    (one,), (other,) = map(prepared, (quiet, disturbed))
    mine, its = map(tfds.builder_from_directory, (one, other))
    for split in mine.info.splits:
        a, b = Records(mine, split), Records(its, split)
        if len(a) != len(b) or any(a[index] != b[index] for index in range(len(a))):
            different.append(split)
    return different


def _read(path: Path) -> object:
    """What a file has; the sizes of the records' files, which are of chance, excepted."""
    if path.name != "dataset_info.json":
        return path.read_bytes()
    info = json.loads(path.read_text())
    info["splits"] = [split | {"numBytes": None} for split in info["splits"]]
    return info


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "data")]
    import photographs
    import tiny_archives

    out = given.out.absolute()
    pictures = photographs.jpegs(8, width=320, height=240)
    arguments = archives(out / "archives", pictures, tiny_archives)
    found = kill_and_prepare(out, arguments, given.moments, given.seed, say=True)
    print(f"{len(found.hit)} kills hit a preparation:")
    for place, count in collections.Counter(found.hit).most_common():
        print(f"  {count:>3} {place}")
    print(f"{found.ends} times the command then ran to its end.")
    print(found.different or "Nothing else was left, and all was that of the undisturbed one.")
    return bool(found.different)


if __name__ == "__main__":
    sys.exit(main())
