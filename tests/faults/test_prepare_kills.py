"""SIGKILL at random moments of preparing data and of making a report: no halves, no remains."""

import pytest


@pytest.mark.slow
def test_a_killed_preparation_ends_as_an_undisturbed_one(tmp_path, load_module, photographs):
    kills, maker = load_module("faults/prepare_kills"), load_module("data/tiny_archives")
    pictures = photographs.jpegs(4, width=160, height=120)
    arguments = kills.archives(tmp_path / "archives", pictures, maker, classes=10)
    found = kills.kill_and_prepare(tmp_path, arguments, moments=6)
    assert len(found.hit) == 6 and len(set(found.hit)) >= 3, found.hit
    assert found.ends >= 2 and found.different == []


@pytest.mark.slow
def test_a_killed_report_leaves_old_files_or_new_ones(tmp_path, load_module):
    kills, maker = load_module("faults/report_kills"), load_module("report/comparison_runs")
    workdir = tmp_path / "comparison"
    workdir.mkdir()
    maker.write_folder(workdir, count=12)
    found = kills.kill_and_report(workdir, moments=6)
    assert len(found.hit) == 6 and any("was written" in place for place in found.hit), found.hit
    assert found.ends >= 1 and found.different == []
