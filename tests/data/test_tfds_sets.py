"""Data sets that TFDS itself prepared, read as they are: stand-ins of their names and features."""

import hashlib
import io
import json
import os

import pytest
import tensorflow_datasets as tfds

from cu_jax.data.prepare import main
from cu_jax.data.published import tfds_sets
from cu_jax.data.published.class_lists import class_names, imagenet_validation
from cu_jax.data.published.prepared import open_prepared
from cu_jax.data.published.tfds_sets import open_tfds

SPLIT = "paper_c2_t3_v2"
COUNTS = ["--classes=2", "--train=3", "--validation=2"]


def builder_type(name_, named):
    """A builder with TFDS's name and features; records are shuffled as TFDS shuffles them."""
    text = {"imagenet2012": "file_name", "places365_small": "filename"}[name_]
    family = {"imagenet2012": "imagenet", "places365_small": "places365"}[name_]

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = name_
        VERSION = tfds.core.Version("5.1.0")
        records = {}

        def _info(self):
            features = {
                "image": tfds.features.Image(encoding_format="jpeg"),
                "label": tfds.features.ClassLabel(names=list(class_names(family))),
            }
            if named:
                features[text] = tfds.features.Text()
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in self.records}

        def _generate_examples(self, split):
            for file, label, data in self.records[split]:
                record = {"image": io.BytesIO(data), "label": label}
                yield file, record | ({text: file} if named else {})

    return Builder


def make(name, data_dir, records, named=True, **prepare):
    builder = builder_type(name, named)(data_dir=os.fspath(data_dir))
    builder.records = records
    builder.download_and_prepare(**({"file_format": "array_record"} | prepare))


def imagenet_records(files, tiny_archives):
    labels = {n: label for label, ns in imagenet_validation().items() for n in ns}
    records = {"train": [], "validation": []}
    for name, data in files.items():
        if data != tiny_archives.GARBAGE:
            part, *_, file = name.split("/")
            label = file.split("_")[0] if part == "train" else labels[int(file[-13:-5])]
            records["train" if part == "train" else "validation"].append((file, label, data))
    return records


def places_records(tiny_archives, pictures, **settings):
    files, classes = tiny_archives.places_files(pictures, **settings)
    records = {"train": [], "validation": []}
    for name, data in files.items():
        if data != tiny_archives.GARBAGE:
            part, _, rest = name.partition("/")
            prefix = {"train": "data_256", "val": "val_256"}[part]
            key = "train" if part == "train" else "validation"
            records[key].append((f"{prefix}/{rest}", classes[name], data))
    return records


@pytest.fixture(scope="module")
def imagenet(tiny_archives, small_pictures, tmp_path_factory):
    """TFDS's folder, and the manifest that the archives give."""
    folder = tmp_path_factory.mktemp("tfds")
    files = tiny_archives.imagenet_archives(folder / "from", small_pictures)
    make("imagenet2012", folder / "tfds", imagenet_records(files, tiny_archives))
    main(["imagenet", f"--from={folder / 'from'}", f"--data-dir={folder / 'data'}", *COUNTS])
    return folder / "tfds", open_prepared("cu_imagenet", SPLIT, folder / "data").manifest, files


def test_imagenet_gives_the_pictures_of_the_archives(imagenet):
    folder, manifest, files = imagenet
    collection = open_tfds("imagenet2012", SPLIT, folder)
    assert collection.manifest.hash == manifest.hash
    assert collection.class_names == class_names("imagenet") and collection.bad == ()
    for key, records in collection.manifest.splits.items():
        assert [files[record.id] for record in records] == list(collection.files[key])


def test_what_was_found_out_is_kept(imagenet, capsys, monkeypatch):
    folder, manifest, _ = imagenet
    open_tfds("imagenet2012", SPLIT, folder)
    capsys.readouterr()
    assert open_tfds("imagenet2012", SPLIT, folder).manifest.hash == manifest.hash
    assert capsys.readouterr().err == ""
    # Another split reads the chosen pictures, but not the labels again.
    open_tfds("imagenet2012", "paper_c1_t3_v2", folder)
    assert capsys.readouterr().err.startswith("Checking imagenet2012 (once): 10 of 10 pictures")
    kept = folder / f"cu_jax-imagenet2012-5.1.0-{SPLIT}.json"
    kept.write_text(kept.read_text()[:-10])
    assert open_tfds("imagenet2012", SPLIT, folder).manifest.hash == manifest.hash
    assert json.loads(kept.read_text())["found"][0]["hash"] == manifest.hash
    (folder / "cu_jax-imagenet2012-5.1.0-train.json").write_text('{"of": {}, "found": []}')
    kept.unlink()
    assert open_tfds("imagenet2012", SPLIT, folder).manifest.hash == manifest.hash
    said = capsys.readouterr().err
    assert "Reading the labels of imagenet2012/train (once): " in said
    assert "imagenet2012/validation" not in said


@pytest.mark.parametrize("split", ["paper", "predecessor"])
def test_places_with_file_names_give_the_pictures_of_the_archives(
    split, tiny_archives, small_pictures, tmp_path
):
    records = places_records(tiny_archives, small_pictures, split=split)
    make("places365_small", tmp_path / "tfds", records)
    tiny_archives.places_archives(tmp_path / "from", small_pictures, split=split)
    arguments = [f"--from={tmp_path / 'from'}", f"--data-dir={tmp_path}", f"--split={split}"]
    assert main(["places365", *arguments, *COUNTS]) == 0
    name = f"{split}_c2_t3_v2"
    collection = open_tfds("places365_small", name, tmp_path / "tfds")
    prepared = open_prepared("cu_places365", name, tmp_path)
    assert collection.manifest.hash == prepared.manifest.hash
    for key, files in prepared.files.items():
        assert list(collection.files[key]) == list(files)


def test_places_without_file_names_have_ids_by_position(tiny_archives, small_pictures, tmp_path):
    records = places_records(tiny_archives, small_pictures)
    make("places365_small", tmp_path, records, named=False)
    collection = open_tfds("places365_small", SPLIT, tmp_path)
    known = {hashlib.sha256(data).hexdigest(): label for _, label, data in records["train"]}
    ids = []
    for key, chosen in collection.manifest.splits.items():
        for record, data in zip(chosen, collection.files[key], strict=True):
            assert hashlib.sha256(data).hexdigest() == record.sha256
            assert known[record.sha256] == record.label
            assert record.id == f"train/{record.index:07d}"
            ids.append(record.id)
    assert len(ids) == len(set(ids)) == 20


def test_bad_pictures_are_left_out(imagenet, tiny_archives, tmp_path):
    _, manifest, files = imagenet
    victim = manifest.records("forget", "train")[0].id
    spoiled = files | {victim: b"spoiled"}
    make("imagenet2012", tmp_path, imagenet_records(spoiled, tiny_archives))
    collection = open_tfds("imagenet2012", SPLIT, tmp_path)
    ids = [record.id for record in collection.manifest.records("forget", "train")]
    assert ids == [record.id for record in manifest.records("forget", "train")][1:]
    assert [bad.name for bad in collection.bad] == [victim] and collection.bad[0].reason
    assert open_tfds("imagenet2012", SPLIT, tmp_path).bad == collection.bad


def test_a_folder_that_cannot_be_written_is_read_all_the_same(imagenet, monkeypatch, capsys):
    folder, manifest, _ = imagenet

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tfds_sets, "replacing", refuse)
    for path in folder.glob("cu_jax-*"):
        path.unlink()
    assert open_tfds("imagenet2012", SPLIT, folder).manifest.hash == manifest.hash
    assert "cannot be written ([Errno 13] Permission denied), so this is repeated." in (
        capsys.readouterr().err
    )
    assert list(folder.glob("cu_jax-*")) == []


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="^imagenet2012 must be prepared by TFDS, and .*"):
        open_tfds("imagenet2012", SPLIT, tmp_path)


def test_tfrecords_are_refused_with_what_to_do(imagenet, tmp_path):
    folder, _, _ = imagenet
    place = tmp_path / "imagenet2012" / "5.1.0"
    place.mkdir(parents=True)
    for path in (folder / "imagenet2012" / "5.1.0").glob("*.json"):
        text = path.read_text().replace("array_record", "tfrecord")
        (place / path.name).write_text(text)
    with pytest.raises(ValueError) as error:
        open_tfds("imagenet2012", SPLIT, tmp_path)
    assert str(error.value) == (
        f"imagenet2012 must be prepared as array_record, and {place} is tfrecord, which only "
        f"TensorFlow reads: where TensorFlow is installed, run tfds convert_format "
        f"--dataset_version_dir={place} --out_file_format=array_record, or prepare it with "
        "--file_format=array_record."
    )
