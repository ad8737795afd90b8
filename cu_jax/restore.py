"""Restores a user's own pictures with a run's solutions: ``python -m cu_jax.restore --help``."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from cu_jax import bounded, restoring
from cu_jax.holes import parse_hole
from cu_jax.models import Model
from cu_jax.refusals import run_command
from cu_jax.restoring import Hole
from cu_jax.solutions import load_solution
from cu_jax.startup import start_jax

_DESCRIPTION = """\
Removes a part of your pictures, and lets a solution of a run, or the original model, restore it.

  python -m cu_jax.restore --workdir=runs/mae_mnist --solution=original,control_0.25 \\
      photos/ seven.jpg --out=restored --hole=center:0.5 --side-by-side
"""
_EPILOG = """\
A model sees a square of a fixed size, for example 28 x 28 pixels in gray: it is shown the largest
centered square of your picture, resized. What it restores is resized back and pasted into the hole,
so a small model restores coarsely. Outside the hole your pixels stay as they are, bit for bit, and
the picture keeps its size. Results are PNG files; your own files are only read.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: those of the command line, without the program's name; None: this process's.

    Returns:
        The exit code: 0; 2 for wrong input, after one sentence; 130 if the user breaks it off.

    Example:
        >>> main(["--workdir=no/such/run", "--out=restored", "no_such_picture.png"])
        2
    """
    args = _parser().parse_intermixed_args(arguments)
    stopped = f"Stopped. Every picture in {args.out} is whole; --force writes over those there."
    return run_command(lambda: _restore(args), debug=args.debug, stopped=stopped)


def _restore(args: argparse.Namespace) -> None:
    job, outputs = _checked(args)
    for note, paths in job.notes.items():
        _say(f"{_few(paths)}: {note}.")
    height, width, channels = job.model.image_shape
    _say(
        f"Removing {job.hole.text}; the model sees {height} x {width} pixels "
        f"{'in gray' if channels == 1 else 'in RGB'}."
    )
    restoring.restore_files(
        job,
        outputs,
        panels=args.side_by_side,
        batch_size=args.batch_size,
        force=args.force,
    )
    _say(f"Written: {_few([path for paths in outputs for path in paths])}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cu_jax.restore",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURES", help="files, or folders of them")
    add("--workdir", required=True, type=Path, help="the folder of a run")
    add("--out", required=True, type=Path, help="folder for NAME.png of each picture; made if new")
    add(
        "--solution",
        default="original",
        metavar="NAME[,NAME...]",
        help="the folder's name in WORKDIR/solutions (default: original); several give "
        "NAME.SOLUTION.png each, or one panel each side by side",
    )
    holes = parser.add_mutually_exclusive_group()
    holes.add_argument(
        "--hole",
        metavar="TEXT",
        help="remove center:SHARE, a centered square with this share of the side; center:PIXELS, "
        "the same in the model's pixels; outpaint:SHARE, as --outpaint; or random:SHARE of the "
        "model's patches (default: the hole that the run was evaluated with, or else center:0.5)",
    )
    holes.add_argument(
        "--outpaint",
        type=float,
        metavar="SHARE",
        help="remove a frame that takes this share of the side: 0.25 takes an eighth at each edge",
    )
    holes.add_argument(
        "--mask",
        type=Path,
        metavar="FILE",
        help="remove what is white in this picture, which is stretched over each of yours",
    )
    add(
        "--side-by-side",
        action="store_true",
        help="write the picture, the picture with its hole, and the restored ones in one row",
    )
    add(
        "--steps",
        type=int,
        metavar="N",
        help="of models that restore step by step (MAGE, Palette): fewer are faster (default: the "
        "run's)",
    )
    add("--batch-size", type=int, default=32, metavar="N", help="pictures at once (default: 32)")
    add("--force", action="store_true", help="write over files in OUT, though never over yours")
    add("--debug", action="store_true", help="show the traceback of a refusal")
    return parser


def _checked(args: argparse.Namespace) -> tuple[restoring.Job, list[list[Path]]]:
    """Refuses all that can be refused before anything is compiled or written."""
    if args.batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {args.batch_size}.")
    pictures, others = restoring.find_pictures(args.pictures)
    if others:
        _say(f"Left out, no pictures by their ending: {_few(others)}.")
    start_jax()
    names = list(dict.fromkeys(args.solution.split(",")))
    loaded = {name: load_solution(args.workdir, name) for name in names}
    model = loaded[names[0]][0]
    if any(other != model for other, _ in loaded.values()):
        raise ValueError(
            f"Solutions given together must have one model, and those of {', '.join(names)} "
            "differ: give one at a time."
        )
    if args.steps is not None:
        model = _with_steps(model, args.steps)
    height, width, channels = model.image_shape
    if height != width or channels not in (1, 3):
        raise ValueError(
            "A model must take square pictures in gray or RGB to restore files, and this one takes "
            f"{height} x {width} pixels of {channels} channels: use cu_jax.load_solution."
        )
    hole = _hole(args, model)
    endings = [f".{name}" for name in names] if len(names) > 1 and not args.side_by_side else [""]
    outputs = restoring.output_paths(args.out, pictures, endings)
    inputs = pictures + ([args.mask] if args.mask else [])
    restoring.check_outputs([path for paths in outputs for path in paths], inputs, args.force)
    params = {name: params for name, (_, params) in loaded.items()}
    job = restoring.inspected(model, params, hole, pictures)
    restoring.make_folder(args.out)
    return job, outputs


def _with_steps(model: Model, steps: int) -> Model:
    if not hasattr(model, "steps"):
        raise ValueError(
            "--steps is for models that restore step by step, and the run's restores in one: leave "
            "it out."
        )
    try:
        return dataclasses.replace(cast(Any, model), steps=steps)
    except ValueError as error:
        raise ValueError(str(error).replace("config.model.steps", "--steps")) from None


def _hole(args: argparse.Namespace, model: Model) -> Hole:
    size = model.image_shape[0]
    if args.mask is not None:
        try:
            image = restoring.read_picture(args.mask).image
        except ValueError as error:
            raise ValueError(f"A mask must be a readable picture, but {error}.") from error
        return restoring.drawn(image, str(args.mask))
    if args.outpaint is not None:
        return restoring.outpainting(args.outpaint, size)
    if args.hole is not None:
        return restoring.named(parse_hole(args.hole, size, model.patch_size, "--hole"))
    return _evaluated(args.workdir, model)


def _evaluated(workdir: Path, model: Model) -> Hole:
    """The main hole of the run's own evaluation; half of the side if it does not say."""
    size = model.image_shape[0]
    try:
        evaluation = bounded.read_json(workdir / "config.json")["config"]["evaluation"]
        # Runs of version 0.1 say `hole`, in pixels.
        given = evaluation["holes"][0] if "holes" in evaluation else f"center:{evaluation['hole']}"
        return restoring.named(parse_hole(given, size, model.patch_size, "config.json"))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return restoring.central(0.5, size)


def _few(paths: Sequence[Path]) -> str:
    if len(paths) > 3:
        return f"{paths[0]} and {len(paths) - 1} more"
    return ", ".join(map(str, paths))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
