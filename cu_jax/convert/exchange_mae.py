"""Published masked autoencoders in, and solutions of a run out as published."""

from pathlib import Path

import numpy as np

from cu_jax.convert import exchange, mae
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.heads import Heads, choose_heads
from cu_jax.convert.mae_layout import WORDING, layout, recognize
from cu_jax.convert.mae_settings import (
    check_norm_pix,
    describe,
    model_settings,
    sizes_of,
    transformer,
)
from cu_jax.convert.state_files import read_state, write_state
from cu_jax.convert.weights import load_weights


def import_mae(
    source: Path,
    folder: Path,
    *,
    heads: Heads | None = None,
    norm_pix: bool = False,
    force: bool = False,
) -> Exchanged:
    """Reads a published masked autoencoder and writes it as the original model of a folder.

    Args:
        source: a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` file with encoder and decoder.
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
    exchange.check_folder(folder, force)
    state = read_state(source)
    sizes = recognize({key: array.shape for key, array in state.arrays.items()}, str(source))
    mae.check_positions(state.arrays, sizes, str(source))
    settings = model_settings(sizes, choose_heads(transformer(sizes), heads, source), norm_pix)
    notes = check_norm_pix(state.args, source, norm_pix)
    if set(settings["std"]) == {1.0}:
        notes += ("Its pictures are taken as they are in [0, 1]: mean 0, deviation 1.",)
    positions = {key: state.arrays[key] for key in mae.POSITIONS}
    params = mae.to_tree(state.arrays, sizes)
    exchange.write_original(folder, source, settings, params, {exchange.POSITIONS: positions})
    return Exchanged(describe(sizes), notes)


def export_mae(workdir: Path, solution: str, target: Path, *, force: bool = False) -> Exchanged:
    """Writes a solution of a run with the keys, shapes and dtypes of the published checkpoints.

    Args:
        workdir: the run's folder, or that of an import.
        solution: the folder's name in ``solutions/``.
        target: a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` file, in a folder that exists.
        force: whether to write over a file.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: there is no such solution, or no folder for the file.
        FileExistsError: the file is there already.
        ValueError: the solution is of another kind of model, or its files are damaged.
    """
    exchange.check_target(workdir, target, force)
    model = exchange.read_model(workdir, solution, "mae", WORDING.model)
    folder = workdir / "solutions" / solution
    sizes = sizes_of(model, folder / exchange.MODEL)
    params = load_weights(folder / exchange.PARAMS, mae.template(sizes))
    notes: tuple[str, ...] = ()
    positions = exchange.find_beside(
        workdir,
        exchange.POSITIONS,
        {key: np.zeros(layout(sizes)[key], np.float32) for key in mae.POSITIONS},
        lambda arrays, name: mae.check_positions(arrays, sizes, name),
    )
    if positions is None:
        positions = mae.fixed_positions(sizes)
        notes += ("Its fixed positions are computed, since no imported file of them was found.",)
    if model.get("norm_pix_loss"):
        notes += ("It predicts patches normalized to mean 0 and deviation 1, not pixels.",)
    with exchange.writing(target):
        write_state(target, mae.from_tree(params, sizes, positions))
    return Exchanged(describe(sizes), notes)
