"""Files of PyTorch weights, read and written as NumPy arrays; nothing in a file is ever executed.

``.safetensors`` files need nothing more. ``.pth``, ``.pt`` and ``.ckpt`` files go through PyTorch
(extra ``convert``) with ``weights_only=True``: what is neither tensor nor plain value is refused.
"""

import argparse
import os
import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors

from cu_jax.atomic import replacing
from cu_jax.convert.weights import few, save_weights

TORCH_ENDINGS = (".pth", ".pt", ".ckpt", ".bin")
ENDINGS = (*TORCH_ENDINGS, ".safetensors")
POSITION_IDS = "token_emb.position_ids"
"""The key of a published MAGE whose array is int64."""
_INTEGERS = (".position_ids", ".num_batches_tracked")
"""How keys of published files end whose arrays are int64; all others are float32."""
_CONTAINERS = ("model", "state_dict")  # Keys under which training programs put the tensors.
_PARALLEL = "module."  # What PyTorch's parallel wrappers put before every name.


class State(NamedTuple):
    """What a file holds.

    Attributes:
        arrays: by key, float32, and int64 for numbers of positions and counts; large ones may still
            lie in the file.
        args: what the file says of the training that made it; most files say nothing.
    """

    arrays: dict[str, np.ndarray]
    args: dict[str, Any]


def read_state(path: str | os.PathLike[str]) -> State:
    """Reads every array of a ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` file.

    Args:
        path: the file. PyTorch files may hold the arrays alone, or under ``model`` or
            ``state_dict`` with other things beside, which are not used.

    Returns:
        The arrays, with the bits of the file, by their keys without the ``module.`` that PyTorch's
        parallel wrappers put before all of them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds anything but tensors and plain values, or its arrays
            have other dtypes; or PyTorch is needed and not installed.

    Example:
        >>> read_state("no_such_file.pth")
        Traceback (most recent call last):
        FileNotFoundError: A weights file must exist at no_such_file.pth, but there is none: check
        the path.
    """
    path = Path(path)
    check_ending(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"A weights file must exist at {path}, but there is none: check the path."
        )
    read = _read_torch if path.suffix in TORCH_ENDINGS else _read_safetensors
    arrays, args = read(path)
    if all(key.startswith(_PARALLEL) for key in arrays):
        arrays = {key.removeprefix(_PARALLEL): array for key, array in arrays.items()}
    return State(arrays, args)


def write_state(path: Path, arrays: Mapping[str, np.ndarray], *, bare: bool = False) -> None:
    """Writes arrays as published: in PyTorch files as ``{"model": …}`` or bare, else bare.

    Args:
        path: the file to make or to replace; it is written whole or not at all.
        arrays: by key, in the order that the file gets.
        bare: whether PyTorch files hold the arrays alone.

    Raises:
        ValueError: PyTorch is needed and not installed, or the ending is another.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_state(Path(folder, "a.safetensors"), {"norm.bias": np.ones(2, np.float32)})
        ...     read_state(Path(folder, "a.safetensors")).arrays
        {'norm.bias': array([1., 1.], dtype=float32)}
    """
    check_ending(path)
    if path.suffix not in TORCH_ENDINGS:
        # The metadata is what the transformers library wants to find.
        save_weights(path, dict(arrays), {"format": "pt"})
        return
    torch = import_torch(path)
    # Copies are rows in order, own their memory, and may be written to, as PyTorch wants.
    tensors = OrderedDict(
        (key, torch.from_numpy(np.array(x, order="C"))) for key, x in arrays.items()
    )
    # An open file rather than a name, which would be written into the file.
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save(tensors if bare else {"model": tensors}, file)


def check_ending(path: Path) -> None:
    """Refuses a file of another kind by its name.

    Raises:
        ValueError: the ending is none of :data:`ENDINGS`.

    Example:
        >>> check_ending(Path("mae.npz"))
        Traceback (most recent call last):
        ValueError: A file of weights must end in .pth, .pt, .ckpt, .bin or .safetensors, got
        mae.npz.
    """
    if path.suffix not in ENDINGS:
        raise ValueError(
            f"A file of weights must end in .pth, .pt, .ckpt, .bin or .safetensors, got {path}."
        )


def import_torch(path: Path) -> Any:
    """PyTorch, or a sentence on how to do with or without it.

    Args:
        path: the file that needs it, for the message.

    Raises:
        ValueError: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ValueError(
            f"PyTorch must be installed for {path.suffix} files such as {path}, and is not: "
            'install it with pip install "cu-jax[convert]", or give a .safetensors file.'
        ) from error
    return torch


def _read_safetensors(path: Path) -> State:
    try:
        with safetensors.safe_open(os.fspath(path), framework="numpy") as file:
            kinds = {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
            _check_kinds(kinds, ("F32", "I64"), path)
            return State({key: file.get_tensor(key) for key in kinds}, {})
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} must be a whole safetensors file, but it cannot be read ({error}): copy it "
            "again."
        ) from error


def _read_torch(path: Path) -> State:
    torch = import_torch(path)
    _check_sums(path)
    try:
        # A namespace of plain values, as training programs put beside their weights.
        with torch.serialization.safe_globals([argparse.Namespace]):
            mapped = zipfile.is_zipfile(path)
            content = torch.load(path, weights_only=True, map_location="cpu", mmap=mapped)
    except Exception as error:  # Damaged files raise almost anything.
        # PyTorch's own words advise to read it unsafely.
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = f"it wants to call {named[1]}" if named else type(error).__name__
        raise ValueError(
            f"{path} must be a whole PyTorch file with nothing but tensors and plain values, but "
            f"it cannot be read as one ({reason}; nothing in it was run): copy it again, and trust "
            "no file that holds more."
        ) from error
    args = content.get("args") if isinstance(content, dict) else None
    if isinstance(content, dict):
        content = next(
            (content[name] for name in _CONTAINERS if isinstance(content.get(name), dict)), content
        )
    if not isinstance(content, dict) or not content:
        raise ValueError(
            f"{path} must hold tensors by name, alone or under 'model' or 'state_dict', and holds "
            f"a {type(content).__name__}: give a checkpoint as published."
        )
    others = [str(key) for key, value in content.items() if not _is_dense(torch, key, value)]
    if others:
        raise ValueError(
            f"{path} must hold dense tensors alone, and {few(others)} is none: give a checkpoint "
            "as published."
        )
    kinds = {key: str(tensor.dtype).removeprefix("torch.") for key, tensor in content.items()}
    _check_kinds(kinds, ("float32", "int64"), path)
    arrays = {key: tensor.detach().numpy() for key, tensor in content.items()}
    return State(arrays, dict(vars(args)) if isinstance(args, argparse.Namespace) else {})


def _is_dense(torch: Any, key: Any, value: Any) -> bool:
    return (
        isinstance(key, str)
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        # A stride of zero makes terabytes of a number.
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
    )


def _check_sums(path: Path) -> None:
    """Compares the checksums in a PyTorch file, which PyTorch itself does not."""
    if not zipfile.is_zipfile(path):
        return  # The format before PyTorch 1.6 has none.
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [one for one in archive.infolist() if one.compress_type != zipfile.ZIP_STORED]
            # PyTorch never packs; what does may unpack to anything.
            damaged = f"{packed[0].filename} is packed" if packed else archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError) as error:
        damaged = str(error)
    if damaged is not None:
        raise ValueError(
            f"{path} must be a whole PyTorch file, but its checksums say that it is damaged "
            f"({damaged}): copy it again."
        )


def _check_kinds(kinds: Mapping[str, str], names: tuple[str, str], path: Path) -> None:
    """Refuses all but float32, and int64 where it belongs, by a file's library's names of both."""
    others = [
        f"{key} ({kind})" for key, kind in kinds.items() if kind != names[key.endswith(_INTEGERS)]
    ]
    if others:
        raise ValueError(
            f"Published weights are float32 and must stay so, but {path} holds {few(others)}: give "
            "the file as published, or convert its tensors to float32 first."
        )
