"""The examples of docs/python.md and the commands of docs/restore.md run as they are written."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cu_jax.restore import main

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = re.findall(
    r"^    python -m cu_jax\.restore (.*)$", (DOCS / "restore.md").read_text("utf-8"), re.MULTILINE
)


@pytest.fixture
def place(folder, gray_run, make_noise):
    """A folder with a run and pictures under the names that the texts use."""
    (folder / "runs").mkdir()
    (folder / "runs" / "mae_mnist").symlink_to(gray_run, target_is_directory=True)
    (folder / "photos").mkdir()
    make_noise(90, 60).save("photos/one.jpg")
    make_noise(28, 28, "L").save("seven.png")
    make_noise(64, 80).save("seven.jpg")
    mask = Image.new("L", (30, 20))
    mask.paste(255, (10, 5, 20, 15))
    mask.save("mask.png")
    return folder


def test_the_session_of_python_md(place, capsys):
    text = (DOCS / "python.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    exec("\n".join(blocks), names := {"__name__": "session"})
    printed = capsys.readouterr().out
    for stated in re.findall(r"^print\(.*\)  # (.*)$", text, re.MULTILINE):
        assert stated in printed
    mask = names["mask"][..., 0] > 0
    for kind in ("retain", "forget"):
        images = names["digits"][kind] / np.float32(255)
        for restored in (names["before"], names["after"]):
            np.testing.assert_allclose(restored[kind][:, ~mask], images[:, ~mask], atol=1e-6)
        assert np.abs(names["before"][kind] - names["after"][kind])[:, mask].mean() > 0.01
        assert np.isfinite(names["change"][kind]).all()
    assert Image.open("forget.png").size == (4 * 3 * 28, 4 * 10 * 28)
    own, restored = Image.open("seven.jpg"), Image.open("seven_restored.png")
    np.testing.assert_array_equal(np.asarray(own)[:20], np.asarray(restored)[:20])
    assert np.asarray(names["distance"]).min() > 0


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_restore_md(place, command):
    assert main(shlex.split(command)) == 0
    (out,) = re.findall(r"--out=(\S+)", command)
    assert (place / out / "one.png").is_file()


def test_restore_md_shows_every_kind_of_hole():
    for option in ("--side-by-side", "--outpaint", "--mask", "--solution"):
        assert any(option in command for command in COMMANDS)
