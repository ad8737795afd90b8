"""The VQ-GAN tokenizer: the published layout and forward pass, nearest codes, the loss."""

import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models.vqgan import VqGan
from cu_jax.models.vqgan_networks import ResBlock

LAYOUT = Path(__file__).parents[1] / "convert" / "layouts" / "vqgan_jax_strongaug.json"
SMALL = dict(image_size=12, channels=2, width=4, multipliers=(1, 2, 2), res_blocks=1, groups=2)
SMALL |= dict(codes=14, code_width=5)


@pytest.fixture(scope="module")
def vqgan():
    return VqGan(**SMALL)


@pytest.fixture(scope="module")
def params(vqgan, images):
    """Parameters drawn so that scales and biases matter, and codes among the latents."""
    shapes = jax.eval_shape(vqgan.init, jax.random.key(0))
    leaves, structure = jax.tree.flatten(shapes)
    rng = np.random.default_rng(0)
    drawn = [rng.normal(0.1, 0.5, leaf.shape).astype(np.float32) for leaf in leaves]
    params = jax.tree.unflatten(structure, drawn)
    latents = np.asarray(jax.jit(vqgan.latents)(params, images)).reshape(-1, 5)
    params["quantize"]["embedding"] = latents[::2] + params["quantize"]["embedding"] / 4
    return params


@pytest.fixture(scope="module")
def images():
    """The last one is hardly brighter than black: there the normalization's eps shows."""
    brightness = np.array([1, 1, 2e-3], np.float32).reshape(-1, 1, 1, 1)
    return np.random.default_rng(1).random((3, 12, 12, 2), np.float32) * brightness


@pytest.fixture(scope="module")
def latents(vqgan, params, images):
    return np.asarray(jax.jit(vqgan.latents)(params, images), np.float64)


def published(tree):
    """Our tree under the published names, convolutions as ``[out, in, row, column]``."""
    arrays = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        *parents, name = [entry.key for entry in path]
        key = re.sub(r"_(\d+)_", r".\1.", ".".join(parents)).replace("mid_block", "mid.block")
        key = re.sub(r"block_(\d+)(?=\.)", r"block.\1", key).replace("mid.block.", "mid.block_")
        names = {"kernel": ".weight", "scale": ".weight", "bias": ".bias"}
        key += names.get(name, f".{name}.weight")
        if leaf.ndim == 4:
            arrays[key] = jax.eval_shape(lambda a: a.transpose(3, 2, 0, 1), leaf)
            if not isinstance(leaf, jax.ShapeDtypeStruct):
                arrays[key] = np.asarray(leaf, np.float64).transpose(3, 2, 0, 1)
        else:
            arrays[key] = leaf
    return arrays


def test_published_sizes_have_the_published_names_and_shapes():
    vqgan = VqGan()
    assert (vqgan.patch_size, vqgan.grid, vqgan.tokens) == (16, 16, 256)
    assert vqgan.image_shape == (256, 256, 3)
    ours = published(jax.eval_shape(vqgan.init, jax.random.key(0)))
    stored = {key: tuple(shape) for key, shape in json.loads(LAYOUT.read_text()).items()}
    assert {key: leaf.shape for key, leaf in ours.items()} == stored
    assert len(stored) == 168
    assert round(sum(np.prod(shape) for shape in stored.values()) / 1e6, 1) == 54.5
    assert {leaf.dtype for leaf in ours.values()} == {jnp.dtype("float32")}


class Reference:
    """The published forward pass in NumPy, float64, channels first, by the published names."""

    def __init__(self, arrays, groups):
        self.arrays, self.groups = arrays, groups

    def conv(self, x, name):
        kernel = self.arrays[f"{name}.weight"]
        reach = kernel.shape[-1] // 2
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], (2, 3))
        out = np.einsum("bihwkl,oikl->bohw", windows, kernel)
        bias = self.arrays.get(f"{name}.bias", np.zeros(len(kernel)))
        return out + bias[:, None, None]

    def norm_swish(self, x, name):
        grouped = x.reshape(len(x), self.groups, -1)
        grouped = grouped - grouped.mean(-1, keepdims=True)
        grouped /= np.sqrt(grouped.var(-1, keepdims=True) + 1e-6)
        weight, bias = (self.arrays[f"{name}.{part}"][:, None, None] for part in ("weight", "bias"))
        x = grouped.reshape(x.shape) * weight + bias
        return x / (1 + np.exp(-x))

    def block(self, x, name):
        h = self.conv(self.norm_swish(x, f"{name}.norm1"), f"{name}.conv1")
        h = self.conv(self.norm_swish(h, f"{name}.norm2"), f"{name}.conv2")
        return x + h if h.shape == x.shape else h + self.conv(h, f"{name}.nin_shortcut")

    def encode(self, x, levels):
        x = self.conv(x, "encoder.conv_in")
        for level in range(levels):
            x = self.block(x, f"encoder.down.{level}.block.0")
            if level < levels - 1:
                x = sum(x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
        x = self.block(x, "encoder.mid.block_1")
        return self.conv(self.norm_swish(x, "encoder.norm_out"), "encoder.conv_out")

    def decode(self, x, levels):
        x = self.block(self.conv(x, "decoder.conv_in"), "decoder.mid.block_1")
        for level in reversed(range(levels)):
            x = self.block(x, f"decoder.up.{level}.block.0")
            if level:
                x = self.conv(np.kron(x, np.ones((2, 2))), f"decoder.up.{level}.upsample.conv")
        return self.conv(self.norm_swish(x, "decoder.norm_out"), "decoder.conv_out")


def test_latents_are_those_of_the_published_network(params, images, latents):
    reference = Reference(published(params), SMALL["groups"])
    expected = reference.encode(images.transpose(0, 3, 1, 2).astype(np.float64), 3)
    np.testing.assert_allclose(latents, expected.transpose(0, 2, 3, 1), atol=1e-4)


def test_pictures_are_those_of_the_published_network(vqgan, params):
    tokens = np.random.default_rng(2).integers(0, 14, (2, 9)).astype(np.int32)
    pictures = jax.jit(vqgan.decode)(params, tokens)
    codes = params["quantize"]["embedding"].astype(np.float64)[tokens].reshape(2, 3, 3, 5)
    reference = Reference(published(params), SMALL["groups"])
    expected = reference.decode(codes.transpose(0, 3, 1, 2), 3).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(pictures, expected, atol=1e-4)
    assert pictures.min() < 0 or pictures.max() > 1  # not clipped


def test_tokens_are_the_nearest_codes_row_by_row(vqgan, params, images, latents):
    tokens = jax.jit(vqgan.encode)(params, images)
    codes = params["quantize"]["embedding"]
    distances = np.square(latents.reshape(3, 9, 1, 5) - codes).sum(-1)
    np.testing.assert_array_equal(tokens, distances.argmin(-1))
    assert tokens.dtype == jnp.int32 and len(np.unique(tokens)) > 3


def test_a_block_that_changes_the_width_adds_its_own_output():
    block = ResBlock(width=6, groups=2, dtype=jnp.float32)
    x = jax.random.normal(jax.random.key(0), (1, 4, 4, 4))
    params = jax.jit(block.init)(jax.random.key(1), x)["params"]
    kernels = {"none": jnp.zeros((1, 1, 6, 6)), "same": jnp.eye(6)[None, None]}
    out = {
        name: jax.jit(block.apply)({"params": params | {"nin_shortcut": {"kernel": kernel}}}, x)
        for name, kernel in kernels.items()
    }
    assert float(jnp.abs(out["none"]).max()) > 0.1
    np.testing.assert_allclose(out["same"], 2 * out["none"], rtol=1e-6)


@pytest.fixture(scope="module")
def loss_and_gradient(vqgan, params, images):
    step = jax.jit(jax.value_and_grad(vqgan.pretrain_loss))
    return jax.device_get(step(params, images, jax.random.key(0)))


def nearest_latents(codes, latents):
    """The latent that is nearest to each code."""
    distances = np.square(latents.reshape(1, -1, 5) - codes[:, None]).sum(-1)
    return latents.reshape(-1, 5)[distances.argmin(1)]


def test_the_loss_is_the_errors_of_pictures_and_codes(
    vqgan, params, images, latents, loss_and_gradient
):
    tokens = np.asarray(jax.jit(vqgan.encode)(params, images))
    pictures = np.asarray(jax.jit(vqgan.decode)(params, tokens))
    codes = params["quantize"]["embedding"][tokens].reshape(latents.shape)
    expected = np.square(images - pictures).mean() + 1.25 * np.square(latents - codes).mean()
    every = params["quantize"]["embedding"]
    expected += np.square(every - nearest_latents(every, latents)).mean()
    np.testing.assert_allclose(loss_and_gradient[0], expected, rtol=1e-5)


def test_codes_are_drawn_to_latents_alone(vqgan, params, images, latents, loss_and_gradient):
    tokens = np.asarray(jax.jit(vqgan.encode)(params, images))
    codes = params["quantize"]["embedding"].astype(np.float64)
    expected = np.zeros_like(codes)
    for token, latent in zip(tokens.ravel(), latents.reshape(-1, 5), strict=True):
        expected[token] += 2 * (codes[token] - latent) / latents.size
    expected += 2 * (codes - nearest_latents(codes, latents)) / codes.size
    gradient = loss_and_gradient[1]["quantize"]["embedding"]
    np.testing.assert_allclose(gradient, expected, atol=1e-6)
    unused = sorted(set(range(len(codes))) - set(tokens.ravel().tolist()))
    assert unused and np.abs(gradient[unused]).sum(1).min() > 0  # they are drawn too


def test_the_pictures_error_reaches_the_encoder_straight_through_the_codes(
    vqgan, params, images, latents, loss_and_gradient
):
    """The gradient at the latents is the one at the codes, plus a quarter of the distance."""
    tokens = np.asarray(jax.jit(vqgan.encode)(params, images))
    codes = params["quantize"]["embedding"][tokens].reshape(latents.shape)

    def error(codes):
        pictures = vqgan._decoder.apply({"params": params["decoder"]}, codes)
        return jnp.square(images - pictures).mean()

    at_latents = jax.jit(jax.grad(error))(codes) + 0.5 * (latents - codes) / latents.size
    # The last bias is added to every latent.
    gradient = loss_and_gradient[1]["encoder"]["conv_out"]["bias"]
    np.testing.assert_allclose(gradient, at_latents.sum((0, 1, 2)), rtol=1e-3)


def test_bfloat16_networks_keep_float32_parameters_and_codes(params, images):
    vqgan = VqGan(**SMALL, dtype="bfloat16")
    shapes = jax.eval_shape(vqgan.init, jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}
    latents = jax.eval_shape(vqgan.latents, params, images)
    tokens = jax.eval_shape(vqgan.encode, params, images)
    pictures = jax.eval_shape(vqgan.decode, params, tokens)
    assert latents.dtype == pictures.dtype == jnp.float32 and tokens.dtype == jnp.int32


def test_two_of_the_same_sizes_share_a_compiled_program(vqgan):
    assert VqGan(**SMALL) == vqgan and hash(VqGan(**SMALL)) == hash(vqgan)


def test_fresh_codes_are_all_different_and_spread_like_latents(images):
    vqgan = VqGan(**(SMALL | dict(codes=64)))
    fresh = jax.jit(vqgan.init)(jax.random.key(3))
    codes = np.asarray(fresh["quantize"]["embedding"])
    assert len(np.unique(codes, axis=0)) == 64
    spread = np.asarray(jax.jit(vqgan.latents)(fresh, images)).std()
    assert spread / 3 < codes.std() < 3 * spread


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            dict(image_size=14),
            "image_size must be a multiple of 4, since 3 levels halve it 2 times",
        ),
        (
            dict(groups=3),
            r"groups must divide the channels of every level, got 3 groups and \[4, 8",
        ),
        (dict(codes=0), "must be at least 1, got codes 0"),
        (dict(multipliers=()), "multipliers must be a number of at least 1 for each level"),
        (dict(multipliers=(1, 0)), "multipliers must be a number of at least 1 for each level"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        VqGan(**(SMALL | changes))
