"""What cannot be run is refused before any compilation, in one sentence, with exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from cu_jax import experiment
from cu_jax.optim.checks import check_coefficients
from cu_jax.refusals import REFUSED, refusal, run_command

ROOT = Path(__file__).parents[2]
PACKAGED = str(ROOT / "cu_jax" / "weights" / "mae_mnist.safetensors")
DIGITS = "--config=configs/mae_mnist.py"


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "cu_jax.main", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_debug_shows_the_traceback(tmp_path):
    done = command(DIGITS, "--config.controls=(1.5,)", f"--workdir={tmp_path / 'x'}", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "Controls must lie in [0, 1], got 1.5" in done.stderr


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data.forget": ("5", "ten")}, "must name classes of the data set, got 'ten'"),
        ({"data.forget": ()}, "The forget set must have at least one class, got none"),
        ({"data.retain": ("0", "5")}, "got 5 in both retain and forget"),
        ({"controls": ()}, "At least one of config.controls must be given, got none"),
        ({"controls": ("nan",)}, r"Controls must lie in \[0, 1\], got nan"),
        ({"pareto.microbatches": 3}, "must be at least 1 and divide config.batch_size=32, got 3"),
        ({"evaluation.holes": ("center:28",)}, "The hole must be 1 to 27 pixels wide, got 28"),
        ({"evaluation.holes": ("center:27",)}, "but it touches 49 of 49: give a smaller hole"),
        ({"evaluation.holes": ()}, "must name at least one hole, got none"),
        ({"model.image_size": 32, "evaluation.holes": ("center:8",)}, "digits alone, and the"),
        ({"model.dtype": "bf16"}, r"config\.model\.dtype must be one of \['bfloat16', 'float32'\]"),
        ({"model.name": "mage"}, "must have the settings of a model 'mage', but none can be built"),
        ({"pareto.optimizer.name": "lion"}, "optimizer.name must be one of"),
        ({"control": 1.2}, r"Controls must lie in \[0, 1\], got 1.2"),
        ({"model.image_size": 30}, "image_size must be a multiple of patch_size, got 30 and 4"),
        (
            {"model.image_size": 32, "classifier.weights": ""},
            r"must be the data's \(28, 28, 1\), got \(32, 32, 1\)",
        ),
        ({"pretrain.weights": "mae_of_mine"}, "there is no mae_of_mine: check the path, or"),
        ({"model.encoder_depth": 3}, "must match the model, but the file"),
        ({"pretrain.weights": PACKAGED, "model.encoder_depth": 3}, "must match the model, but the"),
        ({"pretrain.weights": "a/b", "pretrain.from_scratch": True}, "must be a plain name when"),
        ({"pretrain.weights": "", "pretrain.from_scratch": True}, "must be a plain name when"),
        (
            {"pretrain.weights": "digits_classifier", "pretrain.from_scratch": True},
            "must have names of their own, got digits_classifier, digits_classifier",
        ),
        ({"max_nonfinite_steps": 0}, r"config\.max_nonfinite_steps must be at least 1, got 0"),
        ({"batch_size": 3000}, "A batch must hold 1 to 2000 pictures of each set"),
        ({"pareto.beta": -1.0}, "beta must be finite and greater than 0, got -1.0"),
        ({"pareto.gradient_decay": 1.0}, "gradient_decay must be at least 0 and less than 1"),
    ],
)
def test_settings_are_refused_before_anything_is_compiled(
    config_of, changes, sentence, tmp_path, monkeypatch
):
    monkeypatch.setattr("cu_jax.training.compile_step", lambda *_: pytest.fail("compiles"))
    monkeypatch.setattr("cu_jax.validation.Validation.__init__", lambda *_, **__: None)
    config = config_of("mae_mnist")
    config.update_from_flattened_dict(changes)
    with pytest.raises((ValueError, FileNotFoundError), match=sentence) as caught:
        experiment.run(config, tmp_path / "run")
    assert refusal(caught.value) is not None  # raised by the package: a sentence, no traceback
    assert str(caught.value).count("\n") == 0


def test_our_own_mistakes_keep_their_traceback(capsys):
    with pytest.raises(ValueError):
        run_command(lambda: int("x"), debug=False)
    # Raised in a function of the package, but by what it calls.
    with pytest.raises(ValueError, match="could not convert"):
        run_command(lambda: check_coefficients(alpha=("much", 0.0, False)), debug=False)
    with pytest.raises(TypeError):
        run_command(lambda: experiment.run(), debug=False)
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_said(capsys):
    def fails():
        try:
            raise ValueError("RESOURCE_EXHAUSTED: No space left on device [os_error_code='28']")
        except ValueError as error:
            raise RuntimeError("saving failed") from error

    assert run_command(fails, debug=False) == REFUSED
    assert "free some space and give the same command again" in capsys.readouterr().err


def test_what_the_system_says_of_a_file_is_said(tmp_path, capsys):
    assert run_command(lambda: tmp_path.joinpath("none", "file").touch(), debug=False) == REFUSED
    told = capsys.readouterr().err
    assert "No such file or directory" in told and "none/file" in told


def test_breaking_off_is_no_error(capsys):
    def stops():
        raise KeyboardInterrupt

    assert run_command(stops, debug=False) == 130
    assert capsys.readouterr().err == "Stopped.\n"


@pytest.mark.slow
def test_a_run_on_a_full_disk_stops_with_a_sentence_and_continues(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    # Only root may mount a disk: for anybody else this test fails.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=True)
    arguments = ["--config=tests/experiment/tiny.py", f"--workdir={disk / 'run'}"]
    try:
        full = command(*arguments)
        assert full.returncode == 2
        assert "Traceback" not in full.stderr
        assert "free some space and give the same command again" in full.stderr
        subprocess.run(["mount", "-o", "remount,size=60m", str(disk)], check=True)
        more = command(*arguments)
        assert more.returncode == 0, more.stderr[-2000:]
        assert (disk / "run" / "report.html").is_file()
        assert not list((disk / "run").rglob("*tmp*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
