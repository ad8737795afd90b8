"""Pictures in a folder: classes, lists of files, other folders, and what is wrong with some."""

import errno
import json
import os
import shutil

import numpy as np
import pytest

from cu_jax.data import checked_files, folder, parallel
from cu_jax.data.folder_files import File, find_files

SHAPE = (48, 48, 3)


def _ids(data, name, split):
    return [record.id for record in data.manifest.records(name, split)]


def test_classes_to_forget_and_all_others_to_retain(opened):
    data = opened(forget=("cat",))
    assert data.class_names == ("birds/owl", "cat", "dog")
    for name, labels in (("forget", {"cat"}), ("retain", {"birds/owl", "dog"})):
        train, validation = data.source(name, "train"), data.source(name, "validation")
        assert (len(train), len(validation)) == (5 * len(labels), len(labels))
        batch = train.gather(np.arange(len(train)))
        assert batch["image"].shape == (len(train), *SHAPE) and batch["image"].dtype == np.uint8
        assert {data.class_names[label] for label in batch["label"]} == labels
        assert not set(_ids(data, name, "train")) & set(_ids(data, name, "validation"))
    assert data.bad == ()


def test_files_are_not_copied_and_keep_their_manifest_elsewhere(opened, pictures, tmp_path):
    data = opened(forget=("cat",))
    moved = tmp_path / "moved"
    shutil.copytree(pictures, moved)
    assert opened(forget=("cat",), folder=str(moved)).manifest == data.manifest
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} == {".json"}


def test_named_classes_to_retain(opened):
    data = opened(forget=("cat",), retain=("dog",), validation_per_class=2)
    assert {r.label for r in data.manifest.records("retain", "train")} == {"dog"}
    assert len(data.source("retain", "validation")) == 2


def test_listed_files_are_forgotten_and_measured(opened, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(pictures.parent)
    listing = tmp_path / "requests.txt"
    mark = "\ufeff"  # As Windows writes it.
    lines = (f"{mark}cat/3.jpg", " # two people asked", "", "./dog/0.jpg", f"{pictures}/cat/3.jpg")
    listing.write_text("\n".join((*lines, f"{pictures.name}/dog/0.jpg", "")), "utf-8")
    data = opened(folder=pictures.name, forget_files=str(listing))
    for split in ("train", "validation"):
        assert _ids(data, "forget", split) == ["cat/3.jpg", "dog/0.jpg"]
    retained = _ids(data, "retain", "train") + _ids(data, "retain", "validation")
    assert len(retained) == 16 and not {"cat/3.jpg", "dog/0.jpg"} & set(retained)


def test_many_files_are_not_compared_with_each_of_many_classes():
    compared = 0

    class Label(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    classes = [f"class{number}" for number in range(100)]
    files = [File(f"{name}/{n}.jpg", Label(name), "") for name in classes for n in range(50)]
    assert folder._of_classes("forget", classes, files) == files
    assert compared < 10 * len(files)  # and not 50 times


def test_another_folder_stands_in_for_the_retained(opened, photographs, tmp_path):
    other = tmp_path / "other"
    (other / "anything").mkdir(parents=True)
    for number, file in enumerate(photographs.jpegs(5, width=64, height=64, seed=1)):
        (other / "anything" / f"{number}.jpg").write_bytes(file)
    data = opened(forget=("cat", "dog"), retain_folder=str(other))
    assert _ids(data, "retain", "validation")[0].startswith("retain_folder/anything/")
    batch = data.source("retain", "train").gather(np.arange(4))
    assert {data.class_names[label] for label in batch["label"]} == {"anything"}


def test_folders_that_are_called_train_and_val_are_the_splits(opened, pictures, tmp_path):
    for split, numbers in (("train", range(4)), ("val", range(4, 6))):
        for label in ("cat", "dog"):
            place = tmp_path / "split" / split / label
            place.mkdir(parents=True)
            for number in numbers:
                shutil.copy(pictures / label / f"{number}.jpg", place)
    shutil.copy(pictures / "cat" / "0.jpg", tmp_path / "split" / "preview.jpg")
    data = opened(folder=str(tmp_path / "split"), forget=("dog",))
    assert _ids(data, "forget", "train") == [f"train/dog/{n}.jpg" for n in range(4)]
    assert _ids(data, "retain", "validation") == ["val/cat/4.jpg", "val/cat/5.jpg"]


def test_what_is_no_picture_is_left_out_and_listed(opened, pictures, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    whole = (mine / "cat" / "0.jpg").read_bytes()
    (mine / "cat" / "text.jpg").write_text("text")
    (mine / "cat" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (mine / "dog" / "empty.png").write_bytes(b"")
    data = opened(folder=str(mine), forget=("cat",))
    assert sorted(bad.name for bad in data.bad) == ["cat/cut.jpg", "cat/text.jpg", "dog/empty.png"]
    assert all(bad.reason for bad in data.bad)
    assert data.manifest == opened(forget=("cat",)).manifest


def test_copies_of_pictures_to_forget_are_not_retained(opened, pictures, tmp_path, capsys):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    shutil.copy(mine / "cat" / "0.jpg", mine / "dog" / "same.jpg")
    data = opened(folder=str(mine), forget=("cat",))
    assert data.manifest == opened(forget=("cat",)).manifest
    assert "1 of 13 pictures to retain are copies of pictures to forget" in capsys.readouterr().out


def test_files_are_looked_at_once(opened, pictures, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    looked = []
    real = checked_files.check
    monkeypatch.setattr(checked_files, "check", lambda data: (looked.append(1), real(data)))
    first = opened(folder=str(mine), forget=("cat",))
    assert len(looked) == 18
    assert opened(folder=str(mine), forget=("cat",)).manifest == first.manifest
    assert len(looked) == 18
    changed = mine / "cat" / "1.jpg"
    changed.write_bytes((mine / "dog" / "1.jpg").read_bytes() + b"\0")
    assert opened(folder=str(mine), forget=("cat",)).manifest.hash != first.manifest.hash
    assert len(looked) == 19
    # A memory that is not whole is made anew.
    (memory,) = (tmp_path / "data" / "folders").glob("*.json")
    memory.write_text(json.dumps({"format": 1})[:7])
    opened(folder=str(mine), forget=("cat",))
    assert len(looked) == 37


def test_a_folder_and_a_link_to_it_are_two_classes(opened, pictures, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    os.symlink("cat", mine / "a_cat")
    data = opened(folder=str(mine), forget=("cat",))
    # Of the same pictures, which are not retained then.
    assert data.manifest.hash == opened(forget=("cat",)).manifest.hash
    assert len(opened(folder=str(mine), forget=("a_cat",)).source("forget", "train")) == 5


def test_a_folder_that_cannot_be_read_is_refused(pictures, monkeypatch):
    real = os.scandir

    def denied(path):
        if os.fspath(path).endswith("owl"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(ValueError, match=r"birds/owl is not \(Permission denied\)"):
        find_files(pictures)


def test_names_must_be_text(opened, pictures, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    os.rename(mine / "cat" / "0.jpg", os.fsencode(mine / "cat") + b"/\xff.jpg")
    with pytest.raises(ValueError, match=r"must be UTF-8, and 'cat/\\udcff.jpg' in"):
        opened(folder=str(mine), forget=("cat",))


def test_a_file_that_could_not_be_read_is_tried_again(opened, pictures, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    real = type(mine).read_bytes

    def denied(path):
        if path == mine / "cat" / "0.jpg":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(type(mine), "read_bytes", denied)
    (bad,) = opened(folder=str(mine), forget=("cat",)).bad
    assert bad == ("cat/0.jpg", "cannot be read (Permission denied)")
    monkeypatch.undo()
    assert opened(folder=str(mine), forget=("cat",)).bad == ()


def test_a_check_that_is_broken_off_is_not_lost(pictures, tmp_path, monkeypatch):
    names = [f"{label}/{number}.jpg" for label in ("cat", "dog") for number in range(6)]
    looked = []
    real = checked_files.check

    def broken(data):
        looked.append(1)
        if len(looked) == 9:
            raise KeyboardInterrupt
        return real(data)

    monkeypatch.setattr(checked_files, "check", broken)
    monkeypatch.setattr(parallel, "_AHEAD", 4)
    with pytest.raises(KeyboardInterrupt):
        checked_files.check_files(pictures, names, tmp_path)
    looked.clear()
    checked_files.check_files(pictures, names, tmp_path)
    # Two groups of four were whole; threads took the last one in any order.
    assert 1 <= len(looked) <= 4


def test_without_a_memory_pictures_are_checked_again(opened, tmp_path, capsys):
    (tmp_path / "file").touch()
    data = opened(forget=("cat",), data_dir=str(tmp_path / "file"))
    assert len(data.source("forget", "train")) == 5
    assert "cannot be written" in capsys.readouterr().err


def test_a_link_to_the_folder_above_ends(opened, pictures, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(pictures, mine)
    os.symlink(mine, mine / "cat" / "loop")
    assert opened(folder=str(mine), forget=("cat",)).manifest == opened(forget=("cat",)).manifest


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "got neither: give one"),
        ({"forget": ("cat",), "forget_files": "x.txt"}, "got both: give one"),
        ({"forget": ("cats",)}, "got 'cats': did you mean 'cat'"),
        ({"forget": ("cat",), "retain": ("cat", "dog")}, "got cat in both retain and forget"),
        ({"forget": ("cat",), "folder": "no/such"}, "there is no folder no/such"),
        ({"forget_files": "no/such.txt"}, "no/such.txt cannot be read"),
        ({"forget": ("cat",), "validation_per_class": 6}, "Class 'birds/owl' must have more than"),
        ({"forget": ("cat", "dog", "birds/owl")}, "The retain set must have at least one training"),
    ],
)
def test_mistakes_are_explained(opened, changes, sentence):
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        opened(**changes)


def test_all_listed_and_a_class_to_retain(opened, pictures, tmp_path):
    listing = tmp_path / "requests.txt"
    listing.write_text("\n".join(str(path) for path in pictures.rglob("*.jpg")))
    with pytest.raises(ValueError, match="got 'dog': no class is left"):
        opened(forget_files=str(listing), retain=("dog",))


def test_a_listed_file_that_is_not_there(opened, tmp_path):
    listing = tmp_path / "requests.txt"
    listing.write_text("cat/3.jpg\ncat/33.jpg\n")
    with pytest.raises(ValueError, match=r"1 are not, 'cat/33.jpg' first: correct them"):
        opened(forget_files=str(listing))
