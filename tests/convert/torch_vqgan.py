"""The published tokenizer as a plain module with the published names: needs PyTorch.

In float64, so that what differs is the rounding of ours alone: in float32 PyTorch's own pictures
are further from these than ours.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def _norm(width):
    return nn.GroupNorm(32, width, eps=1e-6)


def _conv(came, width, bias):
    return nn.Conv2d(came, width, 3, padding=1, bias=bias)


class Block(nn.Module):
    def __init__(self, came, width):
        super().__init__()
        self.norm1, self.conv1 = _norm(came), _conv(came, width, False)
        self.norm2, self.conv2 = _norm(width), _conv(width, width, False)
        if came != width:
            self.nin_shortcut = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x):
        h = self.conv1(functional.silu(self.norm1(x)))
        h = self.conv2(functional.silu(self.norm2(h)))
        # Not of x: the published network reads its own output there.
        return h + (self.nin_shortcut(h) if hasattr(self, "nin_shortcut") else x)


class Level(nn.Module):
    """``block.0``, ``block.1``, … of one resolution."""

    def __init__(self, came, width, count):
        super().__init__()
        self.block = nn.ModuleList(Block(came if i == 0 else width, width) for i in range(count))

    def forward(self, x):
        for block in self.block:
            x = block(x)
        return x


class Middle(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block_1, self.block_2 = Block(width, width), Block(width, width)

    def forward(self, x):
        return self.block_2(self.block_1(x))


class Upsample(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = _conv(width, width, True)

    def forward(self, x):
        return self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class Encoder(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        widths = [sizes.width * one for one in sizes.multipliers]
        self.conv_in = _conv(sizes.channels, sizes.width, False)
        pairs = zip([sizes.width, *widths], widths, strict=False)
        self.down = nn.ModuleList(Level(came, width, sizes.res_blocks) for came, width in pairs)
        self.mid, self.norm_out = Middle(widths[-1]), _norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], sizes.code_width, 1)

    def forward(self, x):
        x = self.conv_in(x)
        for index, level in enumerate(self.down):
            x = level(functional.avg_pool2d(x, 2) if index else x)
        return self.conv_out(functional.silu(self.norm_out(self.mid(x))))


class Decoder(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        widths = [sizes.width * one for one in sizes.multipliers]
        self.conv_in, self.mid = _conv(sizes.code_width, widths[-1], True), Middle(widths[-1])
        pairs = zip([*widths[1:], widths[-1]], widths, strict=True)
        self.up = nn.ModuleList(Level(came, width, sizes.res_blocks) for came, width in pairs)
        for width, level in list(zip(widths, self.up, strict=True))[1:]:
            level.upsample = Upsample(width)
        self.norm_out, self.conv_out = _norm(widths[0]), _conv(widths[0], sizes.channels, True)

    def forward(self, x):
        x = self.mid(self.conv_in(x))
        for index in reversed(range(len(self.up))):
            x = self.up[index](x)
            if index:
                x = self.up[index].upsample(x)
        return self.conv_out(functional.silu(self.norm_out(x)))


class Quantize(nn.Module):
    def __init__(self, codes, width):
        super().__init__()
        self.embedding = nn.Embedding(codes, width)


class VqGan(nn.Module):
    """Made of :class:`cu_jax.convert.vqgan_layout.VqGanSizes` with two blocks a level."""

    def __init__(self, sizes):
        super().__init__()
        self.encoder, self.decoder = Encoder(sizes), Decoder(sizes)
        self.quantize = Quantize(sizes.codes, sizes.code_width)


def build(sizes, arrays):
    """The module with these arrays, all of which it must have."""
    module = VqGan(sizes).eval()
    tensors = {key: torch.from_numpy(np.array(array)) for key, array in arrays.items()}
    module.load_state_dict(tensors, strict=True)
    return module.double()


def outputs(module, images):
    """Tokens ``[b, n]``, pictures made of them ``[b, h, w, c]``, and how sure the tokens are.

    The last is the least difference, over all tokens, of the distances to the nearest code and the
    next.
    """
    with torch.no_grad():
        latents = module.encoder(torch.from_numpy(images.transpose(0, 3, 1, 2)).double())
        b, width = latents.shape[:2]
        flat = latents.permute(0, 2, 3, 1).reshape(-1, width)
        distances = torch.cdist(flat, module.quantize.embedding.weight) ** 2
        nearest = distances.topk(2, largest=False)
        tokens = nearest.indices[:, 0].reshape(b, -1).numpy()
        margin = (nearest.values[:, 1] - nearest.values[:, 0]).min()
    return tokens, pictures(module, tokens).numpy(), float(margin)


def pictures(module, tokens):
    """Pictures ``[b, h, w, c]`` made of tokens, in the module's own precision."""
    side = round(tokens.shape[1] ** 0.5)
    with torch.no_grad():
        codes = module.quantize.embedding(torch.from_numpy(tokens).reshape(-1, side, side))
        return module.decoder(codes.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
