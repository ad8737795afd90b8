"""The page of a run whose names, numbers or files are not as they should be."""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys

import pytest

from cu_jax.report import write_page
from cu_jax.results import Boundaries, Results, write_results

_NAN = math.nan


EVIL = (
    "</script><script>alert(1)</script><!-- \" ' & {{ 7 * 7 }} ]]> \u202e\u2028 "
    "<img src=x onerror=y>"
)


def _evil(workdir, results):
    """Puts the name into every place of a run that takes one."""
    bad = tuple(
        dataclasses.replace(s, method=EVIL) if s.name.startswith("composite") else s
        for s in results.solutions
    )
    changed = dataclasses.replace(
        results, name=EVIL, config_hash=EVIL, manifest_hash=EVIL, solutions=bad,
        environment={EVIL: EVIL, "nested": {EVIL: [EVIL]}}, stages={EVIL: 1.0},
    )  # fmt: skip
    write_results(workdir / "results.json", changed)
    settings = {"hash": EVIL, "config": {EVIL: EVIL, "seed": EVIL, "data": {EVIL: [EVIL]}}}
    (workdir / "config.json").write_text(json.dumps(settings))
    with (workdir / "metrics.jsonl").open("a") as file:
        for step in range(3):
            line = {"stage": EVIL, "step": step, "retain_loss": 0.1, "forget_loss": 0.2}
            file.write(json.dumps(line) + "\n")


def test_every_name_is_escaped_everywhere(workdir, results, page_of, parse_page):
    harmless = page_of(workdir)
    _evil(workdir, results)
    text = write_page(workdir).read_text(encoding="utf-8")
    page = parse_page(text)
    assert page.all("h1")[0][1] == " ".join(EVIL.split())
    assert text.count("<script") == text.count("</script") == 1
    assert "<!--" not in text and "<img src=x" not in text and "49" not in page.all("h1")[0][1]
    assert {tag for tag, _, _ in page.elements} <= {tag for tag, _, _ in harmless.elements} | {
        *("details", "summary", "h4")
    }
    name = " ".join(EVIL.split())
    rows = [text for _, text in page.all("tr")]
    assert f"hash of the settings {name}" in rows and f"{name} 1.0" in rows
    assert f"{name} {name}" in rows and f"seed {name}" in rows
    # A stage that is no solution is called by its own name.
    assert name.replace("_", " ") in [text for _, text in page.all("figcaption")]
    assert f"baseline: {name}" in [text for _, text in page.all("li")]


def test_half_a_character_cannot_stop_the_page(workdir, page_of):
    data = json.loads((workdir / "results.json").read_text())
    data["name"] = "a\ud800b"
    (workdir / "results.json").write_text(json.dumps(data))
    assert page_of(workdir).all("h1")[0][1] == "a?b"


def test_what_is_missing_is_said_in_its_place(tmp_path, results, page_of, cells_of):
    write_results(tmp_path / "results.json", results)
    page = page_of(tmp_path)
    notes = " ".join(text for _, text in page.all("p", **{"class": "note"}))
    assert "There are no pictures" in notes
    assert "There are no curves" in notes
    assert "The settings are not known" in notes
    assert not page.all("img") and len(cells_of(page)) == len(results.solutions)
    assert len(page.all("input")) == 1, "the slider still moves over the front and the table"


def test_some_pictures_are_missing(workdir, page_of):
    (workdir / "solutions" / "original" / "pictures.npz").unlink()
    (workdir / "solutions" / "control_0.25" / "pictures.npz").unlink()
    page = page_of(workdir)
    notes = [text for _, text in page.all("p", **{"class": "note"})]
    assert "Without pictures: original, control 0.25." in notes
    assert len(page.all("img")) == 2 * (2 + 5)


def test_undefined_numbers_are_dashes_and_an_empty_run_has_a_page(
    tmp_path, make_solution, page_of, cells_of
):
    bounds = Boundaries(epsilon_min=_NAN, epsilon_max=_NAN, epsilon_original=_NAN)
    broken = dataclasses.replace(make_solution("control_0.5", _NAN, _NAN, 0.5), violation=_NAN)
    original = make_solution("original", 0.0, _NAN, method="original")
    for solutions in ((), (original,), (broken, original)):
        results = Results(name="x", config_hash="0", boundaries=bounds, solutions=solutions)
        write_results(tmp_path / "results.json", results)
        page = page_of(tmp_path)
        assert len(cells_of(page)) == len(solutions)
        words = " ".join(text for tag, _, text in page.elements if tag == "main").lower()
        assert not re.search(r"\b(nan|none|inf|null)\b", words)
    assert "forget loss –, retain loss –" in page.all("figure")[1][0]["data-spoken"]


def test_a_run_without_requests_has_no_slider(tmp_path, results, page_of):
    without = [s for s in results.solutions if s.epsilon is None]
    write_results(tmp_path / "results.json", dataclasses.replace(results, solutions=tuple(without)))
    page = page_of(tmp_path)
    assert not page.all("input") and not page.all("button", id="all")
    assert any("requested no ε" in text for _, text in page.all("p"))


def test_the_same_files_give_the_same_bytes(workdir):
    first = write_page(workdir).read_bytes()
    code = f"from cu_jax.report import write_page; write_page({str(workdir)!r})"
    # Another process: another order of sets, another time, another folder.
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=workdir)
    assert (workdir / "report.html").read_bytes() == first
    assert not [name for name in os.listdir(workdir) if name.endswith(".tmp")]


def test_a_failed_write_keeps_the_old_page(workdir, monkeypatch):
    before = write_page(workdir).read_bytes()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write_page(workdir)
    assert (workdir / "report.html").read_bytes() == before
    assert not [name for name in os.listdir(workdir) if name.endswith(".tmp")]
