"""Has a solution forgotten, or only hidden it? ``python -m cu_jax.audit --help``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cu_jax import preemption
from cu_jax.audits import audit_run
from cu_jax.refusals import run_command
from cu_jax.report.audits import audit_text
from cu_jax.report.page import write_page
from cu_jax.results import Solution, read_results
from cu_jax.startup import start_jax

_DESCRIPTION = """\
Audits the solutions of a run: how soon each relearns what it forgot, whether its encoder still
tells the forgotten classes apart, whether its errors give away what it was trained on, and how far
its pictures are from those of a model that never saw them.

  python -m cu_jax.audit runs/mae_mnist --solutions=complete,control_0.25
"""
_EPILOG = """\
A solution that was audited before with the same settings is not again. The settings are those of
config.audit: the run's own command with, say, --config.audit.pictures=200 changes them, and runs no
stage again. The numbers go to WORKDIR/audits.json and into WORKDIR/report.html.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: those of the command line, without the program's name; None: this process's.

    Returns:
        The exit code: 0; 2 for wrong input, after one sentence; 130 if the user breaks it off; 75
        if SIGTERM or SIGUSR1 told it to stop.

    Example:
        >>> main(["no/such/run"])
        2
    """
    args = _parser().parse_args(arguments)
    stopped = "Stopped. The same command goes on with the solutions that are left."
    with preemption.listening():
        return run_command(lambda: _audit(args), debug=args.debug, stopped=stopped)


def _audit(args: argparse.Namespace) -> None:
    start_jax()
    names = None if args.solutions is None else args.solutions.split(",")
    audits = audit_run(args.workdir, names, args.seed)
    made = [args.workdir / "audits.json"]
    solutions: tuple[Solution, ...] = ()
    if (args.workdir / "results.json").is_file():
        solutions = read_results(args.workdir).solutions
        made.append(write_page(args.workdir))
    print(audit_text(audits, solutions), flush=True)
    print(f"Written: {', '.join(map(str, made))}.", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cu_jax.audit",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("workdir", metavar="WORKDIR", type=Path, help="the folder of a run")
    add(
        "--solutions",
        metavar="NAME[,NAME...]",
        help="those to audit, as their folders in WORKDIR/solutions are called (default: all); "
        "original and retrain, which they are compared with, are audited in any case",
    )
    add(
        "--seed",
        type=int,
        metavar="N",
        help="of batches, corruptions and sampling (default: the run's)",
    )
    add("--debug", action="store_true", help="show the traceback of a refusal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
