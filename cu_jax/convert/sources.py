"""Where a config's weights come from: a name of the package, or a path on disk."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cu_jax import bounded
from cu_jax.convert.exchange import SOLUTION
from cu_jax.convert.weights import few, packaged_weights

TOKENIZER = "vqgan"
"""Name in the ``model.json`` of a tokenizer alone; one inside a model has none."""
CONVOLUTIONAL = (TOKENIZER, "palette")
"""Kinds of weights that fit pictures of any size."""
# Settings with which the same weights may be used differently: training, then restoring.
_FREE = {
    *("name", "dtype", "mask_ratio", "mask_mean", "mask_std", "mask_min", "mask_max", "drop"),
    *("holes", "noise_pool", "forget_noise"),
    *("margin", "fill", "blend_grow", "blend_blur", "temperature", "token_temperature"),
    *("steps", "sampler", "eta", "paste", "sampling_dtype"),
}


@contextlib.contextmanager
def model_weights(
    name: str, settings: Mapping[str, Any], where: str = "config.pretrain.weights"
) -> Iterator[Path]:
    """Gives the weights file that a setting such as ``config.pretrain.weights`` names.

    Args:
        name: weights of the package; or else a path: a ``.safetensors`` file of our tree, the
            folder of an import or of a run, whose original is meant, or one solution's folder.
        settings: the ``model`` section of the config, or that of its tokenizer, without a name.
        where: the setting, for the message.

    Yields:
        The file's path, valid inside the ``with`` block.

    Raises:
        FileNotFoundError: it is neither.
        ValueError: the folder's model has other settings than the config's.

    Example:
        >>> with model_weights("mae_mnist", {}) as path:
        ...     path.name
        'mae_mnist.safetensors'
        >>> with model_weights("imported/mae_large", {}) as path:
        ...     pass
        Traceback (most recent call last):
        FileNotFoundError: config.pretrain.weights must name weights of the package, ...
    """
    path = Path(name)
    if _ships(name):
        with packaged_weights(name) as packaged:
            yield packaged
        return
    if not path.exists():
        raise FileNotFoundError(
            f"{where} must name weights of the package, a .safetensors file or a "
            f"folder, and there is no {name}: check the path, or import the weights first "
            "(python -m cu_jax.convert --help)."
        )
    if path.is_dir():
        folder = path if (path / "params.safetensors").is_file() else path / SOLUTION
        _check_settings(folder / "model.json", name, settings, where)
        path = folder / "params.safetensors"
    yield path


def _ships(name: str) -> bool:
    if os.sep in name:
        return False
    try:
        packaged_weights(name)
    except ValueError:
        return False
    return True


def _check_settings(path: Path, name: str, settings: Mapping[str, Any], where: str) -> None:
    """Refuses what the shapes of weights do not show: another number of heads, another mean."""
    try:
        model = bounded.read_json(path)["model"]
        kind, found = model["name"], _flat(model)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The folder {name} of {where} must be that of an import, a run or a "
            f"solution, and {path} cannot be read ({type(error).__name__}): give another."
        ) from error
    wanted_kind = settings.get("name", TOKENIZER)
    if kind == TOKENIZER != wanted_kind:
        raise ValueError(f"{where} must name a whole model: {tokenizer_alone(name)}")
    if kind != wanted_kind:
        raise ValueError(
            f"{where} must name weights of the kind {wanted_kind}, and those in {name} are of the "
            f"kind {kind}: give another."
        )
    wanted = _flat(settings)
    if kind in CONVOLUTIONAL:
        wanted.pop("image_size", None)
    different = [
        f"{key} {value!r} instead of {wanted[key]!r}"
        for key, value in found.items()
        if key in wanted and value != wanted[key]
    ]
    if different:
        raise ValueError(
            f"The weights in {name} must be of the model of the config, but theirs has "
            f"{few(different)}: change config.model or {where}."
        )


def tokenizer_alone(name: str) -> str:
    """What to say of a tokenizer in the place of a model.

    Args:
        name: the folder or file.

    Example:
        >>> tokenizer_alone("imported/vqgan")
        'imported/vqgan holds a tokenizer alone, which restores nothing; name it in
        config.tokenizer.weights, with config.tokenizer.steps=0, to make a model from scratch.'
    """
    return (
        f"{name} holds a tokenizer alone, which restores nothing; name it in "
        "config.tokenizer.weights, with config.tokenizer.steps=0, to make a model from scratch."
    )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings that weights are made for, by dotted names, as JSON would give them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif key not in _FREE:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat
