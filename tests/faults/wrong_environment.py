"""What the machine lacks, and variables that name what it has not."""

from pathlib import Path

from faulty import MAIN, RESTORE, Case, both, results, run, write
from limits import (
    few_files,
    little_memory,
    nameless,
    obey_permissions,
    small_disk,
    without_plugins,
)


def _read_only():
    Path("cache").mkdir()
    Path("cache").chmod(0o555)


HUGE = "--config.pretrain.from_scratch=True --config.model.encoder_width=65536"
CASES = (
    Case(
        "no_gpu",
        "asked for a GPU where JAX has no plugin for it",
        MAIN,
        "JAX_PLATFORMS",
        environment={"JAX_PLATFORMS": "cuda"},
        limit=without_plugins,
    ),
    Case(
        "no_platform",
        "misspelt a platform",
        MAIN,
        "JAX_PLATFORMS",
        environment={"JAX_PLATFORMS": "gpuu"},
    ),
    Case(
        "restored_no_gpu",
        "restored on a GPU where JAX has no plugin for it",
        RESTORE,
        "JAX_PLATFORMS",
        run,
        environment={"JAX_PLATFORMS": "cuda"},
        limit=without_plugins,
    ),
    Case(
        "audited_no_gpu",
        "audited on a TPU that there is not",
        "audit run",
        "JAX_PLATFORMS",
        run,
        environment={"JAX_PLATFORMS": "tpu"},
    ),
    Case("full_disk", "ran on a full disk", MAIN, "free some space", limit=small_disk),
    Case(
        "full_disk_page",
        "made the page on a full disk",
        "report run",
        "free some space",
        both(run, lambda: write("run/results.json", results())),
        limit=small_disk,
    ),
    Case(
        "full_disk_export",
        "exported on a full disk",
        "convert export mae run --solution=complete own.safetensors",
        "free some space",
        run,
        limit=small_disk,
    ),
    Case(
        "cache_file",
        "set XDG_CACHE_HOME to a file",
        MAIN,
        "must be one that can be made",
        lambda: write("cache", "x"),
        environment={"XDG_CACHE_HOME": "cache"},
    ),
    Case(
        "cache_read_only",
        "set XDG_CACHE_HOME to a folder that may not be written to",
        MAIN,
        "must be one that can be made",
        _read_only,
        environment={"XDG_CACHE_HOME": "cache"},
        limit=obey_permissions,
    ),
    Case(
        "data_file",
        "set CU_JAX_DATA to a file",
        MAIN,
        "must be one that can be made",
        lambda: write("data", "x"),
        environment={"CU_JAX_DATA": "data"},
    ),
    Case(
        "nameless",
        "ran as a user without a home folder",
        MAIN,
        "XDG_CACHE_HOME",
        environment={"HOME": None, "XDG_CACHE_HOME": None},
        limit=nameless,
    ),
    Case("files", "may open no further file", MAIN, "ulimit -n", limit=few_files),
    Case(
        "memory",
        "asked for a model larger than the memory",
        f"{MAIN} {HUGE}",
        "memory",
        limit=little_memory,
        met=True,
    ),
)
