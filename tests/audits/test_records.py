"""audits.json, the table and the page's section, without any model."""

import dataclasses
import json
import re

import pytest

from cu_jax.report import write_page
from cu_jax.report.audits import audit_rows, audit_text
from cu_jax.results import (
    Audit,
    Audits,
    Boundaries,
    Results,
    Solution,
    read_audits,
    write_audits,
    write_results,
)

RETRAIN = Audit(
    name="retrain",
    forget_psnr=7.9,
    relearning_updates=120,
    relearning_reached=True,
    relearning_share=1.0,
    membership_auc=0.501,
    membership_error=0.018,
    membership_gap=0.0,
    membership_gap_error=0.0,
    distance_retain=0.0,
    distance_forget=0.0,
)
HIDDEN = dataclasses.replace(
    RETRAIN, name="control_0.5", relearning_updates=10, relearning_share=1 / 12, distance_forget=0.2
)
LOST = Audit(name="complete", relearning_updates=300, relearning_share=2.5, probe_forget=0.3)
AUDITS = Audits(config_hash="c0", manifest_hash="m0", seed=0, audits=(RETRAIN, HIDDEN, LOST))


def cells(audits, title):
    header, *rows = audit_rows(audits)
    return {row[0]: row[header.index(title)] for row in rows}


def test_a_file_gives_back_what_was_written(tmp_path):
    path = write_audits(tmp_path / "audits.json", AUDITS)
    assert read_audits(path) == AUDITS
    assert AUDITS.retrain == RETRAIN and AUDITS["complete"] == LOST
    with pytest.raises(KeyError, match="retrain, control_0.5, complete"):
        AUDITS["original"]


def test_numbers_that_are_not_finite_are_written_as_null():
    assert Audit(name="a", forget_psnr=float("nan")).to_json()["forget_psnr"] is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda data: data.update(schema_version=2), "Key 'schema_version' must be 1, got 2"),
        (lambda data: data.pop("seed"), "Key 'seed' is missing"),
        (lambda data: data["audits"][0].pop("probe_forget"), r"'audits\[0\].probe_forget'"),
        (lambda data: data["audits"][1].update(extra=1), r"'audits\[1\].extra' is not part"),
        (lambda data: data["audits"][1].update(relearning_updates=1.5), "a whole number"),
        (lambda data: data["audits"][1].update(name="../x"), "must match"),
        (lambda data: data["audits"].append(data["audits"][0]), "retrain twice"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused(tmp_path, change, sentence):
    data = AUDITS.to_json()
    change(data)
    path = tmp_path / "audits.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=sentence) as error:
        read_audits(path)
    assert str(path) in str(error.value)
    path.write_text("{")
    with pytest.raises(ValueError, match="must hold JSON"):
        read_audits(path)


def test_bounds_are_told_from_numbers():
    assert cells(AUDITS, "relearned after") == {
        "retrain": "120", "control 0.5": "10", "complete": "> 300",
    }  # fmt: skip
    shares = {"retrain": "1.00", "control 0.5": "0.08", "complete": "> 2.50"}
    assert cells(AUDITS, "of retrain's") == shares
    never = dataclasses.replace(RETRAIN, relearning_reached=False, relearning_share=None)
    audits = dataclasses.replace(AUDITS, audits=(never, HIDDEN))
    assert cells(audits, "of retrain's") == {"retrain": "–", "control 0.5": "< 0.08"}
    kept = dataclasses.replace(HIDDEN, relearning_updates=0, relearning_share=0.0)
    audits = dataclasses.replace(AUDITS, audits=(never, kept))
    assert cells(audits, "of retrain's")["control 0.5"] == "0"
    assert cells(AUDITS, "membership AUC")["retrain"] == "0.501 ± 0.018"
    assert cells(AUDITS, "AUC gap")["complete"] == "–"


def test_without_retrain_a_sentence_says_what_is_missing():
    assert "no solution called retrain" not in audit_text(AUDITS)
    alone = dataclasses.replace(AUDITS, audits=(LOST,))
    assert "no solution called retrain" in audit_text(alone)
    assert audit_rows(alone)[0][-1] == "probe forget"


@pytest.fixture
def workdir(tmp_path):
    bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
    solutions = tuple(
        Solution(name=name, method=method, retain_loss=0.1, forget_loss=loss)
        for name, method, loss in (
            ("original", "original", 1.7),
            ("complete", "controllable", 0.6),
            ("retrain", "retrain", 0.9),
        )
    )
    results = Results(name="demo", config_hash="c0", boundaries=bounds, solutions=solutions)
    write_results(tmp_path / "results.json", results)
    return tmp_path


def test_the_page_has_a_section_where_there_are_audits(workdir):
    assert "only hidden" not in write_page(workdir).read_text()
    write_audits(workdir / "audits.json", AUDITS)
    text = write_page(workdir).read_text()
    section = text.partition('<section id="audits"')[2].partition("</section>")[0]
    assert "Has it forgotten, or only hidden it?" in section and 'href="#audits"' in text
    rows = re.findall(r'<th scope="row">(.*?)</th>', section)
    assert rows == ["retrain", "control 0.5", "complete"]
    assert "<td>&gt; 300</td>" in section and "no solution called" not in section
    write_audits(workdir / "audits.json", dataclasses.replace(AUDITS, audits=(LOST,)))
    assert "no solution called retrain" in write_page(workdir).read_text()


def test_a_damaged_file_stops_the_page_with_a_sentence(workdir):
    (workdir / "audits.json").write_text('{"schema_version": 1}')
    with pytest.raises(ValueError, match="audits.json must be as an audit writes it"):
        write_page(workdir)
