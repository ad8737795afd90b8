"""Runs cases as their commands would run, without a new Python for each: forks of one that has
imported everything and has started nothing."""

import os
import runpy
import signal
import sys
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faulty import ROOT, Case

_BEGINNINGS = (
    ("cu_jax.experiment", "_prepare"),
    ("cu_jax.audits.run", "Auditor"),
    ("cu_jax.restoring", "restore_files"),
)
"""What the commands call when everything is checked, and before anything is compiled."""
_CLEARED = ("JAX_PLATFORMS", "XLA_FLAGS", "CU_JAX_DATA", "JAX_COMPILATION_CACHE_DIR")
SECONDS = 60  # More means that a case hangs.


def run_cases(cases: Mapping[str, Case], folder: Path) -> dict[str, dict[str, Any]]:
    """Runs each case in a folder of its own.

    Args:
        cases: name to case.
        folder: where to make these folders.

    Returns:
        Name to the exit code, what was printed, and the user's files that are changed or gone.
    """
    _import()
    return {name: _run(case, folder / name) for name, case in cases.items()}


def _import() -> None:
    """All that the commands import, but not the commands with flags of their own."""
    import jax  # noqa: F401

    import cu_jax.ablation
    import cu_jax.audits.run
    import cu_jax.command
    import cu_jax.comparison
    import cu_jax.convert.kinds
    import cu_jax.data.prepare
    import cu_jax.restoring
    import cu_jax.solutions  # noqa: F401


def _run(case: Case, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    place = folder / "place"
    place.mkdir()
    (place / "configs").symlink_to(ROOT / "configs")
    _in_child(lambda: _prepare(case, place), folder, "prepared")
    before = _files(place)
    code = _in_child(lambda: _command(case, place), folder, "out")
    after = _files(place)
    told = {name: (folder / f"out.{name}").read_text() for name in ("stdout", "stderr")}
    changed = sorted(name for name, content in before.items() if after.get(name) != content)
    return {"code": code, "changed": changed, "place": str(place), **told}


def _in_child(work: Any, folder: Path, name: str) -> int:
    """The exit code of a process that does the work, and whose words go to files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads, which are idle
        process = os.fork()
    if process == 0:
        code = 1
        try:
            for descriptor, stream in ((1, "stdout"), (2, "stderr")):
                os.dup2(os.open(folder / f"{name}.{stream}", os.O_WRONLY | os.O_CREAT), descriptor)
            work()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if name == "prepared" and code != 0:
        raise RuntimeError((folder / f"{name}.stderr").read_text())
    return code


def _prepare(case: Case, place: Path) -> None:
    os.chdir(place)
    case.prepare()


def _command(case: Case, place: Path) -> None:
    import jax

    os.chdir(place)
    for name in _CLEARED:
        os.environ.pop(name, None)
    os.environ["JAX_PLATFORMS"] = "cpu"
    for name, value in case.environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    # Read when jax was imported.
    jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS"))
    if not case.met:
        for module, name in _BEGINNINGS:
            setattr(sys.modules[module], name, _begun)
    signal.alarm(SECONDS)
    module, *rest = case.arguments
    sys.argv = [module, *rest]
    sys.modules.pop(f"cu_jax.{module}", None)  # else runpy says that it is there
    case.limit()
    runpy.run_module(f"cu_jax.{module}", run_name="__main__")


def _begun(*_: Any, **__: Any) -> None:
    print("Nothing was refused.")
    sys.stdout.flush()
    os._exit(99)


def _files(place: Path) -> dict[str, str]:
    """A digest of every file and link of the user."""
    import hashlib

    found = {}
    for path in sorted(place.rglob("*")):
        if path.is_symlink():
            content = os.readlink(path).encode()
        elif not path.is_file():
            continue
        else:
            stat = path.stat()
            content = f"{stat.st_size} {stat.st_mtime_ns}".encode()
            if stat.st_size < 2**24:
                content += path.read_bytes()
        found[str(path.relative_to(place))] = hashlib.sha256(content).hexdigest()
    return found
