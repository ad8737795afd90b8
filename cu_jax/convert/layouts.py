"""Key layouts of published files: what several kinds of model share, and how a file is held to one.

A layout is every key of a file and its shape, in the file's order. Names are PyTorch's: a linear
layer's ``weight`` is ``[outputs, inputs]``, a norm's is its scale.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cu_jax.convert.weights import few

Shape = tuple[int, ...]


class Wording(NamedTuple):
    """How messages speak of a kind of model.

    Attributes:
        model: ``a masked autoencoder``.
        advice: which published files to give, as the end of a sentence.
    """

    model: str
    advice: str


def linear(name: str, outputs: int, inputs: int) -> dict[str, Shape]:
    """A linear layer with a bias.

    Example:
        >>> linear("norm", 2, 3)
        {'norm.weight': (2, 3), 'norm.bias': (2,)}
    """
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def vectors(name: str, width: int) -> dict[str, Shape]:
    """Scale and shift of a norm.

    Example:
        >>> vectors("norm", 2)
        {'norm.weight': (2,), 'norm.bias': (2,)}
    """
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def blocks(prefix: str, depth: int, width: int, mlp_ratio: float) -> dict[str, Shape]:
    """The pre-norm blocks of a vision transformer, ``<prefix>.<index>``.

    Example:
        >>> keys = blocks("blocks", 2, 8, 4.0)
        >>> len(keys), keys["blocks.1.mlp.fc1.weight"]
        (24, (32, 8))
    """
    hidden = int(width * mlp_ratio)
    keys: dict[str, Shape] = {}
    for index in range(depth):
        block = f"{prefix}.{index}"
        keys |= vectors(f"{block}.norm1", width)
        keys |= linear(f"{block}.attn.qkv", 3 * width, width)
        keys |= linear(f"{block}.attn.proj", width, width)
        keys |= vectors(f"{block}.norm2", width)
        keys |= linear(f"{block}.mlp.fc1", hidden, width)
        keys |= linear(f"{block}.mlp.fc2", width, hidden)
    return keys


def depth(names: Iterable[str], prefix: str) -> int:
    """How many indices follow a prefix: counted, so that a far one is an unexpected key.

    Example:
        >>> depth(["blocks.0.norm1.bias", "blocks.999.norm1.bias", "norm.bias"], "blocks")
        2
    """
    pattern = re.compile(rf"{re.escape(prefix)}\.(\d+)\.")
    return len({match[1] for name in names if (match := pattern.match(name))})


# How keys start that no kind above has: what tells the kind of a file.
_TELLTALES = {
    "mage": "token_emb.",
    "vqgan": "quantize.",
    "mae": "decoder_pred.",
    "palette": "denoise_fn.",
    "inception": "Mixed_7c.",
    "clip": "vision_model.",
    "efficientnetlite0": "_conv_stem.",
}


def check_kind(shapes: Mapping[str, Shape], kind: str, source: str) -> None:
    """Refuses a file of another kind that can be imported.

    Args:
        shapes: of every array in the file, by its key.
        kind: what the user says that it is.
        source: the file, for the message.

    Raises:
        ValueError: it is another.

    Example:
        >>> check_kind({"quantize.embedding.weight": (1024, 256)}, "mae", "vqgan.ckpt")
        Traceback (most recent call last):
        ValueError: A file must be of the kind that is imported, mae, and vqgan.ckpt is of the kind
        vqgan: name that kind, or give another file.
    """
    found = next(
        (
            name
            for name, start in _TELLTALES.items()
            if any(key.startswith(start) for key in shapes)
        ),
        kind,
    )
    if found != kind:
        raise ValueError(
            f"A file must be of the kind that is imported, {kind}, and {source} is of the kind "
            f"{found}: name that kind, or give another file."
        )


def check_telling(
    shapes: Mapping[str, Shape],
    telling: Mapping[str, int],
    known: Iterable[str],
    wording: Wording,
    source: str,
) -> None:
    """Refuses a file without the arrays that its sizes are read from.

    Args:
        shapes: of every array in the file, by its key.
        telling: the keys that tell sizes, and the number of axes of each.
        known: keys of the published layout, to tell a damaged file from one of another model.
        wording: how to speak of the model.
        source: the file, for the message.

    Raises:
        ValueError: one is missing, or has other axes.

    Example:
        >>> wording = Wording("a masked autoencoder", "give mae_visualize_vit_base.pth")
        >>> check_telling({"a": (3,)}, {"cls_token": 3}, ["cls_token"], wording, "mae.pth")
        Traceback (most recent call last):
        ValueError: A file must hold a masked autoencoder with the published names, and mae.pth
        lacks cls_token and has a: give mae_visualize_vit_base.pth.
    """
    if missing := [key for key in telling if key not in shapes]:
        strange = not any(key in shapes for key in known)
        raise ValueError(
            f"A file must hold {wording.model} with the published names, and {source} lacks "
            f"{few(missing)}"
            + (f" and has {few(sorted(shapes))}" if strange else "")
            + f": {wording.advice}."
        )
    for key, rank in telling.items():
        shape = shapes[key]
        if len(shape) != rank or min(shape) < 1:
            raise ValueError(
                f"{key} must have {rank} axes with something in them in {wording.model}, and has "
                f"shape {list(shape)} in {source}: give a file without changes."
            )


def check_layout(
    shapes: Mapping[str, Shape], expected: Mapping[str, Shape], wording: Wording, source: str
) -> None:
    """Refuses a file whose keys and shapes are not exactly those of a layout.

    Args:
        shapes: of every array in the file, by its key.
        expected: the layout of the sizes that were read from them.
        wording: how to speak of the model.
        source: the file, for the message.

    Raises:
        ValueError: keys are missing or too many, or shapes differ.

    Example:
        >>> wording = Wording("a masked autoencoder", "give mae_visualize_vit_base.pth")
        >>> check_layout({"a": (3,)}, {"a": (4,)}, wording, "mae.pth")
        Traceback (most recent call last):
        ValueError: A file must have the keys and shapes of a masked autoencoder as published, and
        mae.pth differs in a ([3] instead of [4]): give a file without changes.
    """
    problems = []
    if missing := [key for key in expected if key not in shapes]:
        problems.append(f"lacks {few(missing)}")
    if unexpected := [key for key in shapes if key not in expected]:
        problems.append(f"has the unexpected {few(sorted(unexpected))}")
    different = [
        f"{key} ({list(shapes[key])} instead of {list(shape)})"
        for key, shape in expected.items()
        if key in shapes and tuple(shapes[key]) != shape
    ]
    if different:
        problems.append(f"differs in {few(different)}")
    if problems:
        raise ValueError(
            f"A file must have the keys and shapes of {wording.model} as published, and {source} "
            f"{'; it '.join(problems)}: give a file without changes."
        )
