"""Prepares ImageNet-1K or Places365 for experiments: ``python -m cu_jax.data.prepare --help``."""

import argparse
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from cu_jax.data.collection import Collection
from cu_jax.data.preparation import (
    default_data_dir,
    make_data_dir,
    prepare,
    remove_unfinished,
)
from cu_jax.data.published.builders import BAD_PICTURES_FILE, MANIFEST_FILE, SplitConfig
from cu_jax.data.published.imagenet_files import find_imagenet
from cu_jax.data.published.places_files import find_places
from cu_jax.data.published.prepared import BUILDERS, open_prepared, prepared_folder
from cu_jax.data.published.splits import SPLIT_NAMES, NamedSplit
from cu_jax.refusals import quiet_libraries, run_command

_DESCRIPTION = """\
Reads the pictures of an experiment out of ImageNet-1K or Places365 and writes them, byte for byte,
as a TFDS data set. Nothing is downloaded and nothing is unpacked.

  python -m cu_jax.data.prepare imagenet --from ILSVRC2012 --split paper
"""
_SPLITS = """\
splits:
  paper              {paper}
  predecessor        {predecessor}
  predecessor_proxy  {proxy}
  --seed, --classes, --train and --validation make other splits, whose names say so: paper_s3,
  paper_c2_t4_v2_s3. Choices are made by hashes of names: the same files give the same split on
  every machine, from archives and from class folders.

what is written: --data-dir (default: $CU_JAX_DATA, or cu_jax/data in your cache) gets the folder
  {dataset}/SPLIT/1.0.0 with the pictures as array_record files
  ({sizes}),
  manifest.json (id, class and SHA-256 of every picture) and bad_pictures.json (those left out).
"""
_IMAGENET = """\
what to put into DIR, as registered users get it at https://image-net.org/download-images:
  ILSVRC2012_img_train.tar  147,897,477,120 bytes, a tar of 1,000 tars
  ILSVRC2012_img_val.tar      6,744,924,160 bytes, 50,000 pictures
or class folders instead of one archive or of both:
  train/n01440764/n01440764_10026.JPEG ...
  val/n01440764/ILSVRC2012_val_00000293.JPEG ..., or all directly in val/
The labels of the validation pictures come with TFDS.

""" + _SPLITS.format(
    dataset="cu_imagenet",
    paper="100 classes to forget and 100 to retain, chosen by --seed; 100 training\n"
    "                     pictures of each class and its 50 validation pictures",
    predecessor="the predecessor's fixed 100 + 100 classes, 120 + 50 pictures of each",
    proxy="the same, but 15 pictures of each of the 800 other classes take the\n"
    "                     place of the training pictures to retain",
    sizes="3.7 GB for paper, 4.1 GB for the others",
)
_PLACES = """\
what to put into DIR, from http://places2.csail.mit.edu/download.html (Places365-Standard, small
images, 256 x 256):
  train_256_places365standard.tar      26,103,685,120 bytes
  val_256.tar                             525,158,400 bytes (not for --split paper)
  filelist_places365-standard.tar          67,498,496 bytes, or the text files in it
or class folders instead of the archives; the file list can then be left out, unless val_256 is
unsorted:
  train_256/a/airfield/00000001.jpg ... (also named data_256, data_256_standard or train)
  val_256/a/airfield/Places365_val_00000435.jpg ... (also named val), or all directly in val_256/

""" + _SPLITS.format(
    dataset="cu_places365",
    paper="50 classes to forget and 50 to retain, chosen by --seed among those with 5,000\n"
    "                     training pictures, which are split into 4,500 + 500 (the paper states\n"
    "                     5,000 + 500, which Places365-Standard does not have)",
    predecessor="the predecessor's fixed 50 + 50 classes, at most 5,000 training\n"
    "                     pictures of each and its 100 validation pictures",
    proxy="200 training pictures of each class to forget; 200 of each of the 265\n"
    "                     other classes take the place of those to retain",
    sizes="7.2 GB for paper, 7.4 GB for predecessor, 1.1 GB for predecessor_proxy",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: those of the command line, without the program's name; None: this process's.

    Returns:
        The exit code: 0; 2 for wrong input, after one sentence; 130 if the user breaks it off.

    Example:
        >>> main(["imagenet", "--from", "no/such/folder"])
        2
    """
    args = _parser().parse_args(arguments)
    return run_command(lambda: _prepare(args), debug=args.debug)


def prepare_split(dataset: str, split: NamedSplit, originals: Path, data_dir: Path) -> Collection:
    """Prepares a named split, if it isn't yet, and opens it.

    Args:
        dataset: ``cu_imagenet`` or ``cu_places365``.
        split: which pictures.
        originals: folder of the data set's archives or class folders.
        data_dir: folder of all prepared data sets.

    Returns:
        The pictures.

    Raises:
        FileNotFoundError: if a file of the data set is missing.
        ValueError: if one is damaged, or a class has too few pictures.
        OSError: if the disk has too little room.
    """
    if not prepared_folder(dataset, split.name, data_dir).is_dir():
        find = {"imagenet": find_imagenet, "places365": find_places}[split.family]
        found = find(originals, split)
        make_data_dir(data_dir)
        _check_room(sum(max(one.size, 0) for ones in found.values() for one in ones), data_dir)
        config = SplitConfig(
            name=split.name, description=f"The split {split.name}.", originals=found
        )
        prepare(BUILDERS[dataset], data_dir, config)
    else:
        remove_unfinished(dataset, data_dir)
    return open_prepared(dataset, split.name, data_dir)


def _prepare(args: argparse.Namespace) -> None:
    dataset = f"cu_{args.family}"
    split = NamedSplit(
        args.family, args.split, args.seed, args.classes, args.train, args.validation
    )
    data_dir = args.data_dir or default_data_dir()
    folder = prepared_folder(dataset, split.name, data_dir)
    there = folder.is_dir()
    opened = prepare_split(dataset, split, args.originals, data_dir)
    counts = ", ".join(f"{len(opened.files[key]):,} {key}" for key in sorted(opened.files))
    print(f"{'Already prepared' if there else 'Prepared'} in {folder}: {counts} pictures.")
    if opened.bad:
        first = opened.bad[0]
        print(
            f"Left out: {len(opened.bad)} (the first: {first.name}, which {first.reason}; all are "
            f"in {folder / BAD_PICTURES_FILE})."
        )
    print(f"The manifest ({folder / MANIFEST_FILE}) has the hash {opened.manifest.hash}.")
    print(f"Next: set {_settings(dataset, split, args.data_dir)} in an experiment's config.")


def _settings(dataset: str, split: NamedSplit, data_dir: Path | None) -> str:
    settings = {
        "name": dataset,
        "split": split.split,
        "split_seed": split.seed or None,
        "classes_per_set": split.classes_per_set,
        "train_per_class": split.train_per_class,
        "validation_per_class": split.validation_per_class,
        "data_dir": data_dir,
    }
    return " ".join(
        shlex.quote(f"--config.data.{name}={value}")
        for name, value in settings.items()
        if value is not None
    )


def _check_room(needed: int, data_dir: Path) -> None:
    free = shutil.disk_usage(data_dir).free
    if needed > free:
        raise ValueError(
            f"{data_dir} must have room for {needed / 1e9:.1f} GB of pictures, and has "
            f"{free / 1e9:.1f} GB: free some, or name another folder with --data-dir."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cu_jax.data.prepare",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, dest="family", metavar="{imagenet,places365}")
    for family, about in (("imagenet", _IMAGENET), ("places365", _PLACES)):
        command = commands.add_parser(
            family,
            help=f"{family} --help says what to put where, and what is written",
            epilog=about,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        add = command.add_argument
        add("--from", required=True, type=Path, metavar="DIR", dest="originals", help="see below")
        add("--split", default="paper", choices=SPLIT_NAMES, help="see below (default: paper)")
        add("--seed", default=0, type=int, metavar="N", help="another one chooses others")
        add("--classes", type=int, metavar="N", help="classes in each set")
        add("--train", type=int, metavar="N", help="training pictures of each class")
        add("--validation", type=int, metavar="N", help="validation pictures of each class")
        add("--data-dir", type=Path, metavar="DIR", help="folder of all prepared data sets")
        add("--debug", action="store_true", help="show the traceback of a refusal")
    return parser


if __name__ == "__main__":
    quiet_libraries()
    sys.exit(main())
