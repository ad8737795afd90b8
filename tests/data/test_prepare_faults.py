"""python -m cu_jax.data.prepare where something is wrong: bad pictures, kills, disks, manifests."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from cu_jax.data.decoding import PictureError
from cu_jax.data.prepare import main
from cu_jax.data.published import builders
from cu_jax.data.published.prepared import open_prepared


def test_bad_pictures_are_left_out_and_listed(preparing, layouts, tmp_path, monkeypatch, capsys):
    layouts("imagenet", "archives", tmp_path / "from")
    assert main(preparing.command("imagenet", tmp_path / "from", tmp_path / "first")) == 0
    good = preparing.opened("imagenet", tmp_path / "first").manifest
    victim = good.records("forget", "train")[1]
    archive = tmp_path / "from" / "ILSVRC2012_img_train.tar"
    packed = bytearray(archive.read_bytes())
    picture = preparing.opened("imagenet", tmp_path / "first").files["forget/train"][1]
    at = packed.index(picture)
    packed[at : at + len(picture)] = bytes(len(picture))
    archive.write_bytes(packed)
    capsys.readouterr()
    assert main(preparing.command("imagenet", tmp_path / "from", tmp_path / "second")) == 0
    collection = preparing.opened("imagenet", tmp_path / "second")
    left = [record for record in good.records("forget", "train") if record.id != victim.id]
    found = collection.manifest.records("forget", "train")
    assert [(r.id, r.sha256) for r in found] == [(r.id, r.sha256) for r in left]
    assert len(collection.files["forget/train"]) == len(left) == 5
    (bad,) = collection.bad
    member = victim.id.removeprefix("train/").replace("/", ".tar/")
    assert bad.name == f"{archive}:{member}" and bad.reason
    assert f"Left out: 1 (the first: {bad.name}, which {bad.reason}; all are in " in (
        capsys.readouterr().out
    )


def test_a_set_of_bad_pictures_alone_is_refused(preparing, prepared, tmp_path, monkeypatch, capsys):
    def refuse(data):
        raise PictureError("is damaged")

    monkeypatch.setattr(builders, "check", refuse)
    assert main(preparing.command("imagenet", prepared[0] / "from", tmp_path)) == 2
    err = capsys.readouterr().err
    assert "retain/train of cu_imagenet must have at least one picture, and all are bad" in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_data_that_cannot_be(preparing, prepared, tmp_path, capsys):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(preparing.command("imagenet", prepared[0] / "from", place)) == 2
        assert f"must be one that can be made, and {place} is not" in capsys.readouterr().err


def test_a_list_of_bad_pictures_that_is_gone(preparing, prepared, tmp_path, capsys):
    shutil.copytree(prepared[0] / "data", tmp_path / "data")
    (list_of_bad,) = (tmp_path / "data").rglob("bad_pictures.json")
    list_of_bad.unlink()
    assert main(preparing.command("imagenet", "no/such/folder", tmp_path / "data")) == 2
    assert f"must have its bad_pictures.json, and {list_of_bad} is" in capsys.readouterr().err


def test_a_broken_off_preparation_leaves_nothing(preparing, prepared, tmp_path, monkeypatch):
    calls = []

    def stop(data):
        calls.append(data)
        if len(calls) == 9:
            raise KeyboardInterrupt

    monkeypatch.setattr(builders, "check", stop)
    assert main(preparing.command("imagenet", prepared[0] / "from", tmp_path)) == 130
    assert list(tmp_path.iterdir()) == []
    assert main(preparing.command("imagenet", prepared[0] / "from", tmp_path)) == 0
    assert (
        preparing.opened("imagenet", tmp_path).manifest
        == preparing.opened("imagenet", prepared[0] / "data").manifest
    )


_SLOW = """
import sys, time
from cu_jax.data import prepare
from cu_jax.data.published import builders
builders.check = lambda data: time.sleep(1000)
prepare.main(sys.argv[1:])
"""


def test_what_a_killed_preparation_left_is_removed_and_a_living_ones_is_not(
    preparing, prepared, tmp_path
):
    arguments = preparing.command("imagenet", prepared[0] / "from", tmp_path)

    running = []

    def unfinished():  # without their locks, which are files beside them
        return {path for path in tmp_path.glob(".incomplete-*") if path.is_dir()}

    def start():
        before = unfinished()
        process = subprocess.Popen([sys.executable, "-c", _SLOW, *arguments])
        running.append(process)
        while not (new := unfinished() - before):
            time.sleep(0.05)
            assert process.poll() is None
        return process, new.pop()

    try:
        killed, abandoned = start()
        _, held = start()
        assert abandoned.is_dir() and held.is_dir()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with pytest.raises(FileNotFoundError):
            preparing.opened("imagenet", tmp_path)
        assert main(arguments) == 0
        assert not abandoned.exists() and held.is_dir()
    finally:
        for process in running:
            process.kill()
            process.wait()
    manifest = preparing.opened("imagenet", tmp_path).manifest
    assert manifest == preparing.opened("imagenet", prepared[0] / "data").manifest


def test_one_killed_after_its_data_was_in_place_leaves_nothing_for_ever(
    preparing, prepared, tmp_path
):
    shutil.copytree(prepared[0] / "data", tmp_path / "data")
    left = tmp_path / "data" / ".incomplete-cu_imagenet-x"
    (left / "cu_imagenet").mkdir(parents=True)
    left.with_suffix(".lock").touch()
    arguments = preparing.command("imagenet", "no/such/folder", tmp_path / "data")
    assert main(arguments) == 0
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["cu_imagenet"]


def test_what_is_not_prepared_is_refused_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        open_prepared("cu_places365", "predecessor_c2_v1_s7", tmp_path)
    place = tmp_path / "cu_places365/predecessor_c2_v1_s7/1.0.0"
    assert str(error.value) == (
        f"cu_places365 must be prepared before it is read, and {place} is not there: run python -m "
        "cu_jax.data.prepare places365 --from DIR --split predecessor --seed 7 --classes 2 "
        f"--validation 1 --data-dir {tmp_path}."
    )


def test_a_changed_manifest_is_refused(preparing, prepared, tmp_path):
    folder, _ = prepared
    assert main(preparing.command("imagenet", folder / "from", tmp_path)) == 0
    path = tmp_path / "cu_imagenet/paper_c2_t3_v2/1.0.0/manifest.json"
    data = json.loads(path.read_text())
    data["splits"]["forget/train"].pop()
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="^A manifest must have the hash it names"):
        preparing.opened("imagenet", tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"manifest\.json is missing: remove that folder"):
        preparing.opened("imagenet", tmp_path)


def test_a_full_disk_is_foretold(preparing, prepared, tmp_path, monkeypatch, capsys):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert main(preparing.command("imagenet", prepared[0] / "from", tmp_path)) == 2
    assert f"{tmp_path} must have room for 0.0 GB of pictures" in capsys.readouterr().err
