"""SIGKILL at random moments of ``python -m cu_jax.report``, and the same command again.

    python tests/faults/report_kills.py OUT [--moments 20] [--seed 0]

One half of the kills hits the report of a finished tiny experiment (tests/experiment/tiny.py), the
other that of a comparison (tests/report/comparison_runs.py), which is a page, three tables and four
figures. Before each, other files have the names of all that is made. Most moments are spread evenly
from the end of the imports to that of the process; a third come while a file is written. Each file
must then be the one of before or the new one, whole, and after the same command again all must be
new, with nothing else left. About half of the kills are followed by another one first.
"""

import argparse
import collections
import random
import sys
from collections.abc import Callable
from pathlib import Path

from kills import finish as finish_run
from prepare_kills import ROOT, Outcome, finish, kill

BEFORE = b"what had this name before"
WRITING = 3  # One moment of so many comes while a file is written.
SOON = 0.005  # Seconds after it was begun, at most.
# The command, which says when its imports are over.
PROGRAM = """
import sys
from cu_jax.report.__main__ import main
print("imported", flush=True)
sys.exit(main(sys.argv[1:]))
"""


def kill_and_report(workdir: Path, moments: int, seed: int = 0, say: bool = False) -> Outcome:
    """The whole trial in one folder, which holds all that the report is made from."""
    log = workdir.with_name(f"{workdir.name}.log")
    command = ["-c", PROGRAM, str(workdir)]
    left: set[Path] = set()  # by the kills before, since the command last came to its end

    def speaks() -> bool:
        return log.stat().st_size > 0

    def killed(ready: Callable[[], bool], delay: float) -> bool:
        for path in made:
            path.write_bytes(BEFORE)
        return kill(command, log, ready, delay)

    def writes() -> bool:
        return bool(unfinished(workdir) - left)

    took = finish(command, log, speaks, lambda: len(log.read_text().splitlines()) > 1)
    made = [Path(line) for line in log.read_text().splitlines() if line.startswith(str(workdir))]
    new = {path: path.read_bytes() for path in made}
    assert made and BEFORE not in new.values()
    everything = files(workdir)
    rng = random.Random(seed)
    late = moments // WRITING
    chosen = [(speaks, rng.uniform(0, took)) for _ in range(moments - late)]
    chosen += [(writes, rng.uniform(0, SOON)) for _ in range(late)]
    rng.shuffle(chosen)

    hit, different, ends = [], [], 0
    for ready, delay in chosen:
        while not killed(ready, delay):  # it was at its end before
            ready, delay = speaks, rng.uniform(0, 0.8) * took
        hit.append(_place(new, unfinished(workdir) - left))
        if say:
            print(f"  {len(hit)}: {hit[-1]}", flush=True)
        halves = [path for path in made if path.read_bytes() not in (BEFORE, new[path])]
        different += [f"{path}, not whole" for path in halves]
        left |= unfinished(workdir)
        if len(hit) == moments or rng.random() < 0.5:
            finish(command, log)
            ends += 1
            different += [f"{path}, not new" for path in made if path.read_bytes() != new[path]]
            different += map(str, sorted(files(workdir) ^ everything))
            left.clear()
    return Outcome(hit, ends, different)


def files(workdir: Path) -> set[Path]:
    """All files."""
    return {path for path in workdir.rglob("*") if path.is_file()}


def unfinished(workdir: Path) -> set[Path]:
    """Files that have not got their names yet."""
    return {*workdir.glob(".*.tmp"), *workdir.glob("figures/.*.tmp")}


def _place(new: dict[Path, bytes], own: set[Path]) -> str:
    """Where a killed command was, by what it left."""
    if own:
        (written,) = own
        return f"while {'.'.join(written.name.split('.')[1:-2])} was written"
    there = sum(path.read_bytes() == data for path, data in new.items())
    if not there:
        return "before the first file"
    return "after the last file" if there == len(new) else "between two files"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "report"))
    from comparison_runs import write_folder

    out = given.out.absolute()
    finish_run(out / "run", out / "cache")
    (out / "comparison").mkdir(exist_ok=True)
    write_folder(out / "comparison")
    wrong = False
    for name, moments in (
        ("run", given.moments // 2),
        ("comparison", given.moments - given.moments // 2),
    ):
        found = kill_and_report(out / name, moments, given.seed, say=True)
        print(f"{len(found.hit)} kills hit the report of a {name}:")
        for place, count in collections.Counter(found.hit).most_common():
            print(f"  {count:>3} {place}")
        print(f"{found.ends} times the command then ran to its end.")
        print(found.different or "Every file was whole each time, and nothing else was left.")
        wrong |= bool(found.different)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
