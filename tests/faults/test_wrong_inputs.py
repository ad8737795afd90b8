"""Every row of the table of wrong inputs: a sentence, exit code 2, and nothing changed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wrong_inputs
from wrong_inputs import CASES, REFUSED, row, sentence_of

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reliability.md"


@pytest.fixture(scope="session")
def outcomes(request, tmp_path_factory):
    """What became of the cases that this run asks for, in one process and its forks."""
    asked = [item.callspec.params["name"] for item in request.session.items if _is_case(item)]
    file = tmp_path_factory.mktemp("outcomes") / "outcomes.json"
    script = Path(wrong_inputs.__file__)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, script, f"--run={file}", *dict.fromkeys(asked)],
        check=True,
        env=environment,
    )
    return json.loads(file.read_text())


def _is_case(item):
    return item.path == Path(__file__) and hasattr(item, "callspec")


@pytest.mark.parametrize(
    "name",
    # All take a minute; one of eight of them shows whether sentences are sentences.
    [pytest.param(name, marks=[pytest.mark.slow] * (at % 8 > 0)) for at, name in enumerate(CASES)],
)
def test_a_wrong_input_gets_a_sentence(name, outcomes):
    case, outcome = CASES[name], outcomes[name]
    assert outcome["code"] == REFUSED, outcome
    assert "Traceback" not in outcome["stdout"] + outcome["stderr"]
    told = sentence_of(outcome, case)
    assert case.sentence in told
    assert told.endswith((".", "?")) or case.usage
    assert outcome["changed"] == []
    # As the documentation has it: `wrong_inputs.py --write docs/reliability.md` renews it.
    assert row(name, outcome) in DOCUMENT.read_text(encoding="utf-8").splitlines()


def test_the_documentation_has_these_cases_and_no_others():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert len(CASES) >= 60
    assert f"{len(CASES)} mistakes, each made by a test" in text
    rows = [line for line in text.splitlines() if line.endswith(f"| {REFUSED} |")]
    assert len(rows) == len(CASES)
