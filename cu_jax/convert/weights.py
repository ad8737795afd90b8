"""Parameter trees to safetensors files and back, bit for bit.

A tree becomes one file whose tensor names are the path of each leaf joined with "/"
(``encoder/block_0/kernel``). Nothing in it is executable: no pickle, no code.
"""

import json
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib import resources
from pathlib import Path
from typing import Any

import jax
import numpy as np
import safetensors
import safetensors.numpy

from cu_jax.atomic import replacing

Tree = Any

_SUPPORTED = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "bfloat16", "float32", "float64", "complex64"),
)
_SHOWN = 3  # Names per kind of mismatch in one message: enough to recognize the mistake.


def save_weights(
    path: str | os.PathLike[str], tree: Tree, metadata: dict[str, str] | None = None
) -> None:
    """Writes a parameter tree to one safetensors file, whole or not at all.

    The bytes depend on the tree and the metadata alone: equal inputs give equal files. The file is
    written under a temporary name in the same folder and then moved into place.

    Args:
        path: The file to write; its folder must exist.
        tree: A tree (nested dicts, as a rule) of arrays: bool, integers, float16, bfloat16,
            float32, float64 or complex64, any shape.
        metadata: Text about the weights, kept in the file's header.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: A key contains "/", two leaves have one name, or a dtype is not supported.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name) / "tiny.safetensors"
        >>> save_weights(path, {"dense": {"bias": np.ones(2, np.float32)}}, {"seed": "0"})
        >>> load_weights(path, {"dense": {"bias": np.zeros(2, np.float32)}})
        {'dense': {'bias': array([1., 1.], dtype=float32)}}
        >>> folder.cleanup()
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"The folder of a weights file must exist, but {path.parent} does not: create it first."
        )
    # order="C" (not ascontiguousarray, which makes scalars 1-D): the format stores dense rows.
    arrays = {name: np.asarray(leaf, order="C") for name, leaf in _named(tree)[0].items()}
    refused = [f"{name} ({array.dtype})" for name, array in arrays.items() if not _storable(array)]
    if refused:
        raise ValueError(
            f"Every leaf must be a bool, integer or float array that safetensors stores, but found "
            f"{few(refused)}: convert or drop these leaves."
        )
    blob = safetensors.numpy.save(arrays, metadata=metadata or {})
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(_sorted_metadata(blob))


def load_weights(path: str | os.PathLike[str], template: Tree) -> Tree:
    """Reads a parameter tree from a safetensors file and checks it against a template.

    Args:
        path: A file written by `save_weights`, or any safetensors file with the same names.
        template: A tree of arrays or `jax.ShapeDtypeStruct` (`jax.eval_shape` of an init) with the
            structure, shapes and dtypes that the file must have.

    Returns:
        The template's structure with NumPy arrays from the file as leaves.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a whole safetensors file, or its names, shapes or dtypes differ
            from the template's.

    Example:
        >>> load_weights("no_such_file.safetensors", {})
        Traceback (most recent call last):
        ...
        FileNotFoundError: A weights file must exist at no_such_file.safetensors, ...

    Note:
        Leaves are NumPy arrays: JAX without 64-bit mode would silently narrow int64 and float64.
        Nothing is cast: weights of another dtype are refused rather than rounded.
    """
    wanted, structure = _named(template)
    with _open(path) as file:
        found = set(file.keys())
        problems = []
        if missing := [name for name in wanted if name not in found]:
            problems.append(f"lacks {few(missing)}")
        if unexpected := sorted(found - set(wanted)):
            problems.append(f"has the unexpected {few(unexpected)}")
        different = []
        arrays = {name: file.get_tensor(name) for name in wanted if name in found}
        for name, array in arrays.items():
            expected = _describe(wanted[name])
            if _describe(array) != expected:
                different.append(f"{name} ({_describe(array)} instead of {expected})")
        if different:
            problems.append(f"differs in {few(different)}")
    if problems:
        raise ValueError(
            f"The weights in {os.fspath(path)} must match the model, but the file "
            f"{'; it '.join(problems)}: use the file made for this configuration."
        )
    return jax.tree.unflatten(structure, [arrays[name] for name in wanted])


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Reads the text that `save_weights` kept in the header, without reading the weights.

    Args:
        path: A safetensors file.

    Returns:
        The metadata; empty if the file has none.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a whole safetensors file.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name) / "tiny.safetensors"
        >>> save_weights(path, {"scale": np.ones(1, np.float32)}, {"made_by": "pretrain"})
        >>> read_metadata(path)
        {'made_by': 'pretrain'}
        >>> folder.cleanup()
    """
    with _open(path) as file:
        return dict(sorted((file.metadata() or {}).items()))


def packaged_weights(name: str) -> AbstractContextManager[Path]:
    """Gives the path of a weights file that ships inside the package.

    Args:
        name: The file's name without its ending: ``cu_jax/weights/<name>.safetensors``.

    Returns:
        A context manager whose value is a real path, also when the package is a zip file; the path
        is valid inside the `with` block.

    Raises:
        ValueError: No such file ships; the message lists those that do.

    Example:
        >>> packaged_weights("no_such_model")
        Traceback (most recent call last):
        ...
        ValueError: The name of packaged weights must be one of ..., but 'no_such_model' ...
    """
    folder = resources.files("cu_jax") / "weights"
    files = {}
    if folder.is_dir():
        files = {Path(f.name).stem: f for f in folder.iterdir() if f.name.endswith(".safetensors")}
    if name not in files:
        raise ValueError(
            f"The name of packaged weights must be one of {sorted(files)}, but {name!r} was given: "
            "name one of these, or load a file of your own."
        )
    return resources.as_file(files[name])


def few(names: Iterable[str]) -> str:
    """The first names of a list, and how many more there are: what a message has room for.

    Example:
        >>> few(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    names = list(names)
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest


def _open(path: str | os.PathLike[str]) -> Any:
    """Opens a safetensors file; one sentence if it is absent or broken."""
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"A weights file must exist at {os.fspath(path)}, but there is none: check the path, "
            "or make the weights first."
        )
    try:
        return safetensors.safe_open(os.fspath(path), framework="numpy")
    except OSError as error:  # Of the library, which says of every such file that it is missing.
        raise ValueError(
            f"A weights file must be one that may be read, and {os.fspath(path)} is not: change "
            "its permissions."
        ) from error
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"{os.fspath(path)} must be a whole safetensors file, but it cannot be read "
            f"({error}): copy or make it again."
        ) from error


def _named(tree: Tree) -> tuple[dict[str, Any], Any]:
    """Names every leaf by its path joined with "/", in the tree's own order."""
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names: dict[str, Any] = {}
    for path, leaf in paths:
        parts = [jax.tree_util.keystr((key,), simple=True) for key in path]
        name = "/".join(parts)
        if name in names or any("/" in part for part in parts):
            raise ValueError(
                f'Keys must be free of "/" and give each leaf its own name, but {name!r} does '
                "not: rename that key."
            )
        names[name] = leaf
    return names, structure


def _storable(array: np.ndarray) -> bool:
    return array.dtype.name in _SUPPORTED


def _describe(array: Any) -> str:
    return f"{np.dtype(array.dtype).name}{list(array.shape)}"


def _sorted_metadata(blob: bytes) -> tuple[bytes, memoryview]:
    """A new header with sorted metadata, since the library's own order changes, and the tensors."""
    size = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + size])
    if "__metadata__" in header:
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # The format aligns the tensors to eight bytes.
    return len(text).to_bytes(8, "little") + text, memoryview(blob)[8 + size :]
