"""The Inception-v3 of the Fréchet Inception distance in plain PyTorch, with the published names."""

import torch
from torch import nn
from torch.nn import functional as F

SIDE = 299


class ConvNorm(nn.Module):
    """A convolution, batch normalization by fixed statistics, and ReLU."""

    def __init__(self, came, width, window, stride=1, pad=True):
        super().__init__()
        padding = tuple(side // 2 for side in window) if pad else 0
        self.conv = nn.Conv2d(came, width, window, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


def mean(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def most(x):
    return F.max_pool2d(x, 3, stride=1, padding=1)


class Mixed(nn.Module):
    """A block: branches of layers over the same maps, side by side.

    Args:
        came: channels that come in.
        branches: for each a list of layers, ``(name, width, window)`` or with stride 2 and without
            padding ``(name, width, window, 2)``; a function at the front pools first, a tuple of
            lists at the end parts once more.
    """

    def __init__(self, came, *branches):
        super().__init__()
        self.branches = [self._made(came, branch) for branch in branches]

    def _made(self, came, branch):
        """Registers a branch's layers; what it leaves are their names and functions, in order."""
        names = []
        for layer in branch:
            if callable(layer):
                names.append(layer)
            elif isinstance(layer, list):
                names.append(self._made(came, layer))
            else:
                name, width, window, *stride = layer
                made = ConvNorm(came, width, window, *stride, pad=not stride)
                self.add_module(name, made)
                names.append(name)
                came = width
        return names

    def forward(self, x):
        return torch.cat([self._run(x, branch) for branch in self.branches], dim=1)

    def _run(self, x, branch):
        parted = []
        for layer in branch:
            if isinstance(layer, list):
                parted.append(self._run(x, layer))
            else:
                x = layer(x) if callable(layer) else getattr(self, layer)(x)
        return torch.cat(parted, dim=1) if parted else x


def _down(x):
    return F.max_pool2d(x, 3, stride=2)


ONE, THREE, FIVE, ROW, COLUMN = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)


def inner(came, pooled):
    return Mixed(
        came,
        [("branch1x1", 64, ONE)],
        [("branch5x5_1", 48, ONE), ("branch5x5_2", 64, FIVE)],
        [("branch3x3dbl_1", 64, ONE), ("branch3x3dbl_2", 96, THREE), ("branch3x3dbl_3", 96, THREE)],
        [mean, ("branch_pool", pooled, ONE)],
    )


def reduction(came):
    double = [("branch3x3dbl_1", 64, ONE), ("branch3x3dbl_2", 96, THREE)]
    return Mixed(
        came,
        [("branch3x3", 384, THREE, 2)],
        [*double, ("branch3x3dbl_3", 96, THREE, 2)],
        [_down],
    )


def stretched(width):
    single = [
        ("branch7x7_1", width, ONE),
        ("branch7x7_2", width, ROW),
        ("branch7x7_3", 192, COLUMN),
    ]
    windows = (ONE, COLUMN, ROW, COLUMN, ROW)
    widths = (width, width, width, width, 192)
    double = [(f"branch7x7dbl_{i + 1}", w, windows[i]) for i, w in enumerate(widths)]
    return Mixed(768, [("branch1x1", 192, ONE)], single, double, [mean, ("branch_pool", 192, ONE)])


def top(came):
    seven = [
        ("branch7x7x3_1", 192, ONE),
        ("branch7x7x3_2", 192, ROW),
        ("branch7x7x3_3", 192, COLUMN),
    ]
    return Mixed(
        came,
        [("branch3x3_1", 192, ONE), ("branch3x3_2", 320, THREE, 2)],
        [*seven, ("branch7x7x3_4", 192, THREE, 2)],
        [_down],
    )


def outer(came, pooling):
    row, column = (1, 3), (3, 1)
    double = [("branch3x3dbl_1", 448, ONE), ("branch3x3dbl_2", 384, THREE)]
    return Mixed(
        came,
        [("branch1x1", 320, ONE)],
        [("branch3x3_1", 384, ONE), [("branch3x3_2a", 384, row)], [("branch3x3_2b", 384, column)]],
        [*double, [("branch3x3dbl_3a", 384, row)], [("branch3x3dbl_3b", 384, column)]],
        [pooling, ("branch_pool", 192, ONE)],
    )


class Inception(nn.Module):
    """float pictures ``[b, 3, h, w]`` in [0, 1] to 2,048 features and 1,008 logits without bias."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = ConvNorm(3, 32, THREE, 2, pad=False)
        self.Conv2d_2a_3x3 = ConvNorm(32, 32, THREE, pad=False)
        self.Conv2d_2b_3x3 = ConvNorm(32, 64, THREE)
        self.Conv2d_3b_1x1 = ConvNorm(64, 80, ONE)
        self.Conv2d_4a_3x3 = ConvNorm(80, 192, THREE, pad=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = inner(192, 32), inner(256, 64), inner(288, 64)
        self.Mixed_6a, self.Mixed_6b = reduction(288), stretched(128)
        self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = stretched(160), stretched(160), stretched(192)
        self.Mixed_7a, self.Mixed_7b, self.Mixed_7c = top(768), outer(1280, mean), outer(2048, most)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x):
        if x.shape[-2:] != (SIDE, SIDE):
            size = (SIDE, SIDE)
            x = F.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False)
        x = (255 * x.clamp(0, 1) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = _down(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(_down(x))))
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        features = x.mean(dim=(2, 3))
        return features, F.linear(features, self.fc.weight)
