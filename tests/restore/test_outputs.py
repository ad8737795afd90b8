"""Names of results, and that nothing is lost by writing them."""

import os
import stat
from pathlib import Path

import pytest
from PIL import Image

from cu_jax.restoring import check_outputs, make_folder, output_paths, write_png


def names(pictures, endings=("",)):
    out = Path("out")
    paths = output_paths(out, [Path(picture) for picture in pictures], endings)
    assert all(path.parent == out for group in paths for path in group)
    flat = [path.name for group in paths for path in group]
    assert len({name.casefold() for name in flat}) == len(flat)
    return flat


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        (["x/a.jpg", "y/b.JPEG"], ["a.png", "b.png"]),
        (["x/a.jpg", "y/a.jpg", "x/b.jpg"], ["x_a.png", "y_a.png", "b.png"]),
        (["x/a.jpg", "x/a.png"], ["a_jpg.png", "a_png.png"]),
        (["x/A.jpg", "y/a.jpg"], ["x_A.png", "y_a.png"]),
        (["x/a.jpg", "p/x/a.jpg"], ["x_a.png", "x_a_2.png"]),
        (["x/a.jpg", "y/a.jpg", "z/x_a.png"], ["x_a_2.png", "y_a.png", "x_a.png"]),
        (["x/a.jpg", "y/a.jpg", "z/X_A.png"], ["x_a_2.png", "y_a.png", "X_A.png"]),
        (["x/a.b.jpg", "x/noending"], ["a.b.png", "noending.png"]),
        (["x/a.jpg", "x/a.png", "y/a.jpg"], ["a_jpg.png", "a_png.png", "a_jpg_2.png"]),
    ],
)
def test_names_are_the_pictures_own_and_differ(pictures, expected):
    assert names(pictures) == expected


def test_names_of_several_solutions_differ_too():
    pictures, endings = ["x/a.png", "x/a.one.png"], [".one", ".two"]
    assert names(pictures, endings) == ["a.one.png", "a.two.png", "a.one.one.png", "a.one.two.png"]
    clash = names(["x/a.jpg", "x/a.one.jpg"], ["", ".one"])
    assert clash == ["a.png", "a.one.png", "a.one_2.png", "a.one_2.one.png"]


def test_files_from_before_are_refused_without_force(tmp_path):
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    check_outputs(paths, [], force=False)
    paths[1].touch()
    with pytest.raises(ValueError, match=f"{paths[1]} is there already.*or --force"):
        check_outputs(paths, [], force=False)
    paths[2].symlink_to("nowhere")
    with pytest.raises(ValueError, match=f"{paths[1]} and 1 more are there already"):
        check_outputs(paths, [], force=False)
    check_outputs(paths, [], force=True)


@pytest.mark.parametrize("link", ["itself", "symlink", "hardlink", "folder"])
def test_a_picture_that_is_read_is_never_written_over(tmp_path, link):
    own = tmp_path / "own" / "a.png"
    own.parent.mkdir()
    own.touch()
    out = tmp_path / "out" / "a.png"
    if link == "folder":
        out.parent.symlink_to(own.parent, target_is_directory=True)
    else:
        out.parent.mkdir()
    {"symlink": out.symlink_to, "hardlink": out.hardlink_to}.get(link, lambda _: None)(own)
    path = own if link == "itself" else out
    with pytest.raises(ValueError, match=f"and {path} would be: give another --out"):
        check_outputs([path], [own], force=True)


def test_a_folder_in_the_way_is_refused_even_with_force(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ValueError, match="a.png is a folder"):
        check_outputs([tmp_path / "a.png"], [], force=True)


def test_the_folder_is_made_with_its_parents_and_may_be_there(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "p" / "q")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "q"):
        with pytest.raises(ValueError, match="--out must be a folder"):
            make_folder(path)


def test_a_file_appears_whole_with_the_usual_permissions(tmp_path):
    path = tmp_path / "a.png"
    write_png(Image.new("L", (3, 3), 7), path, force=False)
    assert os.listdir(tmp_path) == ["a.png"] and Image.open(path).getpixel((1, 1)) == 7
    (tmp_path / "usual").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.png", "usual")}
    assert len(modes) == 1


def test_a_file_that_came_meanwhile_stays(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_png(Image.new("L", (3, 3)), path, force=False)
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["a.png"]
    write_png(Image.new("L", (3, 3)), path, force=True)
    assert Image.open(path).size == (3, 3)


def test_what_fails_while_it_is_written_leaves_the_file_from_before(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("before")

    def save(self, target, **_):
        Path(target).write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(OSError, match="No space"):
        write_png(Image.new("L", (3, 3)), path, force=True)
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["a.png"]
