"""Seeded weights, pictures and masks in the published layouts, the same on every machine.

``RandomState`` because its streams never change; uniform draws because they are exact everywhere.
"""

from typing import NamedTuple

import numpy as np

from cu_jax.convert import (
    clip_layout,
    inception_layout,
    mae_layout,
    mage_layout,
    palette_layout,
    palette_schedule,
    vqgan_layout,
)
from cu_jax.convert.clip_layout import ClipSizes
from cu_jax.convert.mae import fixed_positions
from cu_jax.convert.mae_layout import MaeSizes
from cu_jax.convert.mage_layout import MageSizes
from cu_jax.convert.palette_layout import PaletteSizes
from cu_jax.convert.state_files import POSITION_IDS
from cu_jax.convert.vqgan_layout import VqGanSizes
from cu_jax.noise_schedules import NoiseSchedule

SMALL = MaeSizes(32, 8, 3, 48, 3, 32, 2, 4.0)
SMALL_VQGAN = VqGanSizes(3, 32, (1, 1, 2), 2, 64, 16)
SMALL_MAGE = MageSizes(SMALL_VQGAN, 8, 48, 3, 48, 2, 4.0, 150)
SMALL_PALETTE = PaletteSizes(3, 32, (1, 2), 1, 24, 2000)
MODELS = {"small": (SMALL, (4, 2)), "ViT-B/16": (mae_layout.PUBLISHED["ViT-B/16"], (12, 16))}
"""Masked autoencoders: name to sizes and heads."""
VQGANS = {"small": (SMALL_VQGAN, 32), "published": (vqgan_layout.PUBLISHED, 256)}
"""Tokenizers: name to sizes and side of a picture."""
MAGES = {
    "small": (SMALL_MAGE, (4, 2)),
    "ViT-B": (mage_layout.PUBLISHED["MAGE ViT-B"], (12, 16)),
}
"""MAGE models: name to sizes and heads."""
PALETTES = {"small": (SMALL_PALETTE, 16), "published": (palette_layout.PUBLISHED, 64)}
"""Diffusion models: name to sizes and side of a picture."""

CLIPS = {
    "small": ClipSizes(32, 8, 32, 2, 4, 64, 24, "quick_gelu"),
    "heads and patches of ViT-H/14": ClipSizes(224, 14, 320, 2, 4, 640, 64, "gelu"),
}
"""Image towers: name to sizes."""


class Case(NamedTuple):
    arrays: dict[str, np.ndarray]  # as published
    images: np.ndarray  # [batch, height, width, channels], normalized
    noise: np.ndarray  # [batch, patches]; the patches with the least are kept


class TokenizerCase(NamedTuple):
    arrays: dict[str, np.ndarray]  # as published
    images: np.ndarray  # [batch, side, side, channels] in [0, 1]


class MageCase(NamedTuple):
    arrays: dict[str, np.ndarray]  # as published
    tokens: np.ndarray  # int32 [batch, tokens]
    masked: np.ndarray  # float32 [batch, tokens], 1 = masked
    dropped: np.ndarray  # bool [batch, tokens], of those; a number that all pictures share


class PaletteCase(NamedTuple):
    arrays: dict[str, np.ndarray]  # as published
    x: np.ndarray  # [batch, side, side, 2 * channels], what the network reads
    gamma: np.ndarray  # [batch], noise levels


class InceptionCase(NamedTuple):
    arrays: dict[str, np.ndarray]  # as published
    images: np.ndarray  # uint8 [batch, 299, 299, 3]


def make(sizes, seed=0, batch=2):
    """A masked autoencoder. One patch in four is visible."""
    draw = np.random.RandomState(seed)
    arrays = _weights(mae_layout.layout(sizes), draw, fixed_positions(sizes))
    side = sizes.image_size
    images = _uniform(draw, (batch, side, side, sizes.channels), 1.0)
    # A permutation each, so that no two patches have equal noise.
    noise = [draw.permutation(sizes.grid**2) / sizes.grid**2 for _ in range(batch)]
    return Case(arrays, images, np.array(noise, np.float32))


def make_vqgan(sizes, side, seed=0, batch=2):
    """A tokenizer whose codes are as far apart as its latents."""
    draw = np.random.RandomState(seed)
    arrays = _weights(vqgan_layout.layout(sizes), draw)
    images = draw.random_sample((batch, side, side, sizes.channels)).astype(np.float32)
    return TokenizerCase(arrays, images)


def make_mage(sizes, seed=0, batch=2):
    """A MAGE of which five tokens in eight are masked, and six in ten of these are dropped."""
    draw = np.random.RandomState(seed)
    tokens = sizes.grid**2
    positions = {POSITION_IDS: np.arange(1 + tokens, dtype=np.int64)[None]}
    arrays = _weights(mage_layout.layout(sizes), draw, positions)
    codes = draw.randint(0, sizes.tokenizer.codes, (batch, tokens)).astype(np.int32)
    ranks = np.array([draw.permutation(tokens) for _ in range(batch)])
    masked = (ranks < tokens * 5 // 8).astype(np.float32)
    return MageCase(arrays, codes, masked, ranks < tokens * 3 // 8)


def make_palette(sizes, side=16, seed=0, batch=2):
    """A diffusion model, with the published noise schedule."""
    draw = np.random.RandomState(seed)
    fixed = palette_schedule.buffers(NoiseSchedule(sizes.length))
    arrays = _weights(palette_layout.layout(sizes), draw, fixed)
    x = _uniform(draw, (batch, side, side, 2 * sizes.channels), 1.0)
    return PaletteCase(arrays, x, draw.random_sample(batch).astype(np.float32))


class ClipCase(NamedTuple):
    arrays: dict[str, np.ndarray]  # as published
    pictures: np.ndarray  # uint8 [batch, height, width, 3], larger than the tower's


def make_clip(sizes, seed=0, batch=2):
    """An image tower, and pictures of noise that is smooth enough not to vanish when resized."""
    draw = np.random.RandomState(seed)
    arrays = _weights(clip_layout.layout(sizes), draw)
    side = sizes.image_size
    coarse = draw.randint(0, 256, (batch, side // 4 + 3, side // 4 + 6, 3))
    pictures = coarse.repeat(5, axis=1).repeat(5, axis=2).astype(np.uint8)
    return ClipCase(arrays, pictures)


def sample(array, values=4096):
    """The array, or evenly spaced values of a large one."""
    flat = np.asarray(array).reshape(-1)
    return flat[:: max(1, -(-flat.size // values))]


def make_inception(seed=0, batch=2):
    """An Inception whose maps neither grow nor shrink on the way, and pictures of flat squares."""
    draw = np.random.RandomState(seed)
    arrays = {}
    for key, shape in inception_layout.layout().items():
        if key.endswith(inception_layout.COUNTER):
            arrays[key] = np.zeros(shape, np.int64)
        elif key.endswith((".bn.weight", ".bn.running_var")):
            arrays[key] = 1 + _uniform(draw, shape, 0.2)
        elif key.endswith(".weight"):
            arrays[key] = _uniform(draw, shape, (2 / np.prod(shape[1:])) ** 0.5)
        else:
            arrays[key] = _uniform(draw, shape, 0.1)
    squares = draw.randint(0, 256, (batch, 13, 13, 3)).astype(np.uint8)
    return InceptionCase(arrays, squares.repeat(23, axis=1).repeat(23, axis=2))


def _weights(shapes, draw, fixed=()):
    """Weights as large as a trained model's, so that nothing vanishes and no unit is idle."""
    arrays = {}
    for key, shape in shapes.items():
        if key in fixed:
            arrays[key] = fixed[key]
        elif key.endswith("quantize.embedding.weight"):
            arrays[key] = _uniform(draw, shape, 1.0)
        elif key.endswith("decoder.conv_out.weight"):  # so that pictures are about as pictures are
            arrays[key] = _uniform(draw, shape, 0.2 * shape[1] ** -0.5)
        elif key.endswith("weight") and len(shape) == 1:  # of norms
            arrays[key] = 1 + _uniform(draw, shape, 0.2)
        elif key.endswith("weight"):
            fan_out, fan_in = shape[0], np.prod(shape[1:])
            arrays[key] = _uniform(draw, shape, (2 / (fan_in + fan_out)) ** 0.5)
        else:
            arrays[key] = _uniform(draw, shape, 0.1)
    return arrays


def _uniform(draw, shape, deviation):
    return ((draw.random_sample(shape) - 0.5) * (deviation * 12**0.5)).astype(np.float32)
