"""MAGE's encoder and its tokenizer's in plain PyTorch, with the published names of parameters."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from transformer import blocks_of


def _conv(came, width, side, bias):
    return nn.Conv2d(came, width, side, padding=side // 2, bias=bias)


class ConvBlock(nn.Module):
    """The tokenizer's residual block, whose 1 x 1 shortcut reads its own output."""

    def __init__(self, came, width, groups):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, came, eps=1e-6), _conv(came, width, 3, False)
        self.norm2, self.conv2 = (
            nn.GroupNorm(groups, width, eps=1e-6),
            _conv(width, width, 3, False),
        )
        self.nin_shortcut = None if came == width else _conv(width, width, 1, False)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        return h + (x if self.nin_shortcut is None else self.nin_shortcut(h))


class ConvEncoder(nn.Module):
    """Pictures ``[b, c, h, w]`` to latents ``[b, code_width, g, g]``."""

    def __init__(self, sizes):
        super().__init__()
        self.conv_in, came = _conv(sizes.channels, sizes.width, 3, False), sizes.width
        self.down = nn.ModuleList()
        for multiplier in sizes.multipliers:
            width, level = sizes.width * multiplier, nn.Module()
            level.block = nn.ModuleList(
                ConvBlock(width if index else came, width, sizes.groups)
                for index in range(sizes.res_blocks)
            )
            self.down.append(level)
            came = width
        self.mid = nn.ModuleDict(
            {f"block_{i + 1}": ConvBlock(came, came, sizes.groups) for i in range(sizes.res_blocks)}
        )
        self.norm_out = nn.GroupNorm(sizes.groups, came, eps=1e-6)
        self.conv_out = nn.Conv2d(came, sizes.code_width, 1)

    def forward(self, x):
        x = self.conv_in(x)
        for index, level in enumerate(self.down):
            x = F.avg_pool2d(x, 2) if index else x
            for block in level.block:
                x = block(x)
        for block in self.mid.values():
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Tokenizer(nn.Module):
    """Pictures to tokens ``[b, n]``: the number of the nearest code."""

    def __init__(self, sizes):
        super().__init__()
        self.encoder, self.quantize = ConvEncoder(sizes), nn.Module()
        self.quantize.embedding = nn.Embedding(sizes.codes, sizes.code_width)

    def forward(self, pictures):
        latents = self.encoder(pictures).flatten(2).transpose(1, 2)
        codes = self.quantize.embedding.weight
        return (codes.square().sum(1) - 2 * latents @ codes.T).argmin(-1)


class TokenEmbedding(nn.Module):
    def __init__(self, model, length):
        super().__init__()
        width = model.encoder_width
        self.word_embeddings = nn.Embedding(model.vocabulary, width)
        self.position_embeddings = nn.Embedding(length, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, ids, positions):
        return self.LayerNorm(self.word_embeddings(ids) + self.position_embeddings(positions))


class MageEncoder(nn.Module):
    """Tokens ``[b, n]``, the kept ones and the masked ones to ``[b, 1 + kept, width]``."""

    def __init__(self, model):
        super().__init__()
        self.mask_token, self.class_token = model.vocabulary - 1, model.class_token
        self.token_emb = TokenEmbedding(model, 1 + tokens_of(model))
        self.blocks, self.norm = blocks_of(model), nn.LayerNorm(model.encoder_width, eps=1e-6)

    def forward(self, tokens, keep, masked):
        ids = torch.where(masked, self.mask_token, tokens).gather(1, keep)
        x = self.token_emb(F.pad(ids, (1, 0), value=self.class_token), F.pad(keep + 1, (1, 0)))
        for block in self.blocks:
            x = block(x)
        return [self.norm(x)]


def tokens_of(model):
    """Tokens of a picture."""
    side = 2 ** (len(model.tokenizer.multipliers) - 1)
    return (model.tokenizer.image_size // side) ** 2


class MagePeer:
    """What the unlearning step asks of a MAGE; see ``torch_step.Objectives``."""

    def __init__(self, model, device):
        self.model, self.tokens, self.device = model, tokens_of(model), device
        self.dropped = int(self.tokens * model.drop)
        ends = ((x - model.mask_mean) / model.mask_std for x in (model.mask_min, model.mask_max))
        self.bounds = [math.erf(x / 2**0.5) for x in ends]
        self.low, self.high = (torch.tensor(x, device=device) for x in (0.0, 1.0))
        self.tokenizer = Tokenizer(model.tokenizer).requires_grad_(False).to(device).eval()

    @staticmethod
    def encoder(model):
        return MageEncoder(model)

    def draw(self, count):
        """The kept tokens of each picture, and those that are masked, at one rate for all."""
        # A truncated normal rate, from the inverse of its distribution.
        share = torch.rand((), device=self.device)
        error = self.bounds[0] + share * (self.bounds[1] - self.bounds[0])
        rate = self.model.mask_mean + 2**0.5 * self.model.mask_std * torch.erfinv(error)
        order = torch.rand(count, self.tokens, device=self.device).argsort(dim=1)
        masked = order.argsort(dim=1) < torch.ceil(self.tokens * rate)
        return order[:, self.dropped :].sort(dim=1).values, masked

    def prepare(self, pictures):
        """Their tokens."""
        return self.tokenizer(pictures)
