"""What commands with a config have in common: their flags, and how these are read."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from absl import app, flags, logging
from ml_collections import config_flags

from cu_jax import preemption
from cu_jax.config import default_config
from cu_jax.config_checks import check_sections
from cu_jax.processes import join_processes
from cu_jax.refusals import quiet_libraries, run_command
from cu_jax.startup import start_jax

_CONFIG = config_flags.DEFINE_config_file("config", help_string="File of settings.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder for everything that a run makes.")
_TEXTS = (
    *("config.data.retain", "config.data.forget", "config.data.proxy"),
    *("config.evaluation.holes", "config.baselines.methods"),
)
# Settings that are several texts: --config.data.forget=cat,dog
_DEBUG = flags.DEFINE_bool("debug", False, "Show the traceback of every error.")


def run_with_config(
    work: Callable[..., object], *, shared: bool = False, workdir: bool = True
) -> int:
    """Reads the flags and does the work.

    Args:
        work: takes the settings, and the workdir where there is one.
        shared: whether several processes can do it together.
        workdir: whether there is one, whose flag must be given.

    Returns:
        The exit code.
    """

    def main(argv: list[str]) -> None:
        del argv
        logging.set_verbosity(logging.WARNING)
        if not _DEBUG.value:
            quiet_libraries()
        start_jax()
        join_processes(allowed=shared)
        if not workdir and _WORKDIR.value is not None:
            raise ValueError(
                f"--workdir must not be given, for nothing is kept, and is {_WORKDIR.value}: leave "
                "it out."
            )
        folder = (Path(str(_WORKDIR.value)),) if workdir else ()
        work(_CONFIG.value, *folder)

    logging.set_verbosity(logging.ERROR)  # Of absl itself, while it reads the flags.
    flags.mark_flags_as_required(["config", "workdir"] if workdir else ["config"])
    # Before the flags are read, for what is wrong with them.
    debug = any(re.fullmatch("--?debug(=(1|t|true|y|yes))?", text, re.I) for text in sys.argv)
    with preemption.listening():
        return run_command(lambda: app.run(main, flags_parser=parse), debug=debug)


def parse(argv: list[str]) -> list[str]:
    """Reads the flags.

    Args:
        argv: the command line, the program's name first.

    Returns:
        The program's name alone.

    Raises:
        ValueError: for a flag or a setting that there is not, a value of another type, a config
            file that cannot be read, or an argument that is no flag.
    """
    try:
        rest = flags.FLAGS([_quoted(text) for text in argv])
        config = _CONFIG.value
        if hasattr(config, "to_dict"):
            config.to_dict()  # A file that could not be read says so when it is used.
    except (KeyError, AttributeError) as error:
        if "get_config" in str(error):
            raise ValueError(
                "The file given as --config must define get_config(), which returns the settings, "
                "and does not: see configs/mae_mnist.py."
            ) from error
        raise ValueError(_unknown_setting(str(error), argv)) from error
    except OSError as error:
        # ml_collections tells what it tried, or that it failed before; the system's words are last.
        told = " ".join(str(error).split())
        raise FileNotFoundError(
            "The file given as --config must be one that can be read, and is not "
            f"({told[told.rfind('[Errno') :] if '[Errno' in told else told}): correct its name."
        ) from error
    except flags.Error as error:
        if "flag --config=None" in str(error) and any("-config=" in text for text in argv):
            raise ValueError(
                "The get_config() of the file given as --config must return the settings, and "
                "returns nothing: end it with return config."
            ) from error
        told = " ".join(str(error).split())
        if "Traceback (most" in told:  # Of a config file; its last line says what is wrong.
            told = told.rpartition("Error: ")[2]
        raise ValueError(f"The flags must be as --help says, but: {told.rstrip('.')}.") from error
    except Exception as error:  # Flags have errors of their own: this is the config file's.
        raise ValueError(
            "The file given as --config must run and return the settings, and stops with "
            f"{type(error).__name__}: {' '.join(str(error).split()) or 'no more is said'}. "
            "Correct it."
        ) from error
    check_sections(config, default_config())
    if _WORKDIR.value == "":
        raise ValueError("--workdir must name a folder, and is empty: name one.")
    if rest[1:]:
        raise ValueError(
            f"All arguments must be flags, got {' '.join(rest[1:])}: write --name=value, without "
            "spaces around the equals sign."
        )
    return rest


def _quoted(argument: str) -> str:
    """A list of texts as the Python tuple that ml_collections reads; other arguments unchanged."""
    name, equals, value = argument.partition("=")
    if not equals or name.lstrip("-") not in _TEXTS or value.startswith(("(", "[", "'", '"')):
        return argument
    return f"{name}={tuple(text.strip() for text in value.split(',') if text.strip())!r}"


def _unknown_setting(told: str, argv: list[str]) -> str:
    """The sentence for a key that the config does not have; ``told`` is ml_collections'."""
    near = re.search(r'Did you mean "(.+?)" instead of "(.+?)"', told)
    key = near.group(2) if near else " ".join(told.split()).strip("\"'")
    given = [text for text in argv if key in re.split(r"[.=]", text.removeprefix("--config."))]
    hint = f"did you mean {near.group(1)!r}?" if near else "see the file given as --config."
    return (
        f"A setting must be in the config, and {key!r} is not ({' '.join(given) or told}): {hint}"
    )
