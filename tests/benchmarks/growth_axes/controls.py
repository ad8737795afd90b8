"""One point of growth with the number of controls: a whole tiny run. Prints a JSON object.

    python tests/benchmarks/growth_axes/controls.py COUNT WORKDIR

The run is that of tests/experiment/tiny.py, without the composite loss's stages. What it compiles
is kept in the folder in JAX_COMPILATION_CACHE_DIR; programs that it asked for are counted, and so
are those that were not there. Processor seconds are those of all threads: of the controls' stages
with their evaluations, and of the whole run.
"""

import collections
import contextlib
import json
import resource
import runpy
import shutil
import sys
import time
from pathlib import Path

import jax
import jax.monitoring

from cu_jax import experiment

CONFIG = Path(__file__).parents[2] / "experiment" / "tiny.py"


def main():
    count, workdir = int(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(workdir, ignore_errors=True)
    controls = tuple((index + 0.5) / count for index in range(count))
    events = collections.Counter()
    jax.monitoring.register_event_listener(lambda name, **_: events.update([name.split("/")[-1]]))
    stages = {}
    path = experiment._path

    def watched(*arguments):
        began = time.process_time()
        result = path(*arguments)
        stages["seconds"] = time.process_time() - began
        return result

    experiment._path = watched
    wall, began = time.perf_counter(), time.process_time()
    sys.argv = ["cu_jax.main", f"--config={CONFIG}", f"--workdir={workdir}"]
    sys.argv += [f"--config.controls={controls}", "--config.composite_alphas=()"]
    with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(SystemExit):
        runpy.run_module("cu_jax.main", run_name="__main__")
    solutions = json.loads((workdir / "results.json").read_text())["solutions"]
    assert len(solutions) == count + 3, [one["name"] for one in solutions]
    found = {
        "x": count,
        **stages,
        "whole": time.process_time() - began,
        "wall": time.perf_counter() - wall,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "programs": events["compile_requests_use_cache"],
        "compiled": events["compile_requests_use_cache"] - events["cache_hits"],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
