"""EfficientNet-Lite0 in, from a package on PyPI; it is never trained here."""

from pathlib import Path

from cu_jax.convert import exchange
from cu_jax.convert.efficientnet_layout import KIND, recognize, renaming
from cu_jax.convert.exchange import Exchanged
from cu_jax.convert.state_files import read_state


def import_efficientnet(source: Path, folder: Path, *, force: bool = False) -> Exchanged:
    """Reads the published EfficientNet-Lite0 and writes a folder, for measures.

    Args:
        source: the ``.pth`` file of the package, or its arrays in a ``.safetensors`` file.
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
    recognize({key: array.shape for key, array in arrays.items()}, str(source))
    params = renaming().to_tree(arrays)
    exchange.write_original(folder, source, {"name": KIND}, params, {})
    return Exchanged("EfficientNet-Lite0", ())
