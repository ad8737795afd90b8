"""CLIP's image tower in, from a checkpoint of the transformers library."""

from pathlib import Path

from cu_jax.convert import clip, exchange
from cu_jax.convert.clip_layout import OTHER, find_weights, recognize
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.state_files import read_state


def import_clip(source: Path, folder: Path, *, force: bool = False) -> Exchanged:
    """Reads a published CLIP model and writes its image tower to a folder, for measures.

    Args:
        source: the model's folder as the transformers library saves it, or its file
            ``model.safetensors`` or ``pytorch_model.bin``, with ``config.json`` beside it.
        folder: new, empty, or with ``force`` that of an import. It gets ``solutions/original/``
            with the parameters and how to build the tower.
        force: whether to write over an earlier import.

    Returns:
        What was read, with a note on a text tower, which is left out.

    Raises:
        FileNotFoundError: there is no such file, or no ``config.json``.
        FileExistsError: the folder holds something.
        ValueError: the file is not one that can be used; nothing is written then.
    """
    exchange.check_folder(folder, force)
    path = find_weights(source)
    arrays = read_state(path).arrays
    notes: tuple[str, ...] = ()
    if any(key.startswith("text_model.") for key in arrays):
        notes = ("The text tower beside the image tower (text_model.…) was left out.",)
    arrays = {key: array for key, array in arrays.items() if not key.startswith(OTHER)}
    sizes = recognize({key: array.shape for key, array in arrays.items()}, path)
    params = clip.renaming(sizes).to_tree(arrays)
    exchange.write_original(folder, source.resolve(), clip.model_settings(sizes), params, {})
    return Exchanged(clip.describe(sizes), notes)
