"""Nothing committed depends on one machine or on one package index."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written so that no pattern matches itself.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/(?:home|root|Users|work|mnt|opt|srv)/[\w.]",
    "an index of packages": r"pypi[.]org|pythonhosted[.]|index[-_]url|find[-_]links|[/]simple\b",
}


def committed_files() -> list[Path]:
    """Returns the files that git tracks, or would on the next `git add`."""
    # A checkout that belongs to somebody else is read all the same.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]
    listing = subprocess.run(
        [*command, "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Returns the text of every committed file that is one."""
    found = {}
    for path in committed_files():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    assert "pyproject.toml" in found
    return found


@pytest.mark.parametrize("subject", FORBIDDEN)
def test_no_committed_file_names(texts, subject):
    pattern = re.compile(FORBIDDEN[subject])
    hits = [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not hits, f"{subject} in a committed file:\n" + "\n".join(hits)


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("a path of one machine", 'data = "' + "/".join(["", "home", "ann", "digits"]) + '"'),
        ("a path of one machine", "cd " + "/".join(["", "root", "runs"])),
        ("an index of packages", "--index" + "-url somewhere"),
        ("an index of packages", "https://pypi" + ".org"),
    ],
)
def test_the_patterns_find_what_they_are_for(subject, line):
    assert re.search(FORBIDDEN[subject], line)


def test_no_file_that_a_run_or_a_build_makes_is_committed(texts):
    made = re.compile(r"(^|/)(runs|build|dist|__pycache__|\.venv|[^/]*\.egg-info|\.\w+_cache)/")
    assert not [name for name in texts if made.search(name)]
