"""python -m cu_jax.restore, from arguments to files."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from cu_jax.corruptions import center_hole
from cu_jax.models.mae import Mae
from cu_jax.restore import main
from cu_jax.restoring import central, outputs, restorer
from cu_jax.solutions import load_solution


def pixels(path):
    return np.asarray(Image.open(path))


def test_pictures_of_all_sizes_and_modes_are_restored_where_the_hole_is(
    run, folder, make_noise, tree
):
    sizes = {"a": (28, 28), "b": (90, 60), "c": (61, 200), "d": (300, 300), "e": (21, 13)}
    modes = {"a": "L", "b": "RGB", "c": "RGBA", "d": "I;16", "e": "LA"}
    for name, size in sizes.items():
        make_noise(*size, modes[name]).save(f"{name}.png")
    own = tree(folder)
    assert run("a.png", "b.png", "c.png", "d.png", "e.png", "--out=out", "--hole=center:0.5") == 0
    assert {path: blob for path, blob in tree(folder).items() if path in own} == own
    assert sorted(os.listdir("out")) == [f"{name}.png" for name in sizes]
    for name, size in sizes.items():
        before, after = Image.open(f"{name}.png"), Image.open(f"out/{name}.png")
        assert (after.size, after.mode) == (size, modes[name])
        hole = central(0.5, 28).over(*size)
        changed = np.asarray(before) != np.asarray(after)
        changed = changed.any(-1) if changed.ndim == 3 else changed
        assert not changed[~hole].any()
        assert changed[hole].mean() > 0.9


def test_the_result_is_the_models_own(run, gray_run, folder, make_noise):
    make_noise(28, 28, "L").save("a.png")
    assert run("a.png", "--out=out", "--solution=complete") == 0  # The evaluation's hole: 12 of 28.
    model, params = load_solution(gray_run, "complete")
    mask = center_hole(28, 12)
    image = jnp.asarray(pixels("a.png")[None, ..., None]) / 255
    out = jax.jit(
        lambda params: model.restore(params, image, mask, jax.random.split(jax.random.key(0), 1))
    )(params)
    expected = np.round(np.asarray(out)[0, ..., 0] * 255)
    assert np.abs(pixels("out/a.png") - expected).max() <= 1
    assert len(np.unique(expected[8:20, 8:20])) > 20


def test_a_color_model_restores_in_its_own_normalization(run, color_run, folder, make_noise):
    make_noise(16, 16).save("a.png")
    assert run("a.png", "--out=out", workdir=color_run) == 0  # No hole in the config: a half.
    model, params = load_solution(color_run)
    low, high = model.pixel_range
    image = low + jnp.asarray(pixels("a.png")[None]) / 255 * (high - low)
    mask, key = center_hole(16, 8), jax.random.split(jax.random.key(0), 1)
    out = jax.jit(lambda params: model.restore(params, image, mask, key))(params)
    expected = np.round(np.asarray((out - low) / (high - low))[0] * 255)
    assert np.abs(pixels("out/a.png") - expected).max() <= 1
    assert len(np.unique(expected[4:12, 4:12])) > 20


def test_neither_batches_nor_order_nor_company_change_a_picture(run, folder, make_noise):
    names = [f"{index}.png" for index in range(5)]
    for index, name in enumerate(names):
        make_noise(40 + index, 40, "L", seed=index).save(name)
    for out, order, size in (("five", names, 5), ("two", names[::-1], 2), ("one", names[3:4], 1)):
        assert run(*order, f"--out={out}", f"--batch-size={size}") == 0
    for name in names:
        # Rounding may differ from one shape of a batch to another.
        assert np.abs(pixels(f"two/{name}").astype(int) - pixels(f"five/{name}")).max() <= 1
    assert np.abs(pixels("one/3.png").astype(int) - pixels("five/3.png")).max() <= 1
    assert not np.array_equal(
        pixels("five/0.png")[10:30, 10:30], pixels("five/1.png")[10:30, 10:30]
    )


def test_one_hole_is_compiled_once_whatever_the_pictures(run, folder, make_noise, monkeypatch):
    seen = []
    restore = Mae.restore
    monkeypatch.setattr(Mae, "restore", lambda *a: seen.append(a[2].shape[0]) or restore(*a))
    for index, size in enumerate([(28, 28), (90, 60), (61, 200), (33, 33), (50, 50)]):
        make_noise(*size, seed=index).save(f"{index}.png")
    solutions = "--solution=original,complete"
    assert run(folder, "--out=out", "--batch-size=2", solutions) == 0
    # Once to check the mask, which compiles nothing, and once for the program.
    assert seen == [1, 2]


def test_several_solutions_give_a_file_each_or_a_panel_each(run, folder, make_noise):
    make_noise(28, 28, "L").save("a.png")
    assert run("a.png", "--out=out", "--solution=original,control_0.25") == 0
    assert sorted(os.listdir("out")) == ["a.control_0.25.png", "a.original.png"]
    assert not np.array_equal(pixels("out/a.original.png"), pixels("out/a.control_0.25.png"))
    assert run("a.png", "--out=row", "--solution=original,control_0.25", "--side-by-side") == 0
    assert os.listdir("row") == ["a.png"]
    sheet = pixels("row/a.png")
    panels = [sheet[30 : 30 + 224, 12 + i * 236 : 12 + i * 236 + 224][::8, ::8] for i in range(4)]
    assert sheet.shape == (30 + 224 + 12, 12 + 4 * 236, 3)
    np.testing.assert_array_equal(panels[0][..., 0], pixels("a.png"))
    assert (panels[1][8:20, 8:20] == 128).all()
    np.testing.assert_array_equal(panels[2][..., 0], pixels("out/a.original.png"))
    np.testing.assert_array_equal(panels[3][..., 0], pixels("out/a.control_0.25.png"))


def test_outpainting_restores_the_frame_of_the_square(run, folder, make_noise):
    make_noise(84, 56, "L").save("a.png")
    assert run("a.png", "--out=out", "--outpaint=0.5") == 0
    before, after = pixels("a.png"), pixels("out/a.png")
    kept = np.zeros((56, 84), bool)
    kept[14:42, 28:56] = True
    np.testing.assert_array_equal(after[kept], before[kept])
    np.testing.assert_array_equal(after[:, :14], before[:, :14])
    assert (after[:14, 14:70] != before[:14, 14:70]).mean() > 0.9


def test_a_mask_is_stretched_to_every_picture(run, folder, make_noise, capsys):
    mask = np.zeros((50, 50), np.uint8)
    mask[:25, :25] = 255
    Image.fromarray(mask).save("mask.png")
    make_noise(100, 100, "L").save("a.png")
    make_noise(200, 100, "L").save("b.png")
    assert run("a.png", "b.png", "--out=out", "--mask=mask.png") == 0
    assert "b.png: the part of the mask outside the centered square" in capsys.readouterr().err
    for name, columns in (("a", slice(0, 50)), ("b", slice(50, 100))):
        hole = np.zeros(pixels(f"{name}.png").shape, bool)
        hole[:50, columns] = True
        changed = pixels(f"{name}.png") != pixels(f"out/{name}.png")
        assert not changed[~hole].any() and changed[hole].mean() > 0.9


def test_what_people_should_know_is_said_once(run, folder, make_noise, capsys):
    for index in range(5):
        make_noise(30, 30, seed=index).save(f"{index}.png")
    frames = [make_noise(30, 30, "L"), make_noise(30, 30, "L", seed=1)]
    frames[0].save("z.gif", save_all=True, append_images=frames[1:])
    (folder / "notes.txt").touch()
    assert run(folder, "--out=out") == 0
    error = capsys.readouterr().err
    assert (
        error.count("in color, but the model is gray") == 1
        and "0.png and 4 more: in color" in error
    )
    assert error.count("z.gif: several frames, of which the first is restored.") == 1
    assert "Left out, no pictures by their ending: " in error and "notes.txt" in error
    assert "Removing the central 12 x 12 of 28 x 28 pixels" in error


def test_two_pictures_of_one_name_give_two_files(run, folder, make_noise):
    for seed, name in enumerate(("x", "y")):
        (folder / name).mkdir()
        make_noise(28, 28, "L", seed=seed).save(f"{name}/a.png")
    assert run("x", "y", "--out=out") == 0
    for name in ("x", "y"):
        np.testing.assert_array_equal(pixels(f"out/{name}_a.png")[:8], pixels(f"{name}/a.png")[:8])


def test_breaking_off_leaves_whole_files_and_says_so(run, folder, make_noise, monkeypatch, capsys):
    for name in ("a.png", "b.png", "c.png"):
        make_noise(28, 28, "L").save(name)
    replace = os.replace

    def interrupted(source, target):
        if str(target).endswith("b.png"):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(outputs.os, "replace", interrupted)
    assert run("a.png", "b.png", "c.png", "--out=out") == 130
    assert os.listdir("out") == ["a.png"] and Image.open("out/a.png").size == (28, 28)
    assert "Stopped" in capsys.readouterr().err


def test_debug_shows_where_a_refusal_comes_from(run, folder):
    with pytest.raises(FileNotFoundError, match="there is no none.png"):
        run("none.png", "--out=out", "--debug")


def test_a_mistake_of_ours_is_no_refusal(run, folder, make_noise, monkeypatch):
    make_noise(28, 28, "L").save("a.png")

    def broken(*_, **__):
        raise ValueError("A mistake while computing.")

    monkeypatch.setattr("cu_jax.restoring.restore_files", broken)
    with pytest.raises(ValueError, match="A mistake while computing"):
        run("a.png", "--out=out")


def test_help_says_what_happens(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    for words in ("--solution=original,control_0.25", "coarsely", "bit for bit", "center:SHARE"):
        assert words in text


def test_options_may_stand_between_pictures(run, folder, make_noise):
    for name in ("a.png", "b.png"):
        make_noise(28, 28, "L").save(name)
    assert run("a.png", "--out=out", "b.png") == 0
    assert sorted(os.listdir("out")) == ["a.png", "b.png"]


def test_the_batch_size_of_a_restorer_is_checked(gray_run):
    model, params = load_solution(gray_run)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        restorer(model, center_hole(28, 12), batch_size=0)
    none = np.zeros((0, 28, 28, 1), np.uint8)
    assert restorer(model, center_hole(28, 12))(params, none).shape == (0, 28, 28, 1)


def test_as_a_command(gray_run, folder, make_noise):
    make_noise(60, 40).save("a.jpg")
    command = [sys.executable, "-m", "cu_jax.restore", f"--workdir={gray_run}", "a.jpg"]
    done = subprocess.run(
        [*command, "--out=out"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0 and done.stdout == "", done.stderr
    assert "Written: out/a.png." in done.stderr
    assert Image.open("out/a.png").size == (60, 40)
    again = subprocess.run([*command, "--out=out"], capture_output=True, text=True, timeout=120)
    assert again.returncode == 2 and "Traceback" not in again.stderr
    assert "out/a.png is there already" in again.stderr
