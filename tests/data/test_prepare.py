"""python -m cu_jax.data.prepare: from archives and class folders to pictures byte for byte."""

import concurrent.futures
import hashlib
import json
import os
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

FEW = {"classes_per_set": 2, "train_per_class": 3, "validation_per_class": 2}
COUNTS = ["--classes=2", "--train=3", "--validation=2"]
DATASETS = {"imagenet": "cu_imagenet", "places365": "cu_places365"}
SPLITS = ["paper", "predecessor", "predecessor_proxy"]


@pytest.fixture(scope="module")
def layouts(tiny_archives, small_pictures):
    """Writes a data set in one of its layouts and returns its files by their ids."""

    def write(family, layout, folder, **settings):
        settings, pictures = FEW | settings, small_pictures
        if family == "imagenet" and layout == "archives":
            return tiny_archives.imagenet_archives(folder, pictures, **settings)
        if family == "imagenet":
            return tiny_archives.imagenet_folders(folder, pictures, layout == "flat", **settings)
        if layout == "archives":
            return tiny_archives.places_archives(folder, pictures, **settings)
        return tiny_archives.places_folders(folder, pictures, layout == "flat", **settings)

    return write


def command(family, originals, data_dir, *more):
    return [family, f"--from={originals}", f"--data-dir={data_dir}", *COUNTS, *more]


def opened(family, data_dir, split="paper"):
    return open_prepared(DATASETS[family], f"{split}_c2_t3_v2", data_dir)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", DATASETS)
def test_archives_and_folders_give_the_same_pictures(family, split, layouts, tmp_path):
    manifests = []
    for layout in ("archives", "sorted", "flat"):
        files = layouts(family, layout, tmp_path / layout, split=split)
        data_dir = tmp_path / f"data_{layout}"
        assert main(command(family, tmp_path / layout, data_dir, f"--split={split}")) == 0
        collection = opened(family, data_dir, split)
        manifests.append(collection.manifest)
        assert collection.bad == ()
        for key, records in collection.manifest.splits.items():
            stored = collection.files[key]
            assert len(stored) == len(records) > 0
            assert [record.index for record in records] == [*range(len(records))]
            assert [record.id for record in records] == sorted(record.id for record in records)
            for data, record in zip(stored, records, strict=True):
                assert data == files[record.id]
                assert hashlib.sha256(data).hexdigest() == record.sha256
                assert record.label in collection.class_names
    assert manifests[0] == manifests[1] == manifests[2]
    places_paper = (family, split) == ("places365", "paper")
    for key, count in (("forget/train", 6), ("forget/validation", 4), ("retain/validation", 4)):
        names = [record.id for record in manifests[0].splits[key]]
        assert len(names) == count
        held_out = key.endswith("validation") and not places_paper
        assert {name.split("/")[0] for name in names} == {"val" if held_out else "train"}


@pytest.fixture(scope="module")
def prepared(layouts, tmp_path_factory):
    """ImageNet's archives and what is prepared from them."""
    folder = tmp_path_factory.mktemp("prepared")
    files = layouts("imagenet", "archives", folder / "from")
    assert main(command("imagenet", folder / "from", folder / "data")) == 0
    return folder, files


def test_a_second_preparation_is_the_same_to_the_byte(prepared, tmp_path):
    folder, _ = prepared
    assert main(command("imagenet", folder / "from", tmp_path)) == 0
    assert opened("imagenet", tmp_path).manifest == opened("imagenet", folder / "data").manifest
    places = [where / "cu_imagenet/paper_c2_t3_v2/1.0.0" for where in (folder / "data", tmp_path)]
    first, second = ({path.name: path.read_bytes() for path in p.iterdir()} for p in places)
    assert first == second and {"manifest.json", "bad_pictures.json"} < first.keys()


def test_preparing_again_says_so_and_reads_nothing(prepared, capsys):
    folder, _ = prepared
    capsys.readouterr()
    assert main(command("imagenet", "no/such/folder", folder / "data")) == 0
    out, err = capsys.readouterr()
    manifest = opened("imagenet", folder / "data").manifest
    place = folder / "data/cu_imagenet/paper_c2_t3_v2/1.0.0"
    assert err == ""
    assert out == (
        f"Already prepared in {place}: 6 forget/train, 4 forget/validation, 6 retain/train, 4 "
        f"retain/validation pictures.\nThe manifest ({place}/manifest.json) has the hash "
        f"{manifest.hash}.\nNext: set --config.data.name=cu_imagenet --config.data.split=paper "
        "--config.data.classes_per_set=2 --config.data.train_per_class=3 "
        f"--config.data.validation_per_class=2 --config.data.data_dir={folder / 'data'} in an "
        "experiment's config.\n"
    )


def test_progress_is_one_line_a_step(layouts, tmp_path, capfd):
    layouts("places365", "archives", tmp_path / "from")
    assert main(command("places365", tmp_path / "from", tmp_path / "data")) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Prepared in ") and out.count("\n") == 3
    assert [line.partition(":")[0] for line in err.splitlines()] == [
        "Reading places365_train_standard.txt",
        "Listing pictures",
        "Looking through train_256_places365standard.tar",
        "Preparing cu_places365",
    ]
    assert "Preparing cu_places365: 20 of 20 pictures, done in " in err


def test_bad_pictures_are_left_out_and_listed(layouts, tmp_path, monkeypatch, capsys):
    layouts("imagenet", "archives", tmp_path / "from")
    assert main(command("imagenet", tmp_path / "from", tmp_path / "first")) == 0
    good = opened("imagenet", tmp_path / "first").manifest
    victim = good.records("forget", "train")[1]
    archive = tmp_path / "from" / "ILSVRC2012_img_train.tar"
    packed = bytearray(archive.read_bytes())
    picture = opened("imagenet", tmp_path / "first").files["forget/train"][1]
    at = packed.index(picture)
    packed[at : at + len(picture)] = bytes(len(picture))
    archive.write_bytes(packed)
    capsys.readouterr()
    assert main(command("imagenet", tmp_path / "from", tmp_path / "second")) == 0
    collection = opened("imagenet", tmp_path / "second")
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


def test_a_set_of_bad_pictures_alone_is_refused(prepared, tmp_path, monkeypatch, capsys):
    def refuse(data):
        raise PictureError("is damaged")

    monkeypatch.setattr(builders, "check", refuse)
    assert main(command("imagenet", prepared[0] / "from", tmp_path)) == 2
    err = capsys.readouterr().err
    assert "retain/train of cu_imagenet must have at least one picture, and all are bad" in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_data_that_cannot_be(prepared, tmp_path, capsys):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        assert main(command("imagenet", prepared[0] / "from", place)) == 2
        assert f"must be one that can be made, and {place} is not" in capsys.readouterr().err


def test_a_folder_for_data_with_a_space_is_quoted(prepared, tmp_path, capsys):
    place = tmp_path / "my data"
    shutil.copytree(prepared[0] / "data", place)
    assert main(command("imagenet", "no/such/folder", place)) == 0
    assert f" '--config.data.data_dir={place}' in an" in capsys.readouterr().out


def test_a_list_of_bad_pictures_that_is_gone(prepared, tmp_path, capsys):
    shutil.copytree(prepared[0] / "data", tmp_path / "data")
    (list_of_bad,) = (tmp_path / "data").rglob("bad_pictures.json")
    list_of_bad.unlink()
    assert main(command("imagenet", "no/such/folder", tmp_path / "data")) == 2
    assert f"must have its bad_pictures.json, and {list_of_bad} is" in capsys.readouterr().err


def test_a_broken_off_preparation_leaves_nothing(prepared, tmp_path, monkeypatch):
    calls = []

    def stop(data):
        calls.append(data)
        if len(calls) == 9:
            raise KeyboardInterrupt

    monkeypatch.setattr(builders, "check", stop)
    assert main(command("imagenet", prepared[0] / "from", tmp_path)) == 130
    assert list(tmp_path.iterdir()) == []
    assert main(command("imagenet", prepared[0] / "from", tmp_path)) == 0
    assert (
        opened("imagenet", tmp_path).manifest == opened("imagenet", prepared[0] / "data").manifest
    )


_SLOW = """
import sys, time
from cu_jax.data import prepare
from cu_jax.data.published import builders
builders.check = lambda data: time.sleep(1000)
prepare.main(sys.argv[1:])
"""


def test_what_a_killed_preparation_left_is_removed_and_a_living_ones_is_not(prepared, tmp_path):
    arguments = command("imagenet", prepared[0] / "from", tmp_path)

    running = []

    def start():
        before = set(tmp_path.iterdir())
        process = subprocess.Popen([sys.executable, "-c", _SLOW, *arguments])
        running.append(process)
        while not (new := set(tmp_path.glob(".incomplete-*[!k]")) - before):
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
            opened("imagenet", tmp_path)
        assert main(arguments) == 0
        assert not abandoned.exists() and held.is_dir()
    finally:
        for process in running:
            process.kill()
            process.wait()
    manifest = opened("imagenet", tmp_path).manifest
    assert manifest == opened("imagenet", prepared[0] / "data").manifest


def test_what_is_not_prepared_is_refused_with_the_command(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        open_prepared("cu_places365", "predecessor_c2_v1_s7", tmp_path)
    place = tmp_path / "cu_places365/predecessor_c2_v1_s7/1.0.0"
    assert str(error.value) == (
        f"cu_places365 must be prepared before it is read, and {place} is not there: run python -m "
        "cu_jax.data.prepare places365 --from DIR --split predecessor --seed 7 --classes 2 "
        f"--validation 1 --data-dir {tmp_path}."
    )


def test_a_changed_manifest_is_refused(prepared, tmp_path):
    folder, _ = prepared
    assert main(command("imagenet", folder / "from", tmp_path)) == 0
    path = tmp_path / "cu_imagenet/paper_c2_t3_v2/1.0.0/manifest.json"
    data = json.loads(path.read_text())
    data["splits"]["forget/train"].pop()
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="^A manifest must have the hash it names"):
        opened("imagenet", tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"manifest\.json is missing: remove that folder"):
        opened("imagenet", tmp_path)


def test_threads_may_share_the_files(prepared):
    files = opened("imagenet", prepared[0] / "data").files["retain/train"]
    order = [number % len(files) for number in range(400)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(files.__getitem__, order)) == [files[number] for number in order]


def test_tensorflow_is_never_imported(prepared, tmp_path):
    program = (
        "import json, sys\nfrom cu_jax.data import prepare\ncode = prepare.main(sys.argv[1:])\n"
        "banned = ('tensorflow', 'apache_beam')\n"
        "print(json.dumps([code, [name for name in banned if name in sys.modules]]))"
    )
    arguments = command("imagenet", prepared[0] / "from", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_help_says_what_to_put_where(capsys):
    for family, told in {
        "imagenet": ["ILSVRC2012_img_train.tar", "147,897,477,120", "val/n01440764", "3.7 GB"],
        "places365": ["train_256_places365standard.tar", "val_256.tar", "4,500 + 500", "7.2 GB"],
    }.items():
        with pytest.raises(SystemExit) as stop:
            main([family, "--help"])
        text = capsys.readouterr().out
        assert stop.value.code == 0 and all(part in text for part in told)
        assert max(map(len, text.splitlines())) <= 100


def test_a_full_disk_is_foretold(prepared, tmp_path, monkeypatch, capsys):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert main(command("imagenet", prepared[0] / "from", tmp_path)) == 2
    assert f"{tmp_path} must have room for 0.0 GB of pictures" in capsys.readouterr().err


def test_the_data_directory_defaults_to_the_environments(prepared, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CU_JAX_DATA", os.fspath(tmp_path))
    assert main(["imagenet", f"--from={prepared[0] / 'from'}", *COUNTS, "--seed=0"]) == 0
    assert "config.data.data_dir" not in capsys.readouterr().out
    assert (
        opened("imagenet", tmp_path).manifest == opened("imagenet", prepared[0] / "data").manifest
    )
