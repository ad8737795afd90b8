"""Makes the page or the figures of a folder again: ``python -m cu_jax.report WORKDIR``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cu_jax.atomic import remove_abandoned
from cu_jax.refusals import is_full, run_command
from cu_jax.report.ablation import write_ablation
from cu_jax.report.comparison import COMPARISON_PAGE, write_comparison
from cu_jax.report.page import PAGE_NAME, write_page
from cu_jax.results import ABLATION_NAME, COMPARISON_NAME


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes ``report.html`` into the workdir and prints its path.

    In the folder of a comparison, which holds ``comparison.json``, it makes ``comparison.html``,
    the tables and the figures instead; in that of an ablation, its table and its figure.

    Args:
        arguments: What follows the program's name; that of this process if None.

    Returns:
        The exit code: 0, or 2 after a sentence on standard error that says what is wrong.

    Example:
        >>> main(["no/such/folder"])
        2
    """
    parser = argparse.ArgumentParser(
        prog="python -m cu_jax.report",
        description=f"Makes {PAGE_NAME} of a finished run from the files in its folder, or "
        f"{COMPARISON_PAGE}, tables and figures of a comparison from those in its own, or table "
        "and figure of an ablation.",
    )
    parser.add_argument(
        "workdir",
        metavar="WORKDIR",
        help="the folder, with results.json, comparison.json or ablation.json",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of a refusal")
    args = parser.parse_args(arguments)
    return run_command(lambda: _make(args.workdir), debug=args.debug)


def _make(workdir: str) -> None:
    compared = Path(workdir, COMPARISON_NAME).is_file()
    ablated = Path(workdir, ABLATION_NAME).is_file()
    name = COMPARISON_PAGE if compared else "The figure" if ablated else PAGE_NAME
    try:
        if ablated:
            made = write_ablation(workdir)
        else:
            made = write_comparison(workdir) if compared else [write_page(workdir)]
    except OSError as error:
        # The system's own errors have a number, and say neither what was wanted nor what failed.
        if error.errno is None or is_full(error):
            raise
        raise ValueError(f"{name} could not be made: {error}") from error
    # Of these files alone: a run elsewhere may be writing others.
    for path in made:
        remove_abandoned(path.parent, path.name)
    print("\n".join(map(str, made)))


if __name__ == "__main__":
    sys.exit(main())
