"""The models, and the one table of them."""

from collections.abc import Callable
from typing import Any

from cu_jax.models import mae, mage, palette
from cu_jax.models.interface import Model, Params, Pretrained

MODELS: dict[str, Callable[[Any], Model]] = {
    "mae": mae.build,
    "mage": mage.build,
    "palette": palette.build,
}
"""Name in ``config.model.name`` → builder from the config's ``model`` section."""

__all__ = ["MODELS", "Model", "Params", "Pretrained"]
