"""The table of wrong inputs: what users do, and the sentence and exit code that they get.

    python tests/faults/wrong_inputs.py --write docs/reliability.md

runs every case and writes the table between the two markers of that file; `--run FILE [ID ...]`
writes what became of these cases, or of all, as JSON.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import untrusted_files  # noqa: E402
import wrong_configs  # noqa: E402
import wrong_data  # noqa: E402
import wrong_environment  # noqa: E402
import wrong_flags  # noqa: E402
import wrong_weights  # noqa: E402
import wrong_workdirs  # noqa: E402
from faulty import ROOT, Case  # noqa: E402
from forking import run_cases  # noqa: E402

GROUPS = {
    "flags": wrong_flags.CASES,
    "configs": wrong_configs.CASES,
    "data": wrong_data.CASES,
    "weights": wrong_weights.CASES,
    "workdirs": wrong_workdirs.CASES,
    "environment": wrong_environment.CASES,
    "untrusted": untrusted_files.CASES,
}
CASES = {f"{group}-{case.id}": case for group, cases in GROUPS.items() for case in cases}


TITLES = {
    "flags": "Flags",
    "configs": "Config files and settings",
    "data": "Pictures and data sets",
    "weights": "Weights",
    "workdirs": "Workdirs",
    "environment": "The machine and its variables",
    "untrusted": "Files that somebody made to harm",
}
REFUSED = 2
DEBUG = "(--debug shows where this comes from.)"
BEGIN, END = "<!-- wrong inputs: begin -->", "<!-- wrong inputs: end -->"
_PROGRESS = re.compile("(Checking|Preparing|Reading|Left|check) ")
# What is not the same on every machine.
_VARYING = (
    (r"known backends: \[.*?\]", "known backends: […]"),
    (r"Unable to allocate [^()]* with shape \(.*?\) and data type \w+", "…"),
    (r"is full \([^()]*\): lower", "is full (…): lower"),
    (r"\(Unable to initialize backend 'tpu'.*?\): install", "(Unable to initialize …): install"),
    (r"line 1 column \d+ \(char \d+\)", "line 1 …"),
)


def sentence_of(outcome: dict, case: Case) -> str:
    """What a case's user read: the sentence, without what was told of progress before it."""
    lines = [line for line in outcome["stderr"].splitlines() if not _PROGRESS.match(line)]
    if case.usage:  # argparse says how the command is used, then what is wrong
        return lines[-1]
    if len(lines) != 2 or lines[1] != DEBUG:
        raise ValueError(f"{case.id} must end in a sentence, and says {outcome['stderr'][-2000:]}")
    return lines[0]


def row(name: str, outcome: dict) -> str:
    """A case's line of the table."""
    case = CASES[name]
    told = sentence_of(outcome, case).replace(outcome["place"] + "/", "")
    told = told.replace(str(ROOT), "SOURCE")
    for pattern, short in _VARYING:
        told = re.sub(pattern, short, told)
    told = told.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return f"| {case.did} | {told} | {outcome['code']} |"


def table(rows: dict[str, str]) -> str:
    """All rows by group."""
    lines = [f"{len(CASES)} mistakes, each made by a test ([tests/faults](../tests/faults)):", ""]
    for group, cases in GROUPS.items():
        lines += [f"### {TITLES[group]}", "", "| what was done | what is said | exit code |"]
        lines += ["|---|---|---:|", *(rows[f"{group}-{case.id}"] for case in cases), ""]
    return "\n".join(lines)


def written(document: str, rows: dict[str, str]) -> str:
    """The document with the table in place of the one that it has."""
    before, after = document.split(BEGIN)[0], document.split(END)[1]
    return f"{before}{BEGIN}\n{table(rows)}{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--run", type=Path, metavar="FILE")
    parser.add_argument("ids", nargs="*", metavar="ID")
    args = parser.parse_args()
    chosen = {name: CASES[name] for name in args.ids or CASES}
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run_cases(chosen, Path(folder).resolve())
    if args.run:
        args.run.write_text(json.dumps(outcomes))
    if args.write:
        rows = {name: row(name, outcome) for name, outcome in outcomes.items()}
        document = args.write.read_text(encoding="utf-8")
        args.write.write_text(written(document, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
