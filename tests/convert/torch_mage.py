"""The published MAGE as a plain module with the published names, in float64: needs PyTorch."""

import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_spec = importlib.util.spec_from_file_location(
    "torch_vqgan", Path(__file__).with_name("torch_vqgan.py")
)
torch_vqgan = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(torch_vqgan)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, width = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=1e-6), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width, eps=1e-6), Mlp(width, int(width * ratio))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class TokenEmbedding(nn.Module):
    def __init__(self, vocabulary, length, width):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocabulary, width)
        self.position_embeddings = nn.Embedding(length, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-6)
        self.register_buffer("position_ids", torch.arange(length)[None])

    def forward(self, ids):
        return self.LayerNorm(
            self.word_embeddings(ids) + self.position_embeddings(self.position_ids)
        )


class Head(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 1, vocabulary))
        self.fc, self.ln = nn.Linear(width, width), nn.LayerNorm(width)

    def forward(self, x, words):
        return self.ln(functional.gelu(self.fc(x))) @ words.T + self.bias


class Mage(nn.Module):
    """Made of :class:`cu_jax.convert.mage_layout.MageSizes`."""

    def __init__(self, sizes, heads, class_token):
        super().__init__()
        width, length, patch = sizes.encoder_width, 1 + sizes.grid**2, sizes.tokenizer.patch_size
        self.vocabulary, self.class_token = sizes.vocabulary, class_token
        for name in ("cls_token", "mask_token"):
            setattr(self, name, nn.Parameter(torch.zeros(1, 1, width)))
        for name in ("pos_embed", "decoder_pos_embed", "decoder_pos_embed_learned"):
            setattr(self, name, nn.Parameter(torch.zeros(1, length, width)))
        self.vqgan = torch_vqgan.VqGan(sizes.tokenizer)
        self.token_emb = TokenEmbedding(sizes.vocabulary, length, width)
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(sizes.tokenizer.channels, width, patch, patch)
        depths, ratio = (sizes.encoder_depth, sizes.decoder_depth), sizes.mlp_ratio
        self.blocks, self.decoder_blocks = (
            nn.ModuleList(Block(width, number, ratio) for _ in range(depth))
            for depth, number in zip(depths, heads, strict=True)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_embed = nn.Linear(width, width)
        self.decoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_pred = nn.Linear(width, patch**2 * sizes.tokenizer.channels)
        self.mlm_layer = Head(sizes.vocabulary, width)

    def forward(self, tokens, masked, dropped):
        """Features of the tokens that are not dropped, and logits of all, class token included."""
        ids = torch.where(masked, self.vocabulary - 1, tokens)
        first = torch.full_like(ids[:, :1], self.class_token)
        x = self.token_emb(torch.cat([first, ids], 1))
        kept = torch.cat([torch.ones_like(dropped[:, :1]), ~dropped], 1)
        x = x[kept].reshape(len(x), -1, x.shape[2])
        for block in self.blocks:
            x = block(x)
        features = self.norm(x)

        read = self.decoder_embed(features)
        filled = read[:, :1].repeat(1, kept.shape[1], 1)
        filled[kept] = read.flatten(0, 1)
        hidden = torch.cat([torch.zeros_like(masked[:, :1]), masked], 1)
        x = torch.where(hidden[..., None], read[:, :1], filled) + self.decoder_pos_embed_learned
        for block in self.decoder_blocks:
            x = block(x)
        words = self.token_emb.word_embeddings.weight
        return features, self.mlm_layer(self.decoder_norm(x), words)


def build(sizes, heads, arrays):
    """The module with these arrays, all of which it must have."""
    module = Mage(sizes, heads, sizes.tokenizer.codes + 76).eval()
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()}
    module.load_state_dict(tensors, strict=True)
    return module.double()


def outputs(module, tokens, masked, dropped):
    """Features ``[b, 1 + kept, width]`` and the codes' logits ``[b, n, codes]``."""
    with torch.no_grad():
        features, logits = module(
            torch.from_numpy(tokens).long(),
            torch.from_numpy(masked) > 0,
            torch.from_numpy(dropped),
        )
    codes = module.vqgan.quantize.embedding.num_embeddings
    return features.numpy(), logits[:, 1:, :codes].numpy()
