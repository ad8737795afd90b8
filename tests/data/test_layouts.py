"""Files of ImageNet-1K and Places365 that are not as they must be: one sentence each."""

import shutil
import tarfile

import pytest

from cu_jax.data.prepare import main

COUNTS = ["--classes=2", "--train=3", "--validation=2"]


@pytest.fixture(scope="module")
def good(tiny_archives, small_pictures, tmp_path_factory):
    """Folders of the four layouts, to be copied and spoiled."""
    folder = tmp_path_factory.mktemp("good")
    for split in ("paper", "predecessor"):
        tiny_archives.imagenet_archives(folder / f"imagenet_{split}", small_pictures, split=split)
        tiny_archives.places_archives(folder / f"places365_{split}", small_pictures, split=split)
    tiny_archives.imagenet_folders(folder / "imagenet_sorted", small_pictures)
    for layout in ("sorted", "flat"):
        where = folder / f"places365_{layout}"
        tiny_archives.places_folders(where, small_pictures, layout == "flat", split="predecessor")
    return folder


@pytest.fixture
def refused(good, tmp_path, capsys):
    """Spoils a copy, and returns what the command says of it."""

    def run(name, spoil, *more):
        folder = tmp_path / "from"
        shutil.copytree(good / name, folder)
        spoil(folder)
        family = name.partition("_")[0]
        code = main([family, f"--from={folder}", f"--data-dir={tmp_path / 'data'}", *COUNTS, *more])
        *progress, sentence, hint = capsys.readouterr().err.splitlines()
        assert code == 2 and hint.startswith("(--debug") and sentence.endswith(".")
        assert not any("Traceback" in line for line in progress)
        assert not list((tmp_path / "data").glob("*"))
        return sentence.replace(f"{folder}/", "").replace(str(folder), "FROM")

    return run


def remove(*names):
    def spoil(folder):
        for name in names:
            found = sorted(folder.glob(name))
            assert found
            shutil.rmtree(found[0]) if found[0].is_dir() else found[0].unlink()

    return spoil


def cut(name, keep):
    def spoil(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    return spoil


PREDECESSOR = "--split=predecessor"


@pytest.mark.parametrize(
    ("name", "spoil", "more", "told"),
    [
        (
            "imagenet_paper",
            remove("ILSVRC2012_img_train.tar"),
            [],
            "FROM must have ILSVRC2012_img_train.tar or the folder train, and has neither: python "
            "-m cu_jax.data.prepare imagenet --help says what goes where.",
        ),
        (
            "imagenet_paper",
            remove("ILSVRC2012_img_val.tar"),
            [],
            "FROM must have ILSVRC2012_img_val.tar or the folder val, and has neither: python -m "
            "cu_jax.data.prepare imagenet --help says what goes where.",
        ),
        (
            "imagenet_sorted",
            remove("train/n01630670"),
            [],
            "Class n01630670 must have a folder in train, and has none: complete the data.",
        ),
        (
            "imagenet_sorted",
            remove("train/n01630670/n01630670_[1-3].JPEG", "train/n01630670/n01630670_[1-4].JPEG",
                   "train/n01630670/n01630670_[1-5].JPEG"),
            [],
            "Class n01630670 must have at least 3 training pictures for the split paper_c2_t3_v2, "
            "got 2: complete the data, or ask for fewer.",
        ),
        (
            "imagenet_paper",
            lambda folder: None,
            ["--seed=1"],
            "Class n02097047 must have the archive n02097047.tar in ILSVRC2012_img_train.tar, and "
            "has none: get that file anew.",
        ),
        ("imagenet_paper", cut("ILSVRC2012_img_train.tar", 0.5), [], "is cut short"),
        ("imagenet_paper", cut("ILSVRC2012_img_val.tar", 0.3), [], "is cut short"),
        ("imagenet_paper", cut("ILSVRC2012_img_val.tar", 0), [], "is not one"),
        (
            "places365_paper",
            remove("filelist_places365-standard.tar"),
            [],
            "train_256_places365standard.tar must come with the list of its pictures, and FROM has "
            "neither filelist_places365-standard.tar nor its text files: put them there.",
        ),
        (
            "places365_paper",
            remove("train_256_places365standard.tar"),
            [],
            "FROM must have train_256_places365standard.tar or a folder train_256 or data_256 or "
            "data_256_standard or train, and has none: python -m cu_jax.data.prepare places365 "
            "--help says what goes where.",
        ),
        (
            "places365_predecessor",
            remove("val_256.tar"),
            [PREDECESSOR],
            "FROM must have val_256.tar or a folder val_256 or val, and has none: python -m "
            "cu_jax.data.prepare places365 --help says what goes where.",
        ),
        ("places365_predecessor", cut("val_256.tar", 0.2), [PREDECESSOR], "is cut short"),
        (
            "places365_paper",
            lambda folder: None,
            [PREDECESSOR],
            "must have at least 1 training pictures for the split predecessor_c2_t3_v2, got 0",
        ),
        (
            "places365_paper",
            lambda folder: None,
            ["--classes=5"],
            "The split paper_c5_t3_v2 of places365 must have 10 classes with at least 5 training "
            "pictures, got 4: complete the data, or lower the numbers of classes or pictures.",
        ),
        (
            "places365_flat",
            remove("places365_val.txt"),
            [PREDECESSOR],
            "val_256, unsorted, must come with the list of its pictures, and FROM has neither "
            "filelist_places365-standard.tar nor its text files: put them there.",
        ),
        (
            "places365_sorted",
            remove("train_256/p/parking_garage/indoor"),
            [PREDECESSOR],
            "Class parking_garage/indoor must have the folder p/parking_garage/indoor in "
            "train_256, and has none: complete the data.",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_or_damaged_is_said(refused, name, spoil, more, told):
    sentence = refused(name, spoil, *more)
    assert told in sentence if len(told) < 100 else sentence == told


def test_no_folder(tmp_path, capsys):
    assert main(["imagenet", f"--from={tmp_path / 'x'}", f"--data-dir={tmp_path}"]) == 2
    assert capsys.readouterr().err.startswith(
        f"The data set's files must be in a folder, and {tmp_path / 'x'} is none: correct --from.\n"
    )


def test_a_picture_of_the_list_that_is_not_there(refused, tiny_archives):
    def spoil(folder):
        path = folder / "train_256_places365standard.tar"
        with tarfile.open(path) as archive:
            names = [member.name for member in archive]
            kept = {n: archive.extractfile(n).read() for n in names if "forest_road" not in n}
        path.write_bytes(tiny_archives.tar_bytes(kept))

    sentence = refused("places365_paper", spoil)
    assert sentence.startswith(
        "train_256_places365standard.tar must have all pictures that "
        "filelist_places365-standard.tar names, and data_256/f/forest_road/0000000"
    )
    assert sentence.endswith(".jpg is not in it (nor are 4 more): get it anew.")


def test_a_link_in_a_class_archive_is_refused(refused, tiny_archives):
    def spoil(folder):
        member = tarfile.TarInfo("n01630670_9.JPEG")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        inner = tiny_archives.tar_bytes({"n01630670_9.JPEG": member})
        packed = tiny_archives.tar_bytes({"n01630670.tar": inner})
        (folder / "ILSVRC2012_img_train.tar").write_bytes(packed)

    assert refused("imagenet_paper", spoil) == (
        "An archive must hold plain files in folders of its own, and ILSVRC2012_img_train.tar has "
        "the member 'n01630670_9.JPEG', which is a link: get it anew from the place that publishes "
        "it."
    )


@pytest.mark.parametrize(
    "line", ["/a/airfield/0000000x.jpg 0", "/a/airfield/00000001.jpg 365", "x"]
)
def test_a_list_with_another_line_is_refused(refused, line):
    def spoil(folder):
        path = folder / "places365_train_standard.txt"
        path.write_text(path.read_text() + f"{line}\n")

    sentence = refused("places365_flat", spoil, PREDECESSOR)
    assert "must have lines such as '/a/airfield/00000001.jpg 0', got" in sentence
    assert line in sentence
