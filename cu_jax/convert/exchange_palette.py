"""Published diffusion models in, and solutions of a run out as published."""

from pathlib import Path

import numpy as np

from cu_jax.convert import exchange, palette, palette_schedule
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.palette_layout import BUFFERS, TEACHER, WORDING, recognize
from cu_jax.convert.state_files import read_state, write_state
from cu_jax.convert.weights import load_weights
from cu_jax.noise_schedules import NoiseSchedule


def import_palette(source: Path, folder: Path, *, force: bool = False) -> Exchanged:
    """Reads a published diffusion model and writes it as the original model of a folder.

    Args:
        source: a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` file.
        folder: new, empty, or with ``force`` that of an import. It gets ``solutions/original/``
            with the parameters, how to build the model, and the tensors of its noise schedule.
        force: whether to write over an earlier import.

    Returns:
        What was read, with notes on a noise schedule other than the published one, and on a teacher
        that was left out.

    Raises:
        FileNotFoundError: there is no such file.
        FileExistsError: the folder holds something.
        ValueError: the file is not one that can be used; nothing is written then.
    """
    exchange.check_folder(folder, force)
    found = read_state(source).arrays
    arrays = {key: array for key, array in found.items() if not key.startswith(TEACHER)}
    notes: tuple[str, ...] = ()
    if len(arrays) < len(found):
        notes += (f"The teacher beside the model ({TEACHER}…) was left out.",)
    sizes = recognize({key: array.shape for key, array in arrays.items()}, str(source))
    tensors = {name: np.asarray(arrays[name]) for name in BUFFERS}
    published = NoiseSchedule()
    schedule = palette_schedule.read_schedule(tensors)
    if schedule is None:
        schedule = NoiseSchedule(sizes.length)
        notes += (
            "The tensors of its noise schedule are those of no linear one, and models here have no "
            f"other: model.json has noise that rises {palette_schedule.describe(schedule)}.",
        )
    elif schedule != published:
        notes += (
            f"Its noise rises {palette_schedule.describe(schedule)}, and that of the published "
            f"model {palette_schedule.describe(published)}: model.json has the file's.",
        )
    settings = palette.model_settings(sizes, schedule)
    params = palette.renaming(sizes).to_tree(arrays)
    exchange.write_original(folder, source, settings, params, {exchange.UNUSED: tensors})
    return Exchanged(palette.describe(sizes), notes)


def export_palette(workdir: Path, solution: str, target: Path, *, force: bool = False) -> Exchanged:
    """Writes a solution of a run with the keys, shapes and dtypes of the published checkpoint.

    The tensors of the noise schedule are the imported file's, or, where that is not at hand or has
    another schedule than the solution, computed.

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
    model = exchange.read_model(workdir, solution, palette.KIND, WORDING.model)
    folder = workdir / "solutions" / solution
    sizes, schedule = palette.sizes_of(model, folder / exchange.MODEL)
    renaming = palette.renaming(sizes)
    params = load_weights(folder / exchange.PARAMS, renaming.template())
    tensors = palette_schedule.buffers(schedule)
    stored = exchange.find_beside(workdir, exchange.UNUSED, tensors)
    if stored is not None and palette_schedule.read_schedule(stored) in (schedule, None):
        tensors = stored
    with exchange.writing(target):
        write_state(target, renaming.from_tree(params, tensors), bare=True)
    return Exchanged(palette.describe(sizes), ())
