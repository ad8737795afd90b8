"""Published masked autoencoders in, and solutions of a run out as published."""

import contextlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cu_jax.atomic import replacing
from cu_jax.convert import mae
from cu_jax.convert.mae_layout import MaeSizes, layout, recognize
from cu_jax.convert.mae_settings import (
    check_norm_pix,
    choose_heads,
    describe,
    model_settings,
    sizes_of,
)
from cu_jax.convert.state_files import (
    TORCH_ENDINGS,
    check_ending,
    import_torch,
    read_state,
    write_state,
)
from cu_jax.convert.weights import load_weights, save_weights

MODEL_FORMAT = 1
"""Version of ``solutions/<name>/model.json``."""
SOLUTION = Path("solutions", "original")
"""Where an import lies in its folder: what reads the original of a run reads it too."""

_PARAMS, _MODEL, _POSITIONS = "params.safetensors", "model.json", "positions.safetensors"


class Exchanged(NamedTuple):
    """What was imported or exported.

    Attributes:
        model: ``ViT-B/16``, or the widths and depths of a model that was not published.
        notes: sentences that the user should read.
    """

    model: str
    notes: tuple[str, ...]


def import_mae(
    source: Path,
    folder: Path,
    *,
    heads: tuple[int, int] | None = None,
    norm_pix: bool = False,
    force: bool = False,
) -> Exchanged:
    """Reads a published masked autoencoder and writes it as the original model of a folder.

    Args:
        source: a ``.pth``, ``.pt`` or ``.safetensors`` file with encoder and decoder.
        folder: new, empty, or with ``force`` that of an import. It gets ``solutions/original/``
            with the parameters, how to build the model, and the file's own positions.
        heads: attention heads of encoder and decoder, for sizes that were not published.
        norm_pix: whether to accept a model that predicts normalized patches.
        force: whether to write over an earlier import.

    Returns:
        What was read.

    Raises:
        FileNotFoundError: there is no such file.
        FileExistsError: the folder holds something.
        ValueError: the file is not one that can be used; nothing is written then.
    """
    _check_folder(folder, force)
    state = read_state(source)
    sizes = recognize({key: array.shape for key, array in state.arrays.items()}, str(source))
    mae.check_positions(state.arrays, sizes, str(source))
    settings = model_settings(sizes, choose_heads(sizes, heads, source), norm_pix)
    notes = check_norm_pix(state.args, source, norm_pix)
    if set(settings["std"]) == {1.0}:
        notes += ("Its pictures are taken as they are in [0, 1]: mean 0, deviation 1.",)
    target = folder / SOLUTION
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Last written, first removed: where it is, the other two files belong to it.
        (target / _MODEL).unlink(missing_ok=True)
        made = {"imported_from": source.name}
        save_weights(target / _PARAMS, mae.to_tree(state.arrays, sizes), made)
        positions = {key: np.array(state.arrays[key]) for key in mae.POSITIONS}
        save_weights(target / _POSITIONS, positions, made)
        with replacing(target / _MODEL) as temporary:
            text = json.dumps({"format": MODEL_FORMAT, "model": settings}, indent=2)
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"DIR must be a folder that can be written to, and {folder} is not "
            f"({error.strerror or error}): give another."
        ) from error
    return Exchanged(describe(sizes), notes)


def export_mae(workdir: Path, solution: str, target: Path, *, force: bool = False) -> Exchanged:
    """Writes a solution of a run with the keys, shapes and dtypes of the published checkpoints.

    Args:
        workdir: the run's folder, or that of an import.
        solution: the folder's name in ``solutions/``.
        target: a ``.pth``, ``.pt`` or ``.safetensors`` file, in a folder that exists.
        force: whether to write over a file.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: there is no such solution, or no folder for the file.
        FileExistsError: the file is there already.
        ValueError: the solution is of another kind of model, or its files are damaged.
    """
    check_ending(target)
    if target.suffix in TORCH_ENDINGS:
        import_torch(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"The folder of an exported file must exist, but {target.parent} does not: create it "
            "first."
        )
    if (workdir / "solutions").resolve() in target.resolve().parents:
        raise ValueError(f"An exported file must lie outside {workdir / 'solutions'}: move DST.")
    if target.is_dir() or (target.exists() and not force):
        raise FileExistsError(
            f"An exported file must be new, and {target} exists: give another DST"
            + ("." if target.is_dir() else ", or --force.")
        )
    folder = workdir / "solutions" / solution
    model = _read_model(folder, workdir)
    sizes = sizes_of(model, folder / _MODEL)
    params = load_weights(folder / _PARAMS, mae.template(sizes))
    positions, notes = _positions(workdir, sizes)
    if model.get("norm_pix_loss"):
        notes += ("It predicts patches normalized to mean 0 and deviation 1, not pixels.",)
    try:
        write_state(target, mae.from_tree(params, sizes, positions))
    except OSError as error:
        raise ValueError(
            f"The folder of an exported file must be one to write to, and {target.parent} is not "
            f"({error.strerror or error}): give another DST."
        ) from error
    return Exchanged(describe(sizes), notes)


def _check_folder(folder: Path, force: bool) -> None:
    """Refuses a folder with anything in it but an import that may be written over."""
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"DIR must be a folder, and {folder} is a file: give another.")
    found = {path for path in folder.rglob("*") if not path.name.endswith(".tmp")}
    if not found:
        return
    own = {folder / "solutions", folder / SOLUTION}
    own |= {folder / SOLUTION / name for name in (_PARAMS, _MODEL, _POSITIONS)}
    if not found <= own:
        raise FileExistsError(
            f"DIR must be new, empty, or the folder of an import, and {folder} holds other files: "
            "give another."
        )
    if not force:
        raise FileExistsError(
            f"DIR must be new or empty, and {folder} holds an import: give another, or --force."
        )


def _read_model(folder: Path, workdir: Path) -> dict[str, Any]:
    path = folder / _MODEL
    if not path.is_file():
        names = sorted(one.parent.name for one in workdir.glob(f"solutions/*/{_MODEL}"))
        raise FileNotFoundError(
            f"A solution must have its folder in {workdir / 'solutions'}, and there is no {path}: "
            + (f"there are {', '.join(names)}." if names else "give the folder of a run.")
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version, model = data["format"], dict(data["model"])
        kind = model["name"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} must say how to build the model, but it cannot be read ({error!r}): copy the "
            "solution again."
        ) from error
    if version != MODEL_FORMAT or kind != "mae":
        raise ValueError(
            f"{path} must describe a masked autoencoder in format {MODEL_FORMAT}, got {kind!r} in "
            f"format {version!r}: export what a run of an mae config made."
        )
    return model


def _positions(workdir: Path, sizes: MaeSizes) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The positions of the file that was imported, bit for bit, or the same computed anew."""
    wanted = {key: np.zeros(layout(sizes)[key], np.float32) for key in mae.POSITIONS}
    for folder in (workdir / SOLUTION, *_imported(workdir)):
        with contextlib.suppress(ValueError, FileNotFoundError):
            found = load_weights(folder / _POSITIONS, wanted)
            mae.check_positions(found, sizes, str(folder / _POSITIONS))
            return found, ()
    return mae.fixed_positions(sizes), (
        "Its fixed positions are computed, since no imported file of them was found.",
    )


def _imported(workdir: Path) -> list[Path]:
    """Where the import that a run started from may lie, if its config names one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        config = json.loads((workdir / "config.json").read_text(encoding="utf-8"))["config"]
        named = Path(config["pretrain"]["weights"])
        return [named / SOLUTION, named, named.parent]
    return []
