"""Transformers' CLIPVisionModelWithProjection and its picture processor: needs PyTorch."""

import numpy as np
import torch
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection


def build(sizes, arrays):
    """The module with weights in the published layout."""
    config = CLIPVisionConfig(
        hidden_size=sizes.width,
        intermediate_size=sizes.mlp_width,
        projection_dim=sizes.projection,
        num_hidden_layers=sizes.depth,
        num_attention_heads=sizes.heads,
        image_size=sizes.image_size,
        patch_size=sizes.patch_size,
        hidden_act=sizes.activation,
        layer_norm_eps=sizes.eps,
    )
    model = CLIPVisionModelWithProjection(config).eval()
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()}
    model.load_state_dict(tensors, strict=True)
    return model


def prepared(pictures, side):
    """What a processor makes of bytes ``[b, h, w, 3]``: ``[b, side, side, 3]``."""
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    )
    pixels = processor(
        images=list(pictures), return_tensors="np", input_data_format="channels_last"
    )
    return pixels["pixel_values"].transpose(0, 2, 3, 1)


def embeddings(model, prepared):
    """Of prepared pictures ``[b, side, side, 3]``."""
    pixels = torch.from_numpy(prepared.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        return model(pixel_values=pixels).image_embeds.numpy()
