"""Palette's UNet in plain PyTorch, with the published names of parameters."""

import math

import jax
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from cu_jax.hole_corruptions import draw_holes
from cu_jax.noise_schedules import NoiseSchedule

HOLES = 256
"""Holes that are drawn before; in training a loader's workers would make them."""


def _conv(came, width, side=3):
    return nn.Conv2d(came, width, side, padding=side // 2)


class ResBlock(nn.Module):
    """Two convolutions under a noise level; ``resize`` is what the block does to the sides."""

    def __init__(self, came, width, model, resize=nn.Identity):
        super().__init__()
        groups = model.groups
        self.resize = resize()
        self.in_layers = nn.Sequential(nn.GroupNorm(groups, came), nn.SiLU(), _conv(came, width))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(model.embed_width, 2 * width))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(groups, width), nn.SiLU(), nn.Identity(), _conv(width, width)
        )
        self.skip_connection = nn.Identity() if came == width else _conv(came, width, 1)

    def forward(self, x, embedded):
        norm, act, conv = self.in_layers
        h = conv(self.resize(act(norm(x))))
        scale, shift = self.emb_layers(embedded)[:, :, None, None].chunk(2, dim=1)
        norm, act, _, conv = self.out_layers
        h = conv(act(norm(h) * (1 + scale) + shift))
        return self.skip_connection(self.resize(x)) + h


class Attention(nn.Module):
    """Self-attention over all pixels; channels are ordered by head, then q, k and v."""

    def __init__(self, width, model):
        super().__init__()
        self.heads, self.norm = model.heads, nn.GroupNorm(model.groups, width)
        self.qkv, self.proj_out = nn.Conv1d(width, 3 * width, 1), nn.Conv1d(width, width, 1)

    def forward(self, x, embedded):
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x).reshape(b, c, h * w))
        parts = qkv.reshape(b, self.heads, 3, c // self.heads, h * w).transpose(3, 4)
        out = F.scaled_dot_product_attention(*parts.unbind(2))
        return x + self.proj_out(out.transpose(2, 3).reshape(b, c, h * w)).reshape(x.shape)


class UnetEncoder(nn.Module):
    """What unlearning trains: pictures and their corruption to all feature maps."""

    def __init__(self, model):
        super().__init__()
        widths = [model.width * multiplier for multiplier in model.multipliers]
        self.width, embed = model.width, model.embed_width
        self.cond_embed = nn.Sequential(
            nn.Linear(model.width, embed), nn.SiLU(), nn.Linear(embed, embed)
        )
        first = _conv(2 * model.channels, widths[0])
        self.input_blocks = nn.ModuleList([nn.ModuleList([first])])
        self.outputs = [widths[0]]  # channels of each input block
        for level, width in enumerate(widths):
            halves = [lambda: nn.AvgPool2d(2)] * (level + 1 < len(widths))
            for resize in [nn.Identity] * model.res_blocks + halves:
                block = ResBlock(self.outputs[-1], width, model, resize)
                self.input_blocks.append(nn.ModuleList([block]))
                self.outputs.append(width)
        last = self.outputs[-1]
        self.middle_block = nn.ModuleList(
            [ResBlock(last, last, model), Attention(last, model), ResBlock(last, last, model)]
        )

    def forward(self, pictures, mask, gamma, noise, veil):
        return self.maps(noisy_input(pictures, mask, gamma, noise, veil), self.embed(gamma))

    def embed(self, gamma):
        """γ ``[b]`` to ``[b, embed_width]``."""
        half = self.width // 2
        steps = torch.arange(half, device=gamma.device, dtype=gamma.dtype)
        angles = gamma[:, None] * torch.exp(-math.log(1e4) / half * steps)
        return self.cond_embed(torch.cat([angles.cos(), angles.sin()], dim=1))

    def maps(self, x, embedded):
        """The outputs of the input blocks, and the middle's."""
        maps = [self.input_blocks[0][0](x)]
        for (block,) in self.input_blocks[1:]:
            maps.append(block(maps[-1], embedded))
        x = maps[-1]
        for block in self.middle_block:
            x = block(x, embedded)
        return [*maps, x]


class Unet(UnetEncoder):
    """The whole network: the condition, the noisy picture and γ to the noise."""

    def __init__(self, model):
        super().__init__(model)
        skips, came = list(self.outputs), self.outputs[-1]
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(model.multipliers))):
            width = model.width * multiplier
            for index in range(model.res_blocks + 1):
                parts = [ResBlock(came + skips.pop(), width, model)]
                if level and index == model.res_blocks:
                    parts.append(ResBlock(width, width, model, lambda: nn.Upsample(scale_factor=2)))
                self.output_blocks.append(nn.ModuleList(parts))
                came = width
        self.out = nn.Sequential(
            nn.GroupNorm(model.groups, came), nn.SiLU(), _conv(came, model.channels)
        )

    def forward(self, x, gamma):
        embedded = self.embed(gamma)
        *skips, x = self.maps(x, embedded)
        for blocks in self.output_blocks:
            x = torch.cat([x, skips.pop()], dim=1)
            for block in blocks:
                x = block(x, embedded)
        return self.out(x)


def noisy_input(pictures, mask, gamma, noise, veil):
    """The condition, with ``veil`` in the hole, and the noisy picture: ``[b, 2c, h, w]``."""
    left = gamma.view(-1, 1, 1, 1)
    noisy = left.sqrt() * pictures + (1 - left).sqrt() * noise
    hole = mask > 0
    return torch.cat([torch.where(hole, veil, pictures), torch.where(hole, noisy, pictures)], 1)


class PalettePeer:
    """What the unlearning step asks of a diffusion model; see ``torch_step.Objectives``."""

    def __init__(self, model, device):
        self.shape, self.device = (model.channels, model.image_size, model.image_size), device
        self.low, self.high = (torch.tensor(x, device=device) for x in (-1.0, 1.0))
        schedule = NoiseSchedule(**model.schedule.to_dict())
        self.gammas = torch.tensor(schedule.gammas, dtype=torch.float32, device=device)
        holes = draw_holes(model.holes, jax.random.key(2), HOLES, model.image_size)
        self.holes = torch.tensor(np.asarray(holes), device=device).permute(0, 3, 1, 2)

    @staticmethod
    def encoder(model):
        return UnetEncoder(model)

    def draw(self, count):
        """Holes, noise levels, and noise for the holes of both halves of the input."""
        step = torch.randint(1, len(self.gammas), (count,), device=self.device)
        high, low = self.gammas[step - 1], self.gammas[step]
        gamma = high + torch.rand(count, device=self.device) * (low - high)
        noise, veil = torch.randn(2, count, *self.shape, device=self.device)
        which = torch.randint(HOLES, (count,), device=self.device)
        return self.holes[which], gamma, noise, veil

    def prepare(self, pictures):
        """Nothing is computed from them first."""
        return pictures
