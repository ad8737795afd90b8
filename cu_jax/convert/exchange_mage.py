"""Published MAGE models in, and solutions of a run out as published."""

from pathlib import Path

from cu_jax.convert import exchange, mage
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.heads import Heads, choose_heads
from cu_jax.convert.mage_layout import UNUSED, WORDING, recognize
from cu_jax.convert.mage_settings import KIND, describe, model_settings, sizes_of, transformer
from cu_jax.convert.state_files import read_state, write_state
from cu_jax.convert.weights import load_weights


def import_mage(
    source: Path,
    folder: Path,
    *,
    heads: Heads | None = None,
    tie_head: bool = False,
    force: bool = False,
) -> Exchanged:
    """Reads a published MAGE with its tokenizer and writes it as the original model of a folder.

    Args:
        source: a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` file.
        folder: new, empty, or with ``force`` that of an import. It gets ``solutions/original/``
            with the parameters, how to build the model, and what the model never reads.
        heads: attention heads of encoder and decoder, for sizes that were not published.
        tie_head: whether the head is to read the encoder's word embeddings, as in the published
            model: then unlearning changes the head too. Otherwise it has a copy.
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
    mage.check_position_ids(arrays, str(source))
    chosen = choose_heads(transformer(sizes), heads, source)
    settings = model_settings(sizes, chosen, tie_head, source)
    params = mage.to_tree(arrays, sizes, tie_head)
    unused = {exchange.UNUSED: {key: arrays[key] for key in UNUSED}}
    exchange.write_original(folder, source, settings, params, unused)
    return Exchanged(describe(sizes), ())


def export_mage(
    workdir: Path, solution: str, target: Path, *, tie_head: bool = False, force: bool = False
) -> Exchanged:
    """Writes a solution of a run with the keys, shapes and dtypes of the published checkpoints.

    Args:
        workdir: the run's folder, or that of an import.
        solution: the folder's name in ``solutions/``.
        target: a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` file, in a folder that exists.
        tie_head: whether to write a solution whose head has word embeddings of its own, other than
            the encoder's. A published file has one tensor for both, and the encoder's is written.
        force: whether to write over a file.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: there is no such solution, or no folder for the file.
        FileExistsError: the file is there already.
        ValueError: the solution is of another kind of model, its files are damaged, or head and
            encoder have different word embeddings and ``tie_head`` is not set.
    """
    exchange.check_target(workdir, target, force)
    model = exchange.read_model(workdir, solution, KIND, WORDING.model)
    folder = workdir / "solutions" / solution
    sizes = sizes_of(model, folder / exchange.MODEL)
    tied = bool(model.get("tie_head"))
    params = load_weights(folder / exchange.PARAMS, mage.template(sizes, tied))
    notes: tuple[str, ...] = ()
    if moved := mage.head_moved(params, sizes):
        if not tie_head:
            raise ValueError(
                "A published MAGE must have the same word embeddings in encoder and head, and "
                f"those of {solution} differ by up to {moved:.2g}, since unlearning moved the "
                "encoder's: give --tie-head to write the encoder's for both, which changes what "
                "the head predicts, or unlearn with config.model.tie_head=True."
            )
        notes += (
            "Its head will read the encoder's word embeddings, which differ from the head's own by "
            f"up to {moved:.2g}: in PyTorch it predicts otherwise than here.",
        )
    unused = exchange.find_beside(
        workdir, exchange.UNUSED, mage.unused_shapes(sizes), mage.check_position_ids
    )
    if unused is None:
        unused = mage.fresh_unused(sizes)
        notes += (
            "Its tensors that no MAGE reads (pos_embed and others) are zero, since no imported "
            "file of them was found.",
        )
    with exchange.writing(target):
        write_state(target, mage.from_tree(params, sizes, unused))
    return Exchanged(describe(sizes), notes)
