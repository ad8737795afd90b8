"""The published diffusion UNet as a plain module with the published names: needs PyTorch.

In float64, so that what differs is the rounding of ours alone.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def _norm(width):
    return nn.GroupNorm(32, width)


def _conv(came, width, side=3):
    return nn.Conv2d(came, width, side, padding=side // 2)


class Block(nn.Module):
    """A residual block; ``resize`` is what it does to the sides."""

    def __init__(self, came, width, embed, resize=nn.Identity):
        super().__init__()
        self.resize = resize()
        self.in_layers = nn.Sequential(_norm(came), nn.SiLU(), _conv(came, width))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embed, 2 * width))
        self.out_layers = nn.Sequential(
            _norm(width), nn.SiLU(), nn.Dropout(0.2), _conv(width, width)
        )
        self.skip_connection = nn.Identity() if came == width else _conv(came, width, 1)

    def forward(self, x, embedded):
        h = self.in_layers[2](self.resize(self.in_layers[1](self.in_layers[0](x))))
        scale, shift = self.emb_layers(embedded)[:, :, None, None].chunk(2, dim=1)
        h = self.out_layers[0](h) * (1 + scale) + shift
        return self.skip_connection(self.resize(x)) + self.out_layers[1:](h)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = _norm(width)
        self.qkv = nn.Conv1d(width, 3 * width, 1)
        self.proj_out = nn.Conv1d(width, width, 1)

    def forward(self, x, embedded):
        b, width, h, w = x.shape
        qkv = self.qkv(self.norm(x).reshape(b, width, h * w))
        # Channels are ordered by head, then q, k, v, then 32 of each.
        q, k, v = qkv.reshape(b, width // 32, 3, 32, h * w).unbind(2)
        attended = functional.scaled_dot_product_attention(
            q.transpose(2, 3), k.transpose(2, 3), v.transpose(2, 3)
        )
        attended = attended.transpose(2, 3).reshape(b, width, h * w)
        return x + self.proj_out(attended).reshape(x.shape)


def _down():
    return nn.AvgPool2d(2)


def _up():
    return nn.Upsample(scale_factor=2, mode="nearest")


class Unet(nn.Module):
    """Made of :class:`cu_jax.convert.palette_layout.PaletteSizes`."""

    def __init__(self, sizes):
        super().__init__()
        embed, widths, self.width = sizes.embed_width, sizes.widths, sizes.width
        self.cond_embed = nn.Sequential(
            nn.Linear(sizes.width, embed), nn.SiLU(), nn.Linear(embed, embed)
        )
        self.input_blocks = nn.ModuleList([nn.ModuleList([_conv(2 * sizes.channels, widths[0])])])
        skips = [widths[0]]
        for level, width in enumerate(widths):
            resizes = [nn.Identity] * sizes.res_blocks + [_down] * (level + 1 < len(widths))
            for resize in resizes:
                block = Block(skips[-1], width, embed, resize)
                self.input_blocks.append(nn.ModuleList([block]))
                skips.append(width)
        came = skips[-1]
        self.middle_block = nn.ModuleList(
            [Block(came, came, embed), Attention(came), Block(came, came, embed)]
        )
        self.output_blocks = nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            for index in range(sizes.res_blocks + 1):
                blocks = nn.ModuleList([Block(came + skips.pop(), width, embed)])
                if level and index == sizes.res_blocks:
                    blocks.append(Block(width, width, embed, _up))
                self.output_blocks.append(blocks)
                came = width
        self.out = nn.Sequential(_norm(came), nn.SiLU(), _conv(came, sizes.channels))

    def forward(self, x, gamma):
        half = self.width // 2
        omega = torch.exp(-math.log(1e4) * torch.arange(half) / half).to(x)
        angles = gamma[:, None] * omega
        embedded = self.cond_embed(torch.cat([angles.cos(), angles.sin()], dim=1))
        maps = [self.input_blocks[0][0](x)]
        for (block,) in self.input_blocks[1:]:
            maps.append(block(maps[-1], embedded))
        x, skips = maps[-1], list(maps)
        for block in self.middle_block:
            x = block(x, embedded)
        maps.append(x)
        for blocks in self.output_blocks:
            x = torch.cat([x, skips.pop()], dim=1)
            for block in blocks:
                x = block(x, embedded)
        return maps, self.out(x)


def build(sizes, arrays):
    """The module with these arrays, all of which but the noise schedule it must have."""
    module = Unet(sizes).eval()
    start = "denoise_fn."
    tensors = {
        key.removeprefix(start): torch.from_numpy(np.array(array))
        for key, array in arrays.items()
        if key.startswith(start)
    }
    module.load_state_dict(tensors, strict=True)
    return module.double()


def outputs(module, x, gamma):
    """All maps and the predicted noise, channels last."""
    with torch.no_grad():
        maps, noise = module(
            torch.from_numpy(x.transpose(0, 3, 1, 2)).double(), torch.from_numpy(gamma).double()
        )
    return [one.permute(0, 2, 3, 1).numpy() for one in maps], noise.permute(0, 2, 3, 1).numpy()
