"""The masked autoencoder's encoder in plain PyTorch, with the published names of parameters."""

import torch
from torch import nn
from torch.nn import functional as F

from cu_jax.positions import sincos_table


class Attention(nn.Module):
    """Multi-head self-attention by the library's own kernel."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, width = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, v)
        return self.proj(out.transpose(1, 2).reshape(b, n, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=1e-6), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width, eps=1e-6), Mlp(width, int(width * ratio))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def blocks_of(model):
    """The encoder's blocks, from the ``model`` section of a config."""
    width, heads = model.encoder_width, model.encoder_heads
    return nn.ModuleList(Block(width, heads, model.mlp_ratio) for _ in range(model.encoder_depth))


def taken(x, index):
    """``x[b, index[b]]`` for ``x`` ``[b, n, width]`` and ``index`` ``[b, kept]``."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))


class MaeEncoder(nn.Module):
    """Pictures ``[b, c, h, w]`` and the kept patches to ``[b, 1 + kept, width]``."""

    def __init__(self, model):
        super().__init__()
        width, patch = model.encoder_width, model.patch_size
        positions = sincos_table(width, model.image_size // patch)
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(model.channels, width, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.register_buffer("pos_embed", torch.from_numpy(positions)[None])
        self.blocks, self.norm = blocks_of(model), nn.LayerNorm(width, eps=1e-6)

    def forward(self, pictures, keep):
        x = self.patch_embed.proj(pictures).flatten(2).transpose(1, 2)
        x = taken(x + self.pos_embed[:, 1:], keep)
        cls = (self.cls_token + self.pos_embed[:, :1]).expand(len(x), -1, -1)
        x = torch.cat([cls, x], dim=1)
        for block in self.blocks:
            x = block(x)
        return [self.norm(x)]


class MaePeer:
    """What the unlearning step asks of a masked autoencoder; see ``torch_step.Objectives``."""

    def __init__(self, model, device):
        grid = model.image_size // model.patch_size
        self.patches, self.kept = grid**2, int(grid**2 * (1 - model.mask_ratio))
        mean, std = (torch.tensor(x, device=device).view(-1, 1, 1) for x in (model.mean, model.std))
        self.low, self.high = (0 - mean) / std, (1 - mean) / std
        self.device = device

    @staticmethod
    def encoder(model):
        return MaeEncoder(model)

    def draw(self, count):
        """The kept patches of each picture."""
        order = torch.rand(count, self.patches, device=self.device).argsort(dim=1)
        return (order[:, : self.kept],)

    def prepare(self, pictures):
        """Nothing is computed from them first."""
        return pictures
