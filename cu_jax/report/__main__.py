"""Makes the page of a finished run again: ``python -m cu_jax.report WORKDIR``."""

import argparse
import sys
from collections.abc import Sequence

from cu_jax.report.page import PAGE_NAME, write_page


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes ``report.html`` into the workdir and prints its path.

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
        description=f"Makes {PAGE_NAME} of a finished run from the files in its folder.",
    )
    parser.add_argument("workdir", metavar="WORKDIR", help="the run's folder, with results.json")
    workdir = parser.parse_args(arguments).workdir
    try:
        print(write_page(workdir))
    except (OSError, ValueError) as error:
        # The system's own errors have a number, and say neither what was wanted nor what failed.
        system = isinstance(error, OSError) and error.errno is not None
        print(f"{PAGE_NAME} could not be made: {error}" if system else error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
