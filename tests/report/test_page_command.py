"""python -m cu_jax.report: the page alone, and a user's mistakes in one sentence."""

import os
import subprocess
import sys

import pytest

from cu_jax.report.__main__ import main


def test_the_command_makes_the_page_alone(workdir):
    command = [sys.executable, "-m", "cu_jax.report", str(workdir)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(workdir / "report.html")
    assert not (workdir / "figures").exists()


def test_what_a_killed_one_left_is_removed(workdir, capsys):
    left, others = workdir / ".report.html.999999999.tmp", workdir / ".config.json.999999999.tmp"
    for path in (left, others):
        path.write_text("ha")
    assert main([str(workdir)]) == 0
    assert not left.exists() and others.exists()  # those are the run's, which may be at work


def _no_results(workdir):
    (workdir / "results.json").unlink()


def _results_are_no_json(workdir):
    (workdir / "results.json").write_text("{")


def _settings_are_no_json(workdir):
    (workdir / "config.json").write_text("[")


def _settings_are_no_object(workdir):
    (workdir / "config.json").write_text("[]")


def _pictures_are_cut_off(workdir):
    path = workdir / "solutions" / "utility" / "pictures.npz"
    path.write_bytes(path.read_bytes()[:1000])


def _pictures_are_text(workdir):
    (workdir / "solutions" / "utility" / "pictures.npz").write_text("no pictures")


def _the_page_is_a_folder(workdir):
    (workdir / "report.html").mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_results, "there is no such file"),
        (_results_are_no_json, "must hold JSON"),
        (_settings_are_no_json, "must hold JSON"),
        (_settings_are_no_object, "must hold an object"),
        (_pictures_are_cut_off, "must hold NumPy arrays"),
        (_pictures_are_text, "must hold NumPy arrays"),
        (_the_page_is_a_folder, "report.html could not be made"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_exit_code_2(workdir, capsys, spoil, words):
    spoil(workdir)
    assert main([str(workdir)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and words in err and len(err.splitlines()) == 2  # and how to see more


def test_a_missing_argument_is_exit_code_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "WORKDIR" in capsys.readouterr().err
