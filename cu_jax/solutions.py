"""Reads what a run left in ``solutions/``: models ready for use."""

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from cu_jax import bounded, convert
from cu_jax.models import MODELS, Model, Params
from cu_jax.workdir import MODEL_FORMAT, with_tuples

_LAYERS = ("depth", "blocks", "layers")
_MOST_LAYERS = 512
_MOST = 2**16  # Words of a vocabulary; widths and sides of pictures stay below it by far.


def load_solution(workdir: str | os.PathLike[str], name: str = "original") -> tuple[Model, Params]:
    """Loads a solution of a run, or the original model that the run started from.

    Nothing in the files is executed; names, shapes and dtypes are checked against the model.

    Args:
        workdir: the run's folder; the run may still be at work on other solutions.
        name: the solution, as its folder in ``solutions/`` is called: ``original``, ``complete``,
            ``utility``, ``control_0.25``, ``composite_0.07``.

    Returns:
        The model, pure functions of explicit parameters, and the parameters on the device. All
        solutions of a run have equal models.

    Raises:
        FileNotFoundError: there is no such folder, or no solution in it.
        ValueError: no solution has this name, or its files are damaged.

    Example:
        >>> import tempfile
        >>> from cu_jax.models.mae import Mae
        >>> from cu_jax.workdir import save_solution
        >>> sizes = dict(image_size=8, patch_size=4, channels=1)
        >>> sizes |= dict(encoder_width=8, encoder_depth=1, encoder_heads=2)
        >>> sizes |= dict(decoder_width=8, decoder_depth=1, decoder_heads=2)
        >>> shapes = jax.eval_shape(Mae(**sizes).init, jax.random.key(0))
        >>> params = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        >>> config = ConfigDict({"model": {"name": "mae"} | sizes})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_solution(Path(folder, "solutions", "original"), config, params, {})
        ...     model, params = load_solution(folder)
        >>> model.image_shape
        (8, 8, 1)
    """
    check_name(name, solution_names(workdir))
    folder = Path(workdir, "solutions", name)
    model = _read_model(folder / "model.json")
    # Two key words, like a key, and nothing is computed: only the shapes are wanted.
    template = jax.eval_shape(model.init, jax.random.key(0))
    params = convert.load_weights(folder / "params.safetensors", template)
    return model, jax.tree.map(jnp.asarray, params)


def solution_names(workdir: str | os.PathLike[str]) -> list[str]:
    """Names of the solutions that a run has written so far, the original first.

    Args:
        workdir: the run's folder.

    Returns:
        At least one name.

    Raises:
        FileNotFoundError: there is no such folder, or no solution in it.

    Example:
        >>> solution_names("no/such/folder")
        Traceback (most recent call last):
        FileNotFoundError: A workdir must be the folder of a run, and there is no folder
        no/such/folder: give the --workdir that the run was given.
    """
    if not Path(workdir).is_dir():
        raise FileNotFoundError(
            f"A workdir must be the folder of a run, and there is no folder {os.fspath(workdir)}: "
            "give the --workdir that the run was given."
        )
    files = Path(workdir, "solutions").glob("*/params.safetensors")
    names = [path.parent.name for path in files if (path.parent / "model.json").is_file()]
    if not names:
        raise FileNotFoundError(
            f"A workdir must hold solutions, and {os.fspath(workdir)} has none yet (no "
            "solutions/*/params.safetensors): give that of a run, or let the run go on."
        )
    return sorted(names, key=lambda name: (name != "original", name))


def check_name(name: str, names: Sequence[str]) -> None:
    """Refuses a solution that a run does not have.

    Args:
        name: the solution.
        names: those there are.

    Raises:
        ValueError: it is none of them.

    Example:
        >>> check_name("orginal", ["original", "complete"])
        Traceback (most recent call last):
        ValueError: The solution must be one that the run has (original, complete), got 'orginal':
        did you mean original?
    """
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "name one of these."
        raise ValueError(
            f"The solution must be one that the run has ({', '.join(names)}), got {name!r}: {hint}"
        )


def _read_model(path: Path) -> Model:
    try:
        data = bounded.read_json(path)
        version, settings = data["format"], data["model"]
        name = settings["name"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} must say how to build the model, but it cannot be read ({error!r}): copy the "
            "solution again."
        ) from error
    if version != MODEL_FORMAT:
        raise ValueError(
            f"{path} must have format {MODEL_FORMAT}, the one that this cu_jax reads, got "
            f"{version!r}: use the cu_jax that the run was made with."
        )
    if name == convert.TOKENIZER:
        raise ValueError(f"A solution must be a whole model: {convert.tokenizer_alone(str(path))}")
    if name not in MODELS:
        raise ValueError(
            f"The model in {path} must be one of {sorted(MODELS)}, got {name!r}: use the cu_jax "
            "that the run was made with."
        )
    _check_sizes(path, settings)
    # JSON has no tuples, and models are compared and hashed.
    try:
        return MODELS[name](ConfigDict(with_tuples(settings)))
    except (TypeError, ValueError, AttributeError, KeyError, ArithmeticError) as error:
        raise ValueError(
            f"{path} must have the settings of a model {name!r}, but none can be built from it "
            f"({error}): copy the solution again."
        ) from error


def _check_sizes(path: Path, settings: Any) -> None:
    """Refuses sizes that no model has, before shapes are worked out, which takes as long."""
    pairs = settings.items() if isinstance(settings, Mapping) else enumerate(settings)
    for name, value in pairs:
        most = _MOST_LAYERS if str(name).endswith(_LAYERS) else _MOST
        if isinstance(value, (Mapping, list)):
            _check_sizes(path, value)
        elif isinstance(value, (int, float)) and not abs(value) <= most:
            raise ValueError(
                f"The sizes in {path} must be those of a model, {name} at most {most:,}, got "
                f"{value}: copy the solution again."
            )
