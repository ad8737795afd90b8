"""The wheel: what is in it, and that it runs from a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Imports every module of the package, and reports what that brought along.
IMPORT_ALL = """
import importlib, importlib.metadata, importlib.resources, json, pkgutil, sys
import cu_jax
first = sorted(sys.modules)
names = [module.name for module in pkgutil.walk_packages(cu_jax.__path__, "cu_jax.")]
for name in names:
    importlib.import_module(name)
print(json.dumps({
    "file": cu_jax.__file__,
    "version": cu_jax.__version__,
    "metadata_version": importlib.metadata.version("cu-jax"),
    "modules": names,
    "typed": importlib.resources.files("cu_jax").joinpath("py.typed").is_file(),
    "first": first,
    "all": sorted(sys.modules),
}))
"""


def modules_of(package: Path) -> set[str]:
    """Returns the dotted names of the modules below a package's folder."""
    paths = (path.relative_to(package.parent) for path in package.rglob("*.py"))
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths}
    return names - {package.name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Builds the wheel from a copy of the sources, without the network."""
    folder = tmp_path_factory.mktemp("build")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "cu_jax", folder / "cu_jax", ignore=shutil.ignore_patterns("__pycache__")
    )
    # Folders of a checkout that are no part of the package.
    for name in ("tests", "configs", "runs"):
        (folder / name).mkdir()
        (folder / name / "module.py").touch()
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", "out", "."]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    (built,) = (folder / "out").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Unpacks the wheel, and imports all of it in a process that sees no checkout."""
    target = tmp_path_factory.mktemp("target")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    # Stand-ins that import even where the real ones are not installed, so that a try shows.
    stubs = tmp_path_factory.mktemp("stubs")
    for name in ("tensorflow", "tensorboard"):
        (stubs / f"{name}.py").touch()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(target), str(stubs)])}
    command = [sys.executable, "-P", "-c", IMPORT_ALL]
    result = subprocess.run(
        command, cwd=stubs, env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return target, json.loads(result.stdout.splitlines()[-1])


def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    sources = {
        path.relative_to(ROOT).as_posix()
        for pattern in (
            "*.py",
            "py.typed",
            "weights/*.safetensors",
            "templates/*",
            "classes/*.json",
        )
        for path in (ROOT / "cu_jax").rglob(pattern)
    }
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == sources
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_weights_and_type_marker_are_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "cu_jax/py.typed" in names
    assert any(
        name.startswith("cu_jax/weights/") and name.endswith(".safetensors") for name in names
    )


def test_every_module_imports_from_the_wheel(installed):
    target, report = installed
    assert Path(report["file"]).is_relative_to(target)
    assert set(report["modules"]) == modules_of(ROOT / "cu_jax")
    assert report["version"] == report["metadata_version"]
    assert report["typed"]


@pytest.mark.parametrize("library", ["tensorflow", "tensorboard"])
def test_no_module_imports_tensorflow(installed, library):
    _, report = installed
    assert library not in report["first"], f"import cu_jax imports {library}"
    assert library not in report["all"], f"a module of cu_jax imports {library}"


def test_import_of_the_package_alone_is_light(installed):
    _, report = installed
    assert "optax" in report["first"]
    for library in ("tensorflow_datasets", "grain", "matplotlib", "orbax"):
        assert library not in report["first"], f"import cu_jax imports {library}"
