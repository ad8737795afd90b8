"""The networks that look at pictures for the evaluation: one table, and how their weights come."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from cu_jax import bounded, convert, metrics
from cu_jax.metrics import FeatureNetwork, clip, efficientnet
from cu_jax.metrics import inception as inception_network

Params = Any
_WEIGHTS, _MODEL = "params.safetensors", "model.json"


class LoadedNetwork(NamedTuple):
    """A network with its weights.

    Attributes:
        network: what it computes.
        params: its weights.
        digest: SHA-256 of the file of its weights; empty for one that no file tells.
    """

    network: FeatureNetwork
    params: Params
    digest: str = ""


class Blueprint(NamedTuple):
    """How a network is built, before its weights are read.

    Attributes:
        network: what it computes.
        template: shapes and dtypes of its weights.
    """

    network: FeatureNetwork
    template: Params


def _inception(settings: Mapping[str, Any]) -> Blueprint:
    template = jax.eval_shape(inception_network.init, jax.random.key(0))
    return Blueprint(metrics.INCEPTION, template)


def _clip(settings: Mapping[str, Any]) -> Blueprint:
    return Blueprint(clip.network(settings), clip.template(settings))


def _efficientnet(settings: Mapping[str, Any]) -> Blueprint:
    template = jax.eval_shape(efficientnet.init, jax.random.key(0))
    return Blueprint(efficientnet.EFFICIENTNET, template)


NETWORKS: dict[str, Callable[[Mapping[str, Any]], Blueprint]] = {
    "inception": _inception,
    "clip": _clip,
    "efficientnetlite0": _efficientnet,
}
"""Name in ``config.evaluation.networks``, on the command line of :mod:`cu_jax.convert` and in
``model.json`` → from the settings in ``model.json`` to the network."""


def load_networks(folders: Mapping[str, str]) -> list[LoadedNetwork]:
    """Reads the weights of every network that a config names.

    Args:
        folders: ``config.evaluation.networks``: name to the folder of an import; empty ones are
            left out.

    Returns:
        The networks, in the order of their names.

    Raises:
        FileNotFoundError: a folder holds no import.
        ValueError: a name is unknown, or a folder is of something else or damaged.

    Example:
        >>> load_networks({"inception": ""})
        []
        >>> load_networks({"inception": "no/such/folder"})
        Traceback (most recent call last):
        FileNotFoundError: config.evaluation.networks.inception must be a folder made by python -m
        cu_jax.convert import inception, and there is no no/such/folder/solutions/original: make it,
        or leave the setting empty.
    """
    return [_load(name, Path(folder)) for name, folder in sorted(folders.items()) if folder]


def _load(name: str, folder: Path) -> LoadedNetwork:
    if name not in NETWORKS:
        raise ValueError(
            f"config.evaluation.networks must be among {', '.join(NETWORKS)}, got {name}: leave "
            "that one empty."
        )
    made = folder / "solutions" / "original"
    told = f"made by python -m cu_jax.convert import {name}"
    if not (made / _WEIGHTS).is_file():
        raise FileNotFoundError(
            f"config.evaluation.networks.{name} must be a folder {told}, and there is no {made}: "
            "make it, or leave the setting empty."
        )
    try:
        settings = bounded.read_json(made / _MODEL)["model"]
        found = settings["name"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{made / _MODEL} must say which network it is, and cannot be read ({error!r}): import "
            "it again."
        ) from error
    if found != name:
        raise ValueError(
            f"config.evaluation.networks.{name} must be a folder {told}, and {folder} holds "
            f"{found!r}: give another."
        )
    blueprint = NETWORKS[name](settings)
    params = convert.load_weights(made / _WEIGHTS, blueprint.template)
    with (made / _WEIGHTS).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return LoadedNetwork(blueprint.network, params, digest)
