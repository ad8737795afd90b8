"""The published Inception-v3 of the Fréchet Inception distance in; it is never trained here."""

from collections.abc import Mapping
from pathlib import Path

from cu_jax.convert import exchange
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.inception_layout import COUNTER, recognize
from cu_jax.convert.layouts import Shape
from cu_jax.convert.renaming import Renaming
from cu_jax.convert.state_files import read_state

INCEPTION = "inception"
"""What ``model.json`` of an import names the network."""
_LEAVES = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}


def import_inception(source: Path, folder: Path, *, force: bool = False) -> Exchanged:
    """Reads the published file, writes a folder for ``config.evaluation.networks.inception``.

    Args:
        source: a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` file.
        folder: new, empty, or with ``force`` that of an import. It gets ``solutions/original/``
            with the parameters.
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
    layout = recognize({key: array.shape for key, array in arrays.items()}, str(source))
    tree = renaming(layout).to_tree(arrays)
    exchange.write_original(folder, source, {"name": INCEPTION}, tree, {})
    return Exchanged("Inception-v3 of 2015-12-05", ())


def renaming(layout: Mapping[str, Shape]) -> Renaming:
    """Between the published arrays and those of :class:`cu_jax.metrics.inception.InceptionV3`.

    Example:
        >>> from cu_jax.convert.inception_layout import layout
        >>> renaming(layout()).template()["Mixed_7b"]["branch1x1"]["conv"]["kernel"]
        ShapeDtypeStruct(shape=(1, 1, 1280, 320), dtype=float32)
    """
    return Renaming(layout, path)


def path(key: str) -> tuple[str, ...] | None:
    """Where a published array lies in our tree; None for the counters and the classes' bias.

    Example:
        >>> path("Mixed_5b.branch1x1.bn.running_var")
        ('Mixed_5b', 'branch1x1', 'bn', 'var')
        >>> path("fc.weight")
        ('fc', 'kernel')
        >>> path("fc.bias") is None
        True
    """
    if key.endswith(COUNTER) or key == "fc.bias":
        return None
    *parents, leaf = key.split(".")
    return (*parents, _LEAVES[leaf] if parents[-1] == "bn" else "kernel")
