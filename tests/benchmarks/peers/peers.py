"""From a config and cu_jax's parameters to the same networks in PyTorch."""

from pathlib import Path

import jax
import numpy as np
import torch
from timing import DEVICE
from tokens import MagePeer
from transformer import MaePeer
from unet import PalettePeer

from cu_jax.convert import mae, mae_settings, mage, mage_settings, palette
from cu_jax.convert.mage_layout import TOKENIZER
from cu_jax.convert.palette_layout import NETWORK
from cu_jax.convert.palette_schedule import buffers

KINDS = {"mae": MaePeer, "mage": MagePeer, "palette": PalettePeer}


def published(model, params):
    """cu_jax's parameters as tensors with the published names.

    Args:
        model: the ``model`` section of a config, of published sizes but for widths and depths.
        params: all of its parameters.
    """
    params, settings, source = jax.device_get(params), model.to_dict(), Path("model")
    if model.name == "mae":
        sizes = mae_settings.sizes_of(settings, source)
        arrays = mae.from_tree(params, sizes, mae.fixed_positions(sizes))
    elif model.name == "mage":
        sizes = mage_settings.sizes_of(settings, source)
        arrays = mage.from_tree(params, sizes, mage.fresh_unused(sizes))
    else:
        sizes, schedule = palette.sizes_of(settings, source)
        arrays = palette.renaming(sizes).from_tree(params, buffers(schedule))
    return {key.removeprefix(NETWORK): torch.from_numpy(np.array(x)) for key, x in arrays.items()}


def load(module, tensors, prefix=""):
    """Puts tensors into a module; all that it has must be there."""
    found = {key: tensors[prefix + key] for key in module.state_dict()}
    module.load_state_dict(found, strict=True)
    return module.to(DEVICE)


def build(model, params, layout=torch.contiguous_format):
    """The peer of a config's ``model`` section, and its encoder with these parameters.

    Args:
        model: the section.
        params: of cu_jax's model.
        layout: memory format of pictures and of convolutions' weights.
    """
    tensors, peer = published(model, params), KINDS[model.name](model, DEVICE)
    if model.name == "mage":
        load(peer.tokenizer, tensors, TOKENIZER).to(memory_format=layout)
    return peer, load(peer.encoder(model), tensors).to(memory_format=layout)
