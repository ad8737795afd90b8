"""Pictures, lists of them, and data sets."""

import io
import os
import tarfile
from pathlib import Path

from faulty import MAIN, RUN, Case, both, pictures, run, write
from limits import obey_permissions

FOLDER = f"{MAIN} --config.data.folder=pictures --config.data.retain= --config.data.forget=cat"
PREPARE = "data.prepare imagenet --from=archives --data-dir=data"


def _spoilt():
    pictures()
    for index in range(3):
        write(f"pictures/cat/{index}.png", b"no picture")


def _archives(train):
    write("archives/ILSVRC2012_img_train.tar", train)
    write("archives/ILSVRC2012_img_val.tar", b"")


def tar(name, content=b"x", **facts):
    """A tar archive of one member."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        for key, value in facts.items():
            setattr(member, key, value)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _odd_name():
    pictures()
    os.rename(b"pictures/cat/0.png", b"pictures/cat/\xff.png")


def _locked():
    pictures()
    Path("pictures/cat").chmod(0)


CASES = (
    Case("no_folder", "misspelt the folder of pictures", FOLDER, "there is no folder pictures"),
    Case(
        "empty_folder",
        "gave a folder without pictures",
        FOLDER,
        "has none",
        lambda: Path("pictures").mkdir(),
    ),
    Case(
        "classes_folder",
        "gave the folder of one class",
        FOLDER.replace("=pictures", "=pictures/cat"),
        "forget",
        pictures,
    ),
    Case(
        "class",
        "named a class that there is not",
        FOLDER.replace("=cat", "=cta"),
        "did you mean 'cat'?",
        pictures,
    ),
    Case(
        "class_in_both",
        "put a class into both sets",
        f"{MAIN} --config.data.forget=3,5",
        "got 3 in both",
    ),
    Case(
        "no_class", "named nothing to forget", f"{MAIN} --config.data.forget=", "at least one class"
    ),
    Case(
        "all_classes",
        "asked to forget everything",
        FOLDER.replace("=cat", "=cat,dog"),
        "retain",
        pictures,
    ),
    Case(
        "few",
        "had fewer pictures than are kept for validation",
        FOLDER,
        "more than the 100",
        pictures,
    ),
    Case(
        "spoilt",
        "had damaged pictures",
        FOLDER + " --config.data.validation_per_class=2 --config.batch_size=2",
        "mend or remove",
        _spoilt,
    ),
    Case(
        "no_list",
        "misspelt the list of pictures to forget",
        FOLDER.replace("forget=cat", "forget= --config.data.forget_files=list.txt"),
        "list.txt cannot be read",
        pictures,
    ),
    Case(
        "list",
        "listed a picture that there is not",
        FOLDER.replace("forget=cat", "forget= --config.data.forget_files=list.txt"),
        "cat/99.png",
        both(pictures, lambda: write("list.txt", "cat/99.png\n")),
    ),
    Case(
        "list_and_classes",
        "gave both a list and classes",
        FOLDER + " --config.data.forget_files=list.txt",
        "got both",
        pictures,
    ),
    Case("odd_name", "had a picture whose name is no text", FOLDER, "must be UTF-8", _odd_name),
    Case(
        "locked",
        "had a folder of pictures that may not be read",
        FOLDER,
        "change its permissions",
        _locked,
        limit=obey_permissions,
    ),
    Case(
        "other_shape",
        "gave the digits to a model of colored pictures",
        f"{MAIN} --config.model.image_size=32 --config.classifier.weights=",
        "(28, 28, 1)",
    ),
    Case(
        "not_prepared",
        "ran with ImageNet before it was prepared",
        f"main --config=configs/mae_imagenet.py:base {RUN} --config.data.data_dir=data",
        "must be prepared",
    ),
    Case("no_archives", "prepared from a folder that there is not", PREPARE, "archives"),
    Case(
        "empty_archives",
        "prepared from a folder without archives",
        PREPARE,
        "ILSVRC2012_img_train.tar",
        lambda: Path("archives").mkdir(),
    ),
    Case(
        "no_tar",
        "prepared from a download that is a web page",
        PREPARE,
        "is not one",
        lambda: _archives(b"<html>" * 200),
    ),
    Case(
        "cut_tar",
        "prepared from a download that broke off",
        PREPARE,
        "cut short",
        lambda: _archives(tar("n01440764.tar", bytes(9000))[:4000]),
    ),
    Case(
        "data_dir_file",
        "gave a file for the folder for data",
        f"{MAIN} --config.data.data_dir=data",
        "data is not",
        lambda: write("data", "x"),
    ),
    Case(
        "restored_damage",
        "restored a damaged picture",
        f"restore {RUN} b.png --out=out",
        "is no picture",
        both(run, lambda: write("b.png", "<html>")),
    ),
)
