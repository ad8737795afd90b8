"""Transformers' ViTMAEForPreTraining with weights in the published layout: needs PyTorch."""

import re

import numpy as np
import torch
from transformers import ViTMAEConfig, ViTMAEForPreTraining
from transformers.models.vit_mae.modeling_vit_mae import build_2d_sinusoidal_position_embedding

_NAMES = [
    (r"^cls_token$", "vit.embeddings.cls_token"),
    (r"^pos_embed$", "vit.embeddings.position_embeddings"),
    (r"^patch_embed\.proj\.", "vit.embeddings.patch_embeddings.projection."),
    (r"^norm\.", "vit.layernorm."),
    (r"^decoder_blocks\.", "decoder.decoder_layers."),
    (r"^blocks\.", "vit.layers."),
    (r"^(mask_token|decoder_pos_embed|decoder_embed|decoder_norm|decoder_pred)", r"decoder.\1"),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
]


def renamed(arrays):
    """Published keys to those of transformers, one by one; q, k and v apart."""
    found = {}
    for key, array in arrays.items():
        for pattern, new in _NAMES:
            key = re.sub(pattern, new, key)
        tensor = torch.from_numpy(np.array(array))
        if ".attn.qkv." in key:
            for name, part in zip("qkv", tensor.chunk(3), strict=True):
                found[key.replace(".attn.qkv.", f".attention.{name}_proj.")] = part
        else:
            found[key] = tensor
    return found


def build(sizes, heads):
    """The empty module, with the published eps and mask ratio."""
    config = ViTMAEConfig(
        hidden_size=sizes.encoder_width,
        num_hidden_layers=sizes.encoder_depth,
        num_attention_heads=heads[0],
        intermediate_size=int(sizes.encoder_width * sizes.mlp_ratio),
        decoder_hidden_size=sizes.decoder_width,
        decoder_num_hidden_layers=sizes.decoder_depth,
        decoder_num_attention_heads=heads[1],
        decoder_intermediate_size=int(sizes.decoder_width * sizes.mlp_ratio),
        image_size=sizes.image_size,
        patch_size=sizes.patch_size,
        num_channels=sizes.channels,
        layer_norm_eps=1e-6,
        hidden_act="gelu",
        mask_ratio=0.75,
        norm_pix_loss=False,
    )
    return ViTMAEForPreTraining(config).eval()


def outputs(model, images, noise):
    """Features after the last norm, and predicted patches."""
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    noise = torch.from_numpy(noise)
    with torch.no_grad():
        features = model.vit(pixel_values=pixels, noise=noise).last_hidden_state
        patches = model(pixel_values=pixels, noise=noise).logits
    return features.numpy(), patches.numpy()


def positions(width, grid):
    """Fixed positions as the module stores them, ``[1 + grid², width]``."""
    table = build_2d_sinusoidal_position_embedding(grid, grid, width, cls_token=True)
    # Made row first, and turned round before it is stored: column first.
    return torch.cat([table[:, width // 2 :], table[:, : width // 2]], dim=1).numpy()
