"""The declared requirements against what is imported, and against the pinned versions."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LINES = [
    line
    for line in (ROOT / "launch" / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
]
PINS = {line.partition("==")[0]: line.partition("==")[2] for line in LINES}
DECLARED = [
    pytest.param(extra, Requirement(text), id=f"{extra or 'package'}-{Requirement(text).name}")
    for extra, texts in {"": PROJECT["dependencies"], **EXTRAS}.items()
    for text in texts
]


def imported_libraries(path: Path) -> set[str]:
    """Returns the top-level names outside the package and the standard library in a file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"cu_jax"}


def closure(requirements: list[Requirement]) -> set[str]:
    """Returns the names of everything that the requirements install here, at any depth."""
    seen: set[tuple[str, str]] = set()
    waiting = [
        (requirement, extra) for requirement in requirements for extra in ("", *requirement.extras)
    ]
    while waiting:
        requirement, extra = waiting.pop()
        key = (canonicalize_name(requirement.name), extra)
        if key in seen:
            continue
        seen.add(key)
        for text in importlib.metadata.requires(requirement.name) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(needed, more) for more in ("", *needed.extras)]
    return {name for name, _ in seen}


@pytest.mark.parametrize("line", LINES)
def test_a_pin_is_a_name_and_a_version(line):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*==[0-9][0-9a-z.]*", line)


def test_pins_are_sorted_and_unique():
    assert list(PINS) == sorted(set(PINS))
    assert len(PINS) == len(LINES)


@pytest.mark.parametrize(("extra", "requirement"), DECLARED)
def test_every_declared_requirement_is_pinned_within_its_bounds(extra, requirement):
    name = canonicalize_name(requirement.name)
    assert name in PINS
    assert requirement.specifier.contains(PINS[name])


def test_what_the_requirements_require_is_pinned_too():
    extras = (EXTRAS["compare"], EXTRAS["demo"], EXTRAS["test"])
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]
    needed = closure([Requirement(text) for text in texts])
    assert {"jaxlib", "scikit-learn", "pluggy"} <= needed
    assert needed <= set(PINS)


def test_the_default_demo_and_test_installations_have_no_heavy_library():
    heavy = {
        "tensorflow",
        "tensorflow-cpu",
        "tensorboard",
        "tf-nightly",
        "torch",
        "jax-cuda12-plugin",
    }
    texts = [*PROJECT["dependencies"], *EXTRAS["demo"], *EXTRAS["test"]]
    assert not heavy & closure([Requirement(text) for text in texts])


def test_every_imported_library_is_declared():
    providers = importlib.metadata.packages_distributions()
    declared = {
        canonicalize_name(Requirement(text).name)
        for texts in (
            PROJECT["dependencies"],
            EXTRAS["demo"],
            EXTRAS["compare"],
            EXTRAS["convert"],
        )  # fmt: skip
        for text in texts
    }
    undeclared = {
        (path.relative_to(ROOT).as_posix(), library)
        for folder in ("cu_jax", "configs")
        for path in (ROOT / folder).rglob("*.py")
        for library in imported_libraries(path)
        if not declared & {canonicalize_name(name) for name in providers.get(library, [library])}
    }
    assert not undeclared


def test_package_and_citation_have_one_version():
    citation = (ROOT / "CITATION.cff").read_text()
    (version,) = re.findall(r"^version: (\S+)$", citation, flags=re.MULTILINE)
    assert version == PROJECT["version"]
    assert Version(version) >= Version("0.1.0")
