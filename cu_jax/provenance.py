"""What a run was made with: the hash of its settings, versions, devices."""

import hashlib
import json
import platform
from importlib import metadata
from typing import Any

import jax
from ml_collections import ConfigDict

PACKAGES = ("cu-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")


def config_hash(config: ConfigDict) -> str:
    """SHA-256 of the settings as sorted JSON, in hexadecimal.

    Example:
        >>> config_hash(ConfigDict({"a": 1, "b": 2})) == config_hash(ConfigDict({"b": 2, "a": 1}))
        True
    """
    text = json.dumps(json.loads(config.to_json_best_effort()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def environment() -> dict[str, Any]:
    """Versions, platform and devices; None for a package that is not installed.

    Example:
        >>> environment()["device_count"] >= 1
        True
    """
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "device": jax.devices()[0].device_kind,
        "device_count": jax.device_count(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
