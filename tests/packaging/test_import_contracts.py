"""The import contracts in pyproject.toml: kept by the package, and broken by what they forbid."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = "from importlinter.cli import lint_imports_command as run; run(['--no-logo', '--no-cache'])"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Checks the contracts of the copy in a folder."""
    return subprocess.run(
        [sys.executable, "-P", "-c", LINT], cwd=folder, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def copy(tmp_path):
    """Returns a folder with a copy of the package and its contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(
        ROOT / "cu_jax", tmp_path / "cu_jax", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_the_package_keeps_every_contract(copy):
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("room", "statement"),
    [
        ("optim", "import flax"),
        ("optim", "import cu_jax.losses"),
        ("losses", "import flax"),
        ("models", "import optax"),
        ("models", "import cu_jax.methods"),
        ("data", "import jax"),
        ("data", "import cu_jax.models"),
        ("metrics", "import grain"),
        ("methods", "import cu_jax.training"),
        ("convert", "import flax"),
        ("results", "import jax"),
        ("report", "import jax"),
        ("training", "import tensorflow"),
        ("models", "import torch"),
    ],
)
def test_a_forbidden_import_breaks_a_contract(copy, room, statement):
    package = copy / "cu_jax" / room
    module = package / "intruder.py" if package.is_dir() else package.with_suffix(".py")
    with module.open("a") as file:
        file.write(f"\n{statement}\n")
    result = lint(copy)
    assert result.returncode == 1, result.stdout + result.stderr
    # The statement may break two: a room above, and a library that the room above imports.
    assert re.search(r" [1-9] broken", result.stdout), result.stdout
    assert f"cu_jax.{room}" in result.stdout


def test_a_new_room_must_be_placed(copy):
    (copy / "cu_jax" / "attic").mkdir()
    (copy / "cu_jax" / "attic" / "__init__.py").touch()
    result = lint(copy)
    assert result.returncode == 1
    assert "attic" in result.stdout


def test_a_run_begins_without_what_it_draws_with():
    code = (
        "import sys, cu_jax.command, cu_jax.experiment\n"
        "print({'matplotlib', 'jinja2', 'tensorflow'} & set(sys.modules) or 'none')\n"
        "from cu_jax.report import *\n"
        "print('matplotlib' in sys.modules, callable(write_report))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["none", "True", "True"]
