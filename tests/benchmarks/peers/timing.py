"""Times variants in turns in one process, and says on what they ran."""

import json
import os
import statistics
import time

import jax
import torch

# Tests set the variable, for JAX alone would not keep PyTorch from a GPU.
CUDA = torch.cuda.is_available() and os.environ.get("JAX_PLATFORMS") != "cpu"
DEVICE = torch.device("cuda" if CUDA else "cpu")


QUEUED = 10 if CUDA else 1
_clock = time.perf_counter


def add_arguments(parser, rounds):
    """The flags that all programs of this folder have."""
    parser.add_argument("--rounds", type=int, default=rounds, help="of which the median is taken")
    parser.add_argument("--threads", type=int, help="of PyTorch on a CPU")
    parser.add_argument("--one-core", action="store_true", help="processor time on one core")
    parser.add_argument("--json", help="a file for what was measured")


def settle(args):
    """Gives both libraries the same device, the same cores and the same rounding of float32.

    On CUDA the factors of float32 products are TF32 in both, of matrices and of convolutions. With
    ``--one-core`` the process keeps to one core and its processor time counts, which a busy machine
    changes little. Call it before JAX's first array.
    """
    global _clock
    if args.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        _clock = time.process_time
        torch.set_num_threads(1)
    if CUDA != (jax.default_backend() == "gpu"):
        raise SystemExit(
            f"Both must see the same device: JAX has {jax.default_backend()}, PyTorch {DEVICE}."
        )
    if CUDA:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        jax.config.update("jax_default_matmul_precision", "tensorfloat32")
    elif args.threads:
        torch.set_num_threads(args.threads)


def wait(result=None):
    """Until the device has done all that PyTorch asked of it, and JAX has made a result."""
    if CUDA:
        torch.cuda.synchronize()
    jax.block_until_ready(result)


def where():
    """The machine and the versions, for the head of a table and for a file."""
    return {
        "device": torch.cuda.get_device_name() if CUDA else "CPU",
        "cores": len(os.sched_getaffinity(0)),
        "torch_threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "clock": _clock.__name__,
        "jax": jax.__version__,
        "torch": torch.__version__,
        "float32": "TF32 products" if CUDA else "float32 products",
    }


def in_turns(variants, rounds):
    """Median seconds of each variant.

    Args:
        variants: name to a function; all have run before.
        rounds: so many turns each has, one after the other, so that a busy machine slows all of
            them. On CUDA a turn is :data:`QUEUED` runs, and nobody waits in between: as in a loop
            the device is handed the next one while it works.
    """
    seconds = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            began = _clock()
            for _ in range(QUEUED):
                result = run()
            wait(result)
            seconds[name].append((_clock() - began) / QUEUED)
    return {name: statistics.median(values) for name, values in seconds.items()}


def warm(run):
    """Seconds of the first run, compilation included; then two more, which may compile again."""
    began = time.perf_counter()
    wait(run())
    seconds = time.perf_counter() - began
    wait((run(), run()))
    return seconds


def torch_memory(build):
    """A variant of PyTorch's, warm, the seconds of its first run, and bytes at its peak.

    Args:
        build: makes a function that runs the variant.

    Returns:
        The function, seconds, and bytes, or None on a CPU.
    """
    if not CUDA:
        run = build()
        return run, warm(run), None
    wait()
    before = torch.cuda.memory_allocated()
    run = build()
    seconds = warm(run)
    torch.cuda.reset_peak_memory_stats()  # What compiling needed is not the variant's.
    wait(run())
    return run, seconds, torch.cuda.max_memory_allocated() - before


def table(rows, ours, unit, count):
    """Prints a table of variants and returns it as records.

    Args:
        rows: name to ``dict(seconds=…, first=…, memory=…)``, the last two if known.
        ours: the name of the row that ratios are of: seconds of a row over its seconds.
        unit: what is counted, ``pictures``.
        count: how many of it a run works on.
    """
    print(f"| variant | first run s | median ms | {unit}/s | time / {ours} | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    records = {}
    for name, row in rows.items():
        seconds, first, memory = row["seconds"], row.get("first"), row.get("memory")
        record = dict(row, rate=count / seconds)
        if ours in rows:
            record["ratio"] = seconds / rows[ours]["seconds"]
        records[name] = record
        cells = [
            "–" if first is None else f"{first:.1f}",
            f"{1e3 * seconds:.1f}",
            f"{record['rate']:.4g}",
            f"{record['ratio']:.2f}" if "ratio" in record else "–",
            "–" if memory is None else f"{memory / 2**20:.0f}",
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return records


def write(path, **found):
    """Writes what was measured, with the machine it was measured on, if a path is given."""
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"where": where(), **found}, file, indent=2, default=str)
            file.write("\n")
