"""The diffusion UNet: the published names and shapes, and the published forward pass in NumPy."""

import json
import re
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models.palette_blocks import Attention, ResBlock, group_norm
from cu_jax.models.palette_networks import Conditioning, Decoder, Encoder

LAYOUT = Path(__file__).parents[1] / "convert" / "layouts" / "palette_places2.json"
FLOAT = jnp.dtype("float32")


class Networks:
    """Both halves at some sizes, as one function."""

    def __init__(self, channels, width, multipliers, res_blocks, heads, embed_width, groups):
        self.sizes = (width, multipliers, res_blocks)
        self.channels, self.groups = channels, groups
        self.encoder = Encoder(*self.sizes, heads, embed_width, groups, FLOAT)
        self.decoder = Decoder(*self.sizes, channels, groups, FLOAT)
        self.conditioning = Conditioning(width, embed_width, FLOAT)
        self.heads, self.embed_width = heads, embed_width

    def shapes(self, side):
        x, gamma = jnp.zeros((1, side, side, 2 * self.channels)), jnp.zeros(1)
        key = jax.random.key(0)
        maps, encoder = jax.eval_shape(self.encoder.init_with_output, key, x, gamma)
        embedded = jnp.zeros((1, self.embed_width))
        decoder = jax.eval_shape(self.decoder.init, key, maps, embedded)
        return maps, {"encoder": encoder["params"], "decoder": decoder["params"]}

    def apply(self, params, x, gamma):
        encoder = {"params": params["encoder"]}
        maps = self.encoder.apply(encoder, x, gamma)
        embedded = self.conditioning.apply(encoder, gamma)
        return maps, self.decoder.apply({"params": params["decoder"]}, maps, embedded)


@pytest.fixture(scope="module")
def networks():
    return Networks(1, 4, (1, 2), 1, 2, 6, 2)


@pytest.fixture(scope="module")
def params(networks):
    """Parameters drawn so that scales, biases and what starts as zero matter."""
    leaves, tree = jax.tree.flatten(networks.shapes(8)[1])
    rng = np.random.default_rng(0)
    drawn = [rng.normal(0.05, 0.3, leaf.shape).astype(np.float32) for leaf in leaves]
    return jax.tree.unflatten(tree, drawn)


def published(tree):
    """Leaves under the published names, as (name, leaf) with kernels not yet transposed."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        _, *parents, name = [entry.key for entry in path]
        key = ".".join(re.sub(r"_(\d+)", r".\1", parent) for parent in parents)
        yield f"{key}.{'bias' if name == 'bias' else 'weight'}", leaf


def stored_shape(key, leaf):
    """The published shape of a leaf of ours."""
    shape = leaf.shape
    if len(shape) == 4:
        return (shape[3], shape[2], *shape[:2])
    if len(shape) == 2:
        # The attention's are convolutions over a row of pixels.
        return (shape[1], shape[0], *(1,) * ("middle_block.1." in key))
    return shape


def test_published_sizes_have_the_published_names_and_shapes():
    maps, shapes = Networks(3, 64, (1, 2, 4, 8), 2, 16, 256, 32).shapes(256)
    ours = {key: stored_shape(key, leaf) for key, leaf in published(shapes)}
    stored = {
        key.removeprefix("denoise_fn."): tuple(shape)
        for key, shape in json.loads(LAYOUT.read_text()).items()
        if key.startswith("denoise_fn.")
    }
    assert ours == stored and len(stored) == 326
    counts = {
        name: sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(part)) / 1e6
        for name, part in shapes.items()
    }
    assert round(counts["encoder"], 2) == 25.04
    assert round(counts["encoder"] + counts["decoder"], 2) == 62.64
    sides_and_widths = [(one.shape[1], one.shape[3]) for one in maps]
    expected = [(256, 64)] * 3 + [(128, 64)] + [(128, 128)] * 2 + [(64, 128)] + [(64, 256)] * 2
    assert sides_and_widths == expected + [(32, 256)] + [(32, 512)] * 3


class Reference:
    """The published forward pass in NumPy, float64, channels first, by the published names."""

    def __init__(self, params, groups, heads):
        self.groups, self.heads = groups, heads
        self.arrays = {}
        for key, leaf in published(params):
            axes = (3, 2, 0, 1) if leaf.ndim == 4 else range(leaf.ndim)[::-1]
            self.arrays[key] = np.asarray(leaf, np.float64).transpose(*axes)

    def linear(self, x, name):
        return x @ self.arrays[f"{name}.weight"].T + self.arrays[f"{name}.bias"]

    def conv(self, x, name):
        kernel = self.arrays[f"{name}.weight"]
        reach = kernel.shape[-1] // 2
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], (2, 3))
        out = np.einsum("bihwkl,oikl->bohw", windows, kernel)
        return out + self.arrays[f"{name}.bias"][:, None, None]

    def norm(self, x, name):
        grouped = x.reshape(len(x), self.groups, -1)
        grouped = grouped - grouped.mean(-1, keepdims=True)
        grouped /= np.sqrt(grouped.var(-1, keepdims=True) + 1e-5)
        weight, bias = (self.arrays[f"{name}.{part}"][:, None, None] for part in ("weight", "bias"))
        return grouped.reshape(x.shape) * weight + bias

    def block(self, x, embedded, name, resize=lambda x: x):
        h = resize(silu(self.norm(x, f"{name}.in_layers.0")))
        h = self.conv(h, f"{name}.in_layers.2")
        film = self.linear(silu(embedded), f"{name}.emb_layers.1")[..., None, None]
        scale, shift = np.split(film, 2, axis=1)
        h = self.norm(h, f"{name}.out_layers.0") * (1 + scale) + shift
        h = self.conv(silu(h), f"{name}.out_layers.3")
        x = resize(x)
        if f"{name}.skip_connection.weight" in self.arrays:
            x = self.conv(x, f"{name}.skip_connection")
        return x + h

    def attention(self, x, name):
        b, c, h, w = x.shape
        rows = self.norm(x, f"{name}.norm").reshape(b, c, -1).swapaxes(1, 2)
        out, size = np.zeros_like(rows), c // self.heads
        qkv = self.linear(rows, f"{name}.qkv")
        for head in range(self.heads):
            start = 3 * head * size
            q, k, v = (qkv[..., start + i * size : start + (i + 1) * size] for i in range(3))
            weights = np.exp(q @ k.swapaxes(1, 2) / size**0.5)
            weights /= weights.sum(-1, keepdims=True)
            out[..., head * size : (head + 1) * size] = weights @ v
        return x + self.linear(out, f"{name}.proj_out").swapaxes(1, 2).reshape(x.shape)

    def __call__(self, x, gamma):
        """The network of the narrow sizes: two levels of one block each."""
        angles = gamma[:, None] * np.array([1.0, 1e-2])
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        emb = self.linear(silu(self.linear(waves, "cond_embed.0")), "cond_embed.2")
        maps = [self.conv(x, "input_blocks.0.0")]
        for index, resize in ((1, same), (2, halved), (3, same)):
            maps.append(self.block(maps[-1], emb, f"input_blocks.{index}.0", resize))
        h = self.block(maps[-1], emb, "middle_block.0")
        h = self.block(self.attention(h, "middle_block.1"), emb, "middle_block.2")
        outputs = [*maps, h]
        for index, skip in enumerate(maps[::-1]):
            h = np.concatenate([h, skip], axis=1)
            h = self.block(h, emb, f"output_blocks.{index}.0")
            if index == 1:
                h = self.block(h, emb, "output_blocks.1.1", doubled)
        return outputs, self.conv(silu(self.norm(h, "out.0")), "out.2")


def silu(x):
    return x / (1 + np.exp(-x))


def same(x):
    return x


def halved(x):
    return sum(x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4


def doubled(x):
    return np.kron(x, np.ones((2, 2)))


def test_maps_and_output_are_those_of_the_published_network(networks, params):
    rng = np.random.default_rng(1)
    # The second picture is almost black: there the norms' eps shows.
    x = rng.normal(size=(2, 8, 8, 2)) * np.array([1, 1e-3]).reshape(2, 1, 1, 1)
    gamma = np.array([0.9, 0.03])
    maps, out = jax.jit(networks.apply)(params, jnp.float32(x), jnp.float32(gamma))
    reference = Reference(params, networks.groups, networks.heads)
    expected_maps, expected = reference(x.transpose(0, 3, 1, 2), gamma)
    assert len(maps) == len(expected_maps) == 5 and out.dtype == jnp.float32
    for ours, theirs in zip([*maps, out], [*expected_maps, expected], strict=True):
        np.testing.assert_allclose(ours, theirs.transpose(0, 2, 3, 1), atol=1e-4)


def test_a_fresh_decoder_says_nothing_and_fresh_blocks_pass_their_input_on():
    x, embedded = jax.random.normal(jax.random.key(1), (1, 4, 4, 4)), jnp.ones((1, 6))
    decoder = Decoder(4, (1,), 0, 1, 2, FLOAT)
    block, attention = ResBlock(4, 2, FLOAT), Attention(2, 2, FLOAT)

    @jax.jit
    def fresh(key):
        out, params = decoder.init_with_output(key, (x, x), embedded)
        kept, _ = block.init_with_output(key, x, embedded)
        return out, kept, attention.init_with_output(key, x)[0], params["params"]

    out, *kept, params = fresh(jax.random.key(0))
    np.testing.assert_array_equal(out, 0)
    np.testing.assert_array_equal(kept, [x, x])
    zeros = {"out_2", "out_layers_3"}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        *_, module, name = [entry.key for entry in path]
        assert name != "kernel" or (float(jnp.abs(leaf).max()) > 0) == (module not in zeros)


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_the_group_norm_is_flaxs_even_where_the_mean_is_far_larger_than_the_spread(shift):
    x = shift + jax.random.normal(jax.random.key(0), (2, 4, 4, 6))
    theirs = nn.GroupNorm(3, epsilon=1e-5, use_fast_variance=False)
    params = {"params": {"scale": jnp.arange(1.0, 7.0), "bias": jnp.arange(6.0)}}
    ours = group_norm(3, FLOAT, "norm").apply(params, x)
    np.testing.assert_allclose(ours, theirs.apply(params, x), atol=2e-5 if shift == 0 else 2e-3)
    groups = np.asarray((ours - jnp.arange(6.0)) / jnp.arange(1.0, 7.0)).reshape(2, 16, 3, 2)
    np.testing.assert_allclose(groups.mean((1, 3)), 0, atol=1e-3)
    np.testing.assert_allclose(groups.var((1, 3)), 1, atol=1e-3)
    assert group_norm(3, jnp.bfloat16, "norm").apply(params, x).dtype == jnp.bfloat16
