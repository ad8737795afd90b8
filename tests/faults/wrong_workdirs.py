"""Workdirs that are no run's, another run's, or damaged."""

import fcntl
import os
from pathlib import Path

from faulty import DIGITS, MAIN, RESTORE, RUN, Case, both, cut, results, run, write
from limits import obey_permissions

FOLDER = f"{MAIN} --config.data.folder=pictures --config.data.retain= --config.data.forget=cat"
FOLDER += " --config.data.validation_per_class=2 --config.batch_size=2"
HELD = []


def _at_work():
    """Another run holds the lock, for as long as these cases are run."""
    run()
    lock = Path("run/.lock").open("w")
    lock.write("4711\n")
    lock.flush()
    fcntl.flock(lock, fcntl.LOCK_EX)
    if os.fork():
        return
    os.setsid()
    import time

    time.sleep(20)
    os._exit(0)


def _other_pictures():
    run()
    write("run/manifest.json", {"hash": "0" * 64, "splits": {}})


def _no_record():
    run()
    Path("run/stages/complete.json").unlink()


def _read_only():
    Path("run").mkdir()
    Path("run").chmod(0o555)


CASES = (
    Case("file", "gave a file for the workdir", MAIN, "run is a file", lambda: write("run", "x")),
    Case(
        "below_file",
        "gave a workdir below a file",
        f"main {DIGITS} --workdir=file/run",
        "file/run",
        lambda: write("file", "x"),
    ),
    Case(
        "other_files",
        "gave a folder of other files",
        MAIN,
        "holds other files",
        lambda: write("run/thesis.tex", "x"),
    ),
    Case(
        "read_only",
        "gave a workdir that may not be written to",
        MAIN,
        "make it writable",
        _read_only,
        limit=obey_permissions,
    ),
    Case(
        "other_settings",
        "continued a run with other settings",
        f"{MAIN} --config.seed=1",
        "config.seed was 0 and is 1",
        run,
    ),
    Case(
        "other_pictures",
        "continued a run with other pictures",
        MAIN,
        "must keep their pictures",
        _other_pictures,
    ),
    Case("at_work", "started a second run in a workdir", MAIN, "wait for it", _at_work),
    Case(
        "compared",
        "gave a run's folder to a comparison",
        f"compare {DIGITS} {RUN}",
        "holds other files",
        run,
    ),
    Case(
        "comparison",
        "gave a comparison's folder to a run",
        MAIN,
        "holds other files",
        lambda: write("run/comparison.json", "{}"),
    ),
    Case(
        "comparison_damaged",
        "made the page of a comparison whose record is damaged",
        "report run",
        "comparison.json must hold JSON",
        lambda: write("run/comparison.json", '{"format": 1'),
    ),
    Case(
        "ablation_damaged",
        "continued an ablation whose record is damaged",
        f"ablate --config=configs/ablation_mnist.py {RUN}",
        "ablation.json",
        lambda: write("run/ablation.json", "[]"),
    ),
    Case(
        "record_damaged",
        "continued a run with a damaged record of a stage",
        MAIN,
        "run/stages/complete.json",
        both(run, lambda: write("run/stages/complete.json", '{"kind"')),
    ),
    Case(
        "record_gone",
        "continued a run without the record of a stage",
        MAIN,
        "complete has none",
        _no_record,
    ),
    Case(
        "config_damaged",
        "audited a run with damaged settings",
        "audit run",
        "run/config.json",
        both(run, lambda: write("run/config.json", '{"hash"')),
    ),
    Case(
        "config_gone",
        "audited a run without settings",
        "audit run",
        "run/config.json",
        both(run, lambda: Path("run/config.json").unlink()),
    ),
    Case(
        "config_other",
        "audited a run whose settings were edited",
        "audit run",
        "config.json",
        both(run, lambda: write("run/config.json", {"hash": "x", "config": {"seed": 0}})),
    ),
    Case(
        "restored_nowhere",
        "restored with a run that there is not",
        RESTORE,
        "there is no folder run",
        lambda: write("a.png", "x"),
    ),
    Case(
        "restored_empty",
        "restored with a run without solutions",
        RESTORE,
        "has none yet",
        lambda: (write("a.png", "x"), Path("run").mkdir()),
    ),
    Case(
        "params_cut",
        "restored with a solution whose copy broke off",
        RESTORE,
        "must be a whole safetensors file",
        both(run, lambda: cut("run/solutions/original/params.safetensors", 1000)),
    ),
    Case(
        "model_damaged",
        "restored with a solution that does not say its model",
        RESTORE,
        "run/solutions/original/model.json",
        both(run, lambda: write("run/solutions/original/model.json", "{}")),
    ),
    Case(
        "model_newer",
        "restored with a solution of a later version",
        RESTORE,
        "got 2: use the cu_jax",
        both(
            run,
            lambda: write(
                "run/solutions/original/model.json", {"format": 2, "model": {"name": "mae"}}
            ),
        ),
    ),
    Case(
        "results_gone",
        "made the page of a run that has not finished",
        "report run",
        "results.json",
        run,
    ),
    Case(
        "results_damaged",
        "made the page from damaged results",
        "report run",
        "must hold JSON",
        both(run, lambda: write("run/results.json", '{"name"')),
    ),
    Case(
        "results_newer",
        "made the page from results of a later version",
        "report run",
        "'schema_version' must be 1, got 2",
        both(run, lambda: write("run/results.json", results() | {"schema_version": 2})),
    ),
    Case(
        "results_edited",
        "made the page from edited results",
        "report run",
        "retain_loss",
        both(run, lambda: write("run/results.json", results(retain_loss="low"))),
    ),
    Case(
        "out_file",
        "restored into a file",
        RESTORE,
        "--out must be a folder",
        both(run, lambda: write("out", "x")),
    ),
)
