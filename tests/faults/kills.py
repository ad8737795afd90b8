"""SIGKILL at random moments of a whole run, and the same command again, until it ends.

    python tests/faults/kills.py OUT [--moments 50] [--processes 2] [--seed 0]

The tiny experiment (tests/experiment/tiny.py) runs once undisturbed and once killed at seeded
moments: most are a number of lines in the log and a while after it, into checkpoints and
evaluations; a fifth come after the last line, into the last evaluation, results and report. Of
several processes one is killed, drawn too, and the others must end by themselves. Prints what was
hit, and whether log, results and models are those of the undisturbed run, bit for bit.
"""

import argparse
import collections
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from cu_jax.results import read_results
from cu_jax.supervision import LOST

ROOT = Path(__file__).parents[2]
LATE = 5  # One moment of so many comes after the last line.
PATIENCE = 100.0  # Seconds for the others of a killed process: they wait 40 s for one to start.


class Outcome(NamedTuple):
    """Where the kills hit, how long the survivors took at most, and what differs in the end."""

    hit: list[str]
    longest_end: float
    different: list[str]


def start(workdir: Path, cache: Path, processes: int = 1) -> list[subprocess.Popen[bytes]]:
    """The run's processes; what they say goes to ``log.txt`` beside the workdir."""
    config = ROOT / "tests" / "experiment" / "tiny.py"
    command = [sys.executable, "-m", "cu_jax.main", f"--config={config}", f"--workdir={workdir}"]
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "XDG_CACHE_HOME": str(cache),
        "CU_JAX_PROCESSES": str(processes),
        "CU_JAX_COORDINATOR": f"localhost:{port}",
    }
    workdir.parent.mkdir(parents=True, exist_ok=True)
    with (workdir.parent / "log.txt").open("a") as log:
        return [
            subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=environment | {"CU_JAX_PROCESS": str(number)},
            )
            for number in range(processes)
        ]


def finish(workdir: Path, cache: Path, processes: int = 1) -> float:
    """Runs to the end; returns the seconds it took."""
    began = time.monotonic()
    codes = [process.wait() for process in start(workdir, cache, processes)]
    said = (workdir.parent / "log.txt").read_text()
    assert codes == [0] * processes, f"{codes}\n{said[-3000:]}"
    return time.monotonic() - began


def lines(workdir: Path) -> list[str]:
    """The log's lines so far."""
    try:
        return (workdir / "metrics.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return []


def kill_and_resume(
    folder: Path, moments: int, processes: int = 1, seed: int = 0, say: bool = False
) -> Outcome:
    """The whole trial, in a folder of its own."""
    cache, quiet, disturbed = folder / "cache", folder / "quiet" / "run", folder / "killed" / "run"
    finish(quiet, cache, processes)
    expected = lines(quiet)
    rerun = finish(quiet, cache, processes)  # changes nothing; as long as a late moment may be
    rng = random.Random(seed)
    late = moments // LATE
    chosen = sorted(
        (rng.randrange(len(expected)), rng.uniform(0, 1)) for _ in range(moments - late)
    )
    chosen += [(len(expected), rng.uniform(0, rerun)) for _ in range(late)]
    hit, longest = [], 0.0
    for count, delay in chosen:
        before = _remains(disturbed)
        running = start(disturbed, cache, processes)
        while all(one.poll() is None for one in running) and len(lines(disturbed)) < count:
            time.sleep(0.005)
        time.sleep(delay)
        victim = rng.choice(running)
        victim.kill()
        began = time.monotonic()
        if victim.wait() < 0:
            hit.append(_place(disturbed, len(expected), before))
        for other in running:
            code = other.wait(PATIENCE)
            if other is not victim and victim.returncode < 0:
                # 0: it was at its end already; else it says that it lost the other one.
                assert code in (0, LOST), code
        took = time.monotonic() - began
        longest = max(longest, took)
        if say and victim.returncode < 0:
            others = f"; the others ended after {took:.1f} s" if processes > 1 else ""
            print(f"  {len(hit)}: {hit[-1]}{others}", flush=True)
    finish(disturbed, cache, processes)
    return Outcome(hit, longest, _differences(quiet, disturbed))


def _remains(workdir: Path) -> dict[Path, int]:
    """The lock, which a run writes when it begins, and unfinished checkpoints, with their times."""
    found = {}
    for path in (*workdir.glob(".lock"), *workdir.glob("stages/*/*.orbax-checkpoint-tmp*")):
        with contextlib.suppress(FileNotFoundError):  # others of the run are still at work
            found[path] = path.stat().st_mtime_ns
    return found


def _place(workdir: Path, total: int, before: dict[Path, int]) -> str:
    """Where a killed run was, by what it left that was not there before."""
    new = dict(_remains(workdir).items() - before.items())
    if not new:
        return "before it had begun"
    new.pop(workdir / ".lock", None)
    if new:
        return f"while a checkpoint of {max(new, key=new.__getitem__).parent.name} was written"
    if (workdir / "results.json").exists() and any(workdir.rglob(".*.tmp")):
        return "while the report was written"
    reached = lines(workdir)
    if len(reached) >= total:
        return "after the last step"
    try:
        return f"in or after {json.loads(reached[-1])['stage']}"
    except (IndexError, ValueError):
        return "before or between the first steps"


def _numbers(workdir: Path) -> dict:
    data = read_results(workdir).to_json()
    del data["stages"]  # seconds
    for solution in data["solutions"]:
        del solution["seconds"]
    return data


def _differences(quiet: Path, disturbed: Path) -> list[str]:
    different = [] if lines(quiet) == lines(disturbed) else ["metrics.jsonl"]
    if _numbers(quiet) != _numbers(disturbed):
        different.append("results.json")
    weights = sorted(path.relative_to(quiet) for path in quiet.rglob("*.safetensors"))
    assert len(weights) == 10, weights
    return different + [
        str(path)
        for path in weights
        if (quiet / path).read_bytes() != (disturbed / path).read_bytes()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = kill_and_resume(given.out, given.moments, given.processes, given.seed, say=True)
    print(
        f"{len(found.hit)} of {given.moments} moments hit a run of {given.processes} process(es):"
    )
    for place, count in collections.Counter(found.hit).most_common():
        print(f"  {count:>3} {place}")
    if given.processes > 1:
        print(f"The others ended within {found.longest_end:.0f} s.")
    print("Bit for bit the undisturbed run." if not found.different else found.different)
    return bool(found.different)


if __name__ == "__main__":
    sys.exit(main())
