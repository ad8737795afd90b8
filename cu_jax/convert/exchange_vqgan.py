"""Published VQ-GAN tokenizers in, and tokenizers of our own out as published."""

from pathlib import Path

from cu_jax.convert import exchange, vqgan
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.sources import TOKENIZER
from cu_jax.convert.state_files import read_state, write_state
from cu_jax.convert.vqgan_layout import WORDING, recognize
from cu_jax.convert.weights import load_weights


def import_vqgan(source: Path, folder: Path, *, force: bool = False) -> Exchanged:
    """Reads a published tokenizer and writes a folder that ``config.tokenizer.weights`` may name.

    Args:
        source: a ``.ckpt``, ``.pth``, ``.pt`` or ``.safetensors`` file.
        folder: new, empty, or with ``force`` that of an import. It gets ``solutions/original/``
            with the parameters and how to build the tokenizer.
        force: whether to write over an earlier import.

    Returns:
        What was read.

    Raises:
        FileNotFoundError: there is no such file.
        FileExistsError: the folder holds something.
        ValueError: the file is not one that can be used; nothing is written then.
    """
    exchange.check_folder(folder, force)
    arrays = read_state(source).arrays
    sizes = recognize({key: array.shape for key, array in arrays.items()}, str(source))
    settings = {"name": TOKENIZER, **vqgan.model_settings(sizes)}
    exchange.write_original(folder, source, settings, vqgan.renaming(sizes).to_tree(arrays), {})
    return Exchanged(vqgan.describe(sizes), ())


def export_vqgan(workdir: Path, solution: str, target: Path, *, force: bool = False) -> Exchanged:
    """Writes a tokenizer with the keys, shapes and dtypes of the published checkpoint.

    Args:
        workdir: the folder of an import.
        solution: the folder's name in ``solutions/``.
        target: a ``.ckpt``, ``.pth``, ``.pt`` or ``.safetensors`` file, in a folder that exists.
        force: whether to write over a file.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: there is no such solution, or no folder for the file.
        FileExistsError: the file is there already.
        ValueError: the solution is of another kind of model, or its files are damaged.
    """
    exchange.check_target(workdir, target, force)
    settings = exchange.read_model(workdir, solution, TOKENIZER, WORDING.model)
    folder = workdir / "solutions" / solution
    sizes = vqgan.sizes_of(settings, folder / exchange.MODEL)
    renaming = vqgan.renaming(sizes)
    params = load_weights(folder / exchange.PARAMS, renaming.template())
    with exchange.writing(target):
        write_state(target, renaming.from_tree(params, {}), bare=True)
    return Exchanged(vqgan.describe(sizes), ())
