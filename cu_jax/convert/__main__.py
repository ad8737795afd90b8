"""Published weights in and out: ``python -m cu_jax.convert --help``."""

import argparse
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.kinds import KINDS
from cu_jax.refusals import quiet_libraries, run_command

_DESCRIPTION = """\
Brings published PyTorch weights in, and takes a run's solutions out as published.

  python -m cu_jax.convert import mae mae_visualize_vit_large.pth imported/mae_large
  python -m cu_jax.convert import mage mage-vitb-1600.pth imported/mage_base
  python -m cu_jax.convert import palette 16_Network.pth imported/palette
  python -m cu_jax.convert import vqgan vqgan_jax_strongaug.ckpt imported/vqgan
  python -m cu_jax.convert import inception pt_inception-2015-12-05-6726825d.pth imported/inception
  python -m cu_jax.convert import clip CLIP-ViT-H-14-laion2B-s32B-b79K imported/clip
  python -m cu_jax.convert import efficientnetlite0 imported/efficientnetlite0
  python -m cu_jax.convert export mae runs/mae_imagenet --solution control_0.25 unlearned.pth
"""
_EPILOG = """\
.pth, .pt, .ckpt and .bin files go through PyTorch (pip install "cu-jax[convert]"), .safetensors do
not. Nothing in a file is ever run.
"""
_FILE = ".pth, .pt, .ckpt or .safetensors file"
_SILENT_BEFORE = 2.0  # Seconds: shorter work is over before a reader has read the line.


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: those of the command line, without the program's name; None: this process's.

    Returns:
        The exit code: 0; 2 for wrong input, after one sentence; 130 if the user breaks it off.

    Example:
        >>> main(["export", "mae", "no/such/run", "--solution=complete", "unlearned.safetensors"])
        2
    """
    args = _parser().parse_args(arguments)

    def command() -> None:
        find = KINDS[args.kind].installed
        if args.source is None and find is not None:  # else the parser wants a source
            args.source = find()
        with _told_if_slow(f"{args.doing} {args.source} ..."):
            done: Exchanged = args.work(args)
        for note in done.notes:
            print(f"Note: {note}", file=sys.stderr)
        print(f"{args.done} {done.model} in {args.target}.")

    return run_command(command, debug=args.debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cu_jax.convert",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="{import,export}")
    importing = commands.add_parser("import", help="read published weights", allow_abbrev=False)
    importing.description = (
        "Reads published weights and writes a folder that a config may name; that of a whole model "
        "is what cu_jax.restore takes as --workdir."
    )
    for name, add in _kinds(importing, list(KINDS)):
        kind = KINDS[name]
        given = {"nargs": "?"} if kind.installed else {}
        add("source", metavar="SRC", type=Path, help=kind.takes or f"a {_FILE}", **given)
        add("target", metavar="DIR", type=Path, help="a folder, new or empty")
        _add_options(add, KINDS[name].import_options, "write over an earlier import")
    importing.set_defaults(doing="Reading", done="Imported", work=_import)

    exporting = commands.add_parser("export", help="write a solution", allow_abbrev=False)
    exporting.description = (
        "Writes a solution of a run with the keys, shapes and dtypes of the published weights."
    )
    leaving = [name for name, kind in KINDS.items() if kind.send is not None]
    for name, add in _kinds(exporting, leaving):
        add("source", metavar="WORKDIR", type=Path, help="the folder of a run, or of an import")
        add("target", metavar="DST", type=Path, help=f"a {_FILE}, new")
        add("--solution", required=True, metavar="NAME", help="its folder in WORKDIR/solutions")
        _add_options(add, KINDS[name].export_options, "write over DST")
    exporting.set_defaults(doing="Exporting from", done="Exported", work=_export)
    return parser


def _kinds(
    parser: argparse.ArgumentParser, names: Sequence[str]
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """A parser for each kind: its name, and how arguments are added to it."""
    parsers = parser.add_subparsers(required=True, dest="kind", metavar="{" + ",".join(names) + "}")
    for name in names:
        known = KINDS[name].about
        about = f"{parser.description} The kind {name} is {known}."
        child = parsers.add_parser(name, help=known, description=about, allow_abbrev=False)
        yield name, child.add_argument


def _add_options(add: Callable[..., Any], names: Sequence[str], force: str) -> None:
    for name in names:
        add(f"--{name.replace('_', '-')}", **_OPTIONS[name])
    add("--force", action="store_true", help=force)
    add("--debug", action="store_true", help="show the traceback of a refusal")


def _import(args: argparse.Namespace) -> Exchanged:
    kind = KINDS[args.kind]
    options = {name: getattr(args, name) for name in kind.import_options}
    return kind.bring(args.source, args.target, force=args.force, **options)


def _export(args: argparse.Namespace) -> Exchanged:
    kind = KINDS[args.kind]
    if kind.send is None:  # the parser knows of no such kind
        raise ValueError(f"A kind must be one that can be exported, got {args.kind}.")
    options = {name: getattr(args, name) for name in kind.export_options}
    return kind.send(args.source, args.solution, args.target, force=args.force, **options)


def _two_numbers(text: str) -> tuple[int, int]:
    try:
        encoder, decoder = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be two numbers such as 12,16, got {text!r}"
        ) from None
    return encoder, decoder


_OPTIONS: Mapping[str, dict[str, Any]] = {
    "heads": {
        "metavar": "ENCODER,DECODER",
        "type": _two_numbers,
        "help": "attention heads of a model of no published size",
    },
    "norm_pix": {
        "action": "store_true",
        "help": "take a model that predicts normalized patches",
    },
    "tie_head": {
        "action": "store_true",
        "help": "one tensor of word embeddings for encoder and head, the encoder's, as published",
    },
}


@contextlib.contextmanager
def _told_if_slow(text: str) -> Iterator[None]:
    timer = threading.Timer(_SILENT_BEFORE, print, [text], {"file": sys.stderr, "flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


if __name__ == "__main__":
    quiet_libraries()
    sys.exit(main())
