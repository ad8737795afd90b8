"""What python -m cu_jax.restore refuses, in one sentence and before anything is compiled."""

import os
import re
import shutil

import jax
import pytest
from PIL import Image


@pytest.fixture
def refused(run, folder, tree, capsys):
    """Runs the command, and returns its one sentence; nothing may change and nothing compile."""

    def refused(*arguments, **options):
        before = tree(folder)
        assert run(*arguments, **options) == 2
        error = capsys.readouterr().err
        lines = [line for line in error.splitlines() if not line.startswith(("check ", "Left"))]
        assert len(lines) == 2 and lines[1] == "(--debug shows where this comes from.)", error
        assert lines[0].endswith((".", "?")) and "Traceback" not in error
        assert tree(folder) == before
        return lines[0]

    return refused


@pytest.fixture
def nothing_compiles(monkeypatch):
    def jit(*_, **__):
        raise AssertionError("Something was compiled.")

    monkeypatch.setattr(jax, "jit", jit)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--hole=middle"], "--hole must be center:PIXELS, .* or random:SHARE, got 'middle'"),
        (["--hole=center"], "--hole must be center:PIXELS"),
        (["--hole=center:x"], "--hole must be center:PIXELS"),
        (["--hole=center:nan"], "--hole must be center:PIXELS"),
        (["--hole=center:1.5"], "between 0 and 1.*got 1.5"),
        (["--hole=center:0.01"], "1 to 27 of the model's 28 pixels, got 0.01"),
        (["--hole=center:28"], "1 to 27 pixels wide, got 28"),
        (["--hole=outpaint:0"], "The share in --hole must lie between 0 and 1.*got 0"),
        (["--hole=random:0.999"], "come to 1 to 48 of 49 patches, got 0.999"),
        (["--outpaint=2"], "--outpaint=SHARE must lie between 0 and 1.*got 2"),
        (["--hole=center:0.95"], "at least one patch of 4 x 4 pixels whole.*49 of 49.*smaller"),
        (["--mask=white.png"], "white.png is white all over"),
        (["--mask=black.png"], "black.png is nowhere white"),
        (["--mask=none.png"], "none.png cannot be read"),
        (["--solution=complet"], "original, complete, control_0.25.*did you mean complete?"),
        (["--solution=original,"], "got ''"),
        (["--steps=5"], "--steps is for models that restore step by step.*leave it out"),
        (["--batch-size=0"], "--batch-size must be at least 1, got 0"),
        (["none.png"], "there is no none.png"),
        (["broken.jpg", "broken.gif"], "2 of 3 are not: broken.jpg is .*; broken.gif is "),
        (["speck.png"], "leaves everything of speck.png .1 x 1 pixels"),
    ],
)
@pytest.mark.usefixtures("nothing_compiles")
def test_wrong_input_gets_one_sentence(refused, folder, make_noise, arguments, sentence):
    make_noise(30, 30).save("a.png")
    Image.new("L", (5, 5), 255).save("white.png")
    Image.new("L", (5, 5), 0).save("black.png")
    Image.new("L", (1, 1), 0).save("speck.png")
    for name in ("broken.jpg", "broken.gif"):
        make_noise(30, 30).save(name)
        (folder / name).write_bytes((folder / name).read_bytes()[:-200])
    hole = ["--outpaint=0.5"] if arguments == ["speck.png"] else []
    assert re.search(sentence, refused("a.png", "--out=out", *arguments, *hole))


@pytest.mark.usefixtures("nothing_compiles")
def test_a_wrong_workdir_gets_one_sentence(refused, folder, gray_run, make_noise):
    make_noise(30, 30).save("a.png")
    assert "there is no folder nowhere" in refused("a.png", "--out=out", workdir="nowhere")
    (folder / "empty").mkdir()
    assert "has none yet" in refused("a.png", "--out=out", workdir="empty")
    shutil.copytree(gray_run, "cut")
    path = folder / "cut" / "solutions" / "original" / "params.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    assert "must be a whole safetensors file" in refused("a.png", "--out=out", workdir="cut")


@pytest.mark.usefixtures("nothing_compiles")
def test_a_mask_that_misses_the_square_is_refused(refused, make_noise):
    make_noise(300, 100).save("a.png")
    mask = Image.new("L", (300, 100))
    mask.paste(255, (0, 0, 50, 100))
    mask.save("mask.png")
    sentence = refused("a.png", "--out=out", "--mask=mask.png")
    assert "the white part of mask.png leaves everything of a.png (300 x 100 pixels)" in sentence
    Image.eval(mask, lambda x: 255 - x).save("mask.png")
    assert "leaves nothing of a.png" in refused("a.png", "--out=out", "--mask=mask.png")


@pytest.mark.usefixtures("nothing_compiles")
def test_nothing_is_written_over(refused, folder, make_noise):
    (folder / "out").mkdir()
    for name in ("a.png", "b.png", "out/b.png", "out/a.jpg"):
        make_noise(30, 30).save(name)
    assert "out/b.png is there already" in refused("a.png", "b.png", "--out=out")
    for force in ([], ["--force"]):
        assert "a.png would be: give another --out" in refused("a.png", "--out=.", *force)
        assert "a.png would be" in refused("out/a.jpg", "--mask=a.png", "--out=.", *force)
    (folder / "file").touch()
    assert "--out must be a folder" in refused("a.png", "--out=file")
    (folder / "dir" / "a.png").mkdir(parents=True)
    assert "a.png is a folder" in refused("a.png", "--out=dir", "--force")


def test_force_writes_over_results_from_before(run, folder, make_noise):
    make_noise(28, 28, "L").save("a.png")
    (folder / "out").mkdir()
    (folder / "out" / "a.png").write_text("before")
    assert run("a.png", "--out=out", "--force") == 0
    assert Image.open("out/a.png").size == (28, 28)
    assert os.listdir("out") == ["a.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.png", "--out=out", "--hole=center:0.5", "--outpaint=0.5"],
        ["a.png", "--out=out", "--mask=m.png", "--outpaint=0.5"],
        ["a.png", "--out=out", "--outpaint=x"],
        ["a.png", "--out=out", "--sol=original"],
        ["a.png"],
        ["--out=out"],
    ],
)
def test_wrong_flags_end_with_code_2(run, folder, capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    assert stop.value.code == 2 and "error: " in capsys.readouterr().err
