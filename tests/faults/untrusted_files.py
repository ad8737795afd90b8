"""Files that somebody made to harm: each is refused, runs nothing and writes nothing elsewhere."""

import json
import struct
import zlib
from pathlib import Path

from faulty import MAIN, RESTORE, RUN, Case, both, pictures, results, run, write
from wrong_data import FOLDER, PREPARE, tar

SPARSE = 3 * 2**30  # The size of a file of zeros that takes no room.
DEEP = "[" * 200_000


def _sparse(name):
    def prepare():
        with Path(name).open("wb") as file:
            file.truncate(SPARSE)

    return prepare


def _large(name):
    return both(run, _sparse(name))


def _deep(name):
    return both(run, lambda: write(name, DEEP))


def _model(**changes):
    def prepare():
        path = run() / "solutions" / "original" / "model.json"
        data = json.loads(path.read_text())
        data["model"].update(changes)
        path.write_text(json.dumps(data))

    return prepare


def _bomb(name):
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    write(name, b"\x89PNG\r\n\x1a\n" + parts)


def _header(length, text=b"{}"):
    return lambda: write("own.safetensors", struct.pack("<Q", length) + text)


def _overlong():
    told = json.dumps({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}})
    _header(len(told), told.encode())()


def _settings(**changes):
    """A run whose settings were changed by somebody else."""
    return lambda: run(**changes)


def _link(name):
    def prepare():
        run()
        Path("elsewhere").mkdir()
        Path(name).rename("elsewhere/moved")
        Path(name).symlink_to(Path("elsewhere/moved").absolute())

    return prepare


def _inner(name, **facts):
    def prepare():
        write("archives/ILSVRC2012_img_train.tar", tar(name, **facts))
        write("archives/ILSVRC2012_img_val.tar", b"")

    return prepare


WEIGHTS = f"{MAIN} --config.pretrain.weights=own.safetensors"
CASES = (
    Case(
        "config_large", "a config.json of 3 GB", "audit run", "at most", _large("run/config.json")
    ),
    Case(
        "config_deep",
        "a config.json of brackets in brackets",
        "audit run",
        "config.json",
        _deep("run/config.json"),
    ),
    Case(
        "model_large",
        "a model.json of 3 GB",
        RESTORE,
        "at most",
        _large("run/solutions/original/model.json"),
    ),
    Case(
        "model_deep",
        "a model.json of brackets in brackets",
        RESTORE,
        "model.json",
        _deep("run/solutions/original/model.json"),
    ),
    Case(
        "model_endless",
        "a model.json with a billion layers",
        RESTORE,
        "encoder_depth",
        _model(encoder_depth=10**9),
    ),
    Case(
        "model_huge",
        "a model.json with a picture of a terapixel",
        RESTORE,
        "image_size",
        _model(image_size=2**20, patch_size=1),
    ),
    Case(
        "record_large",
        "a stage's record of 3 GB",
        MAIN,
        "at most",
        _large("run/stages/complete.json"),
    ),
    Case(
        "results_large",
        "a results.json of 3 GB",
        "report run",
        "at most",
        _large("run/results.json"),
    ),
    Case(
        "results_deep",
        "a results.json of brackets in brackets",
        "report run",
        "results.json",
        _deep("run/results.json"),
    ),
    Case(
        "results_path",
        "a solution called ../../elsewhere in results.json",
        "report run",
        "must match",
        both(run, lambda: write("run/results.json", results(name="../../elsewhere"))),
    ),
    Case(
        "comparison_large",
        "a comparison.json of 3 GB",
        "report run",
        "at most",
        _large("run/comparison.json"),
    ),
    Case(
        "solution_path",
        "a solution asked for by a path",
        f"{RESTORE} --solution=../../other",
        "must be one that the run has",
        run,
    ),
    Case(
        "export_path",
        "a solution to export asked for by a path",
        "convert export mae run --solution=../../other own.safetensors",
        "../../other",
        run,
    ),
    Case(
        "data_dir",
        "a config.json that names a folder to write data to",
        "audit run",
        "elsewhere",
        _settings(**{"data.data_dir": "elsewhere"}),
    ),
    Case(
        "link",
        "a solution's folder that is a link out of the workdir",
        "audit run",
        "link",
        _link("run/solutions/original"),
    ),
    Case(
        "stages_link",
        "a folder of stages that is a link out of the workdir",
        MAIN,
        "link",
        _link("run/stages"),
    ),
    Case(
        "weights_header",
        "weights that announce a header of 2^60 bytes",
        WEIGHTS,
        "must be a whole safetensors file",
        _header(2**60),
    ),
    Case(
        "weights_size",
        "weights that announce an array of 4 TB",
        WEIGHTS,
        "must be a whole safetensors file",
        _overlong,
    ),
    Case(
        "picture_bomb",
        "a small PNG that announces 3.6 billion pixels",
        f"restore {RUN} b.png --out=out",
        "million pixels",
        both(run, lambda: _bomb("b.png")),
    ),
    Case(
        "folder_bomb",
        "the same among the pictures to forget",
        f"{FOLDER} --config.data.validation_per_class=2 --config.batch_size=2",
        "million pixels",
        both(pictures, lambda: _bomb("pictures/cat/0.png")),
    ),
    Case(
        "archive_path",
        "an archive with the member ../../elsewhere",
        PREPARE,
        "lies outside",
        _inner("../../elsewhere"),
    ),
    Case(
        "archive_link",
        "an archive with a link",
        PREPARE,
        "is a link",
        _inner("n01440764.tar", type=b"2", linkname="/etc/passwd"),
    ),
    Case(
        "archive_device",
        "an archive with a device",
        PREPARE,
        "is no plain file",
        _inner("n01440764.tar", type=b"3"),
    ),
    Case(
        "list_large",
        "a list of pictures of 3 GB",
        FOLDER.replace("forget=cat", "forget= --config.data.forget_files=list.txt"),
        "at most",
        both(pictures, _sparse("list.txt")),
    ),
)
