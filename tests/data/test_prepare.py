"""python -m cu_jax.data.prepare: from archives and class folders to pictures byte for byte."""

import concurrent.futures
import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from cu_jax.data.prepare import main

SPLITS = ["paper", "predecessor", "predecessor_proxy"]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", ["imagenet", "places365"])
def test_archives_and_folders_give_the_same_pictures(preparing, family, split, layouts, tmp_path):
    manifests = []
    for layout in ("archives", "sorted", "flat"):
        files = layouts(family, layout, tmp_path / layout, split=split)
        data_dir = tmp_path / f"data_{layout}"
        assert main(preparing.command(family, tmp_path / layout, data_dir, f"--split={split}")) == 0
        collection = preparing.opened(family, data_dir, split)
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


def test_a_second_preparation_is_the_same_to_the_byte(preparing, prepared, tmp_path):
    folder, _ = prepared
    assert main(preparing.command("imagenet", folder / "from", tmp_path)) == 0
    assert (
        preparing.opened("imagenet", tmp_path).manifest
        == preparing.opened("imagenet", folder / "data").manifest
    )
    places = [where / "cu_imagenet/paper_c2_t3_v2/1.0.0" for where in (folder / "data", tmp_path)]
    first, second = ({path.name: path.read_bytes() for path in p.iterdir()} for p in places)
    assert first == second and {"manifest.json", "bad_pictures.json"} < first.keys()


def test_preparing_again_says_so_and_reads_nothing(preparing, prepared, capsys):
    folder, _ = prepared
    capsys.readouterr()
    assert main(preparing.command("imagenet", "no/such/folder", folder / "data")) == 0
    out, err = capsys.readouterr()
    manifest = preparing.opened("imagenet", folder / "data").manifest
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


def test_progress_is_one_line_a_step(preparing, layouts, tmp_path, capfd):
    layouts("places365", "archives", tmp_path / "from")
    assert main(preparing.command("places365", tmp_path / "from", tmp_path / "data")) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Prepared in ") and out.count("\n") == 3
    assert [line.partition(":")[0] for line in err.splitlines()] == [
        "Reading places365_train_standard.txt",
        "Listing pictures",
        "Looking through train_256_places365standard.tar",
        "Preparing cu_places365",
    ]
    assert "Preparing cu_places365: 20 of 20 pictures, done in " in err


def test_a_folder_for_data_with_a_space_is_quoted(preparing, prepared, tmp_path, capsys):
    place = tmp_path / "my data"
    shutil.copytree(prepared[0] / "data", place)
    assert main(preparing.command("imagenet", "no/such/folder", place)) == 0
    assert f" '--config.data.data_dir={place}' in an" in capsys.readouterr().out


def test_threads_may_share_the_files(preparing, prepared):
    files = preparing.opened("imagenet", prepared[0] / "data").files["retain/train"]
    order = [number % len(files) for number in range(400)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(files.__getitem__, order)) == [files[number] for number in order]


def test_tensorflow_is_never_imported(preparing, prepared, tmp_path):
    program = (
        "import json, sys\nfrom cu_jax.data import prepare\ncode = prepare.main(sys.argv[1:])\n"
        "banned = ('tensorflow', 'apache_beam')\n"
        "print(json.dumps([code, [name for name in banned if name in sys.modules]]))"
    )
    arguments = preparing.command("imagenet", prepared[0] / "from", tmp_path)
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


def test_the_data_directory_defaults_to_the_environments(
    preparing, prepared, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("CU_JAX_DATA", os.fspath(tmp_path))
    assert main(["imagenet", f"--from={prepared[0] / 'from'}", *preparing.COUNTS, "--seed=0"]) == 0
    assert "config.data.data_dir" not in capsys.readouterr().out
    assert (
        preparing.opened("imagenet", tmp_path).manifest
        == preparing.opened("imagenet", prepared[0] / "data").manifest
    )
