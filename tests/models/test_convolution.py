"""Convolutions by minimal filtering, beside sums in float64; and which ones are done so."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models import convolution
from cu_jax.models.convolution import FOUR, TWO, filtered
from cu_jax.models.palette_networks import Encoder
from cu_jax.models.vqgan_networks import Decoder

# b, h, w, c, d: the last two have fewer pixels than the kernel has numbers of a channel.
SHAPES = {
    "rows": (2, 8, 6, 3, 4),
    "odd width": (1, 12, 5, 2, 3),
    "more channels in": (1, 8, 8, 7, 2),
    "squares": (2, 4, 6, 5, 16),
    "squares, fewer channels out": (1, 2, 4, 16, 3),
}


def _draw(shape):
    b, h, w, c, d = shape
    rng = np.random.default_rng(0)
    shapes = ((b, h, w, c), (3, 3, c, d), (b, h, w, d))
    return [rng.normal(size=each).astype(np.float32) for each in shapes]


def _exact(x, kernel, weight):
    """The convolution in float64, and the gradients of its inner product with ``weight``."""
    _, h, w, _ = x.shape
    wide = [np.asarray(each, np.float64) for each in (x, kernel, weight)]
    padded = np.pad(wide[0], [(0, 0), (1, 1), (1, 1), (0, 0)])
    out, of_padded = np.zeros(weight.shape), np.zeros(padded.shape)
    of_kernel = np.zeros(kernel.shape)
    for i, j in itertools.product(range(3), repeat=2):
        shifted = padded[:, i : i + h, j : j + w]
        out += shifted @ wide[1][i, j]
        of_kernel[i, j] = np.einsum("bhwc,bhwd->cd", shifted, wide[2])
        of_padded[:, i : i + h, j : j + w] += wide[2] @ wide[1][i, j].T
    return out, of_padded[:, 1:-1, 1:-1], of_kernel


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_outputs_and_gradients_are_those_of_a_convolution(shape):
    x, kernel, weight = _draw(shape)
    out, transpose = jax.vjp(jax.jit(filtered), x, kernel)
    for got, exact in zip((out, *transpose(weight)), _exact(x, kernel, weight), strict=True):
        assert got.dtype == jnp.float32
        np.testing.assert_allclose(got, exact, atol=1e-5 * np.abs(exact).max())


def test_small_maps_are_as_exact_as_sums():
    x, kernel, weight = _draw((1, 8, 8, 128, 128))
    (out, *_) = _exact(x, kernel, weight)
    got = filtered(jnp.asarray(x), jnp.asarray(kernel))
    np.testing.assert_allclose(got, out, atol=2e-6 * np.abs(out).max())


def test_heights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="must be a multiple of four, but is 6: call"):
        filtered(jnp.zeros((9, 6, 6, 2)), jnp.zeros((3, 3, 2, 2)))


@pytest.mark.parametrize("filter_", [TWO, FOUR], ids=["two", "four"])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_matrices_are_exact(filter_, backwards):
    f = filter_.backwards() if backwards else filter_
    rng = np.random.default_rng(0)
    taps, inputs = rng.normal(size=3), rng.normal(size=f.size + 2)
    expected = [inputs[n : n + 3] @ (taps[::-1] if backwards else taps) for n in range(f.size)]
    np.testing.assert_allclose(f.outputs @ ((f.taps @ taps) * (f.inputs @ inputs)), expected)


def _names(x, kernel, strides=(1, 1), padding="SAME", **settings):
    """The primitives of a convolution as Flax asks for it."""
    plain = {"lhs_dilation": (1, 1), "rhs_dilation": (1, 1), "feature_group_count": 1}
    settings = {"dimension_numbers": ("NHWC", "HWIO", "NHWC"), **plain, **settings}

    def convolve(x, kernel):
        return convolution.convolution(x, kernel, strides, padding, **settings)

    jaxpr = jax.make_jaxpr(convolve)(x, kernel)
    return {equation.primitive.name for equation in jaxpr.eqns}


def _arrays(h=32, w=32, c=64, d=64, kh=3, kw=3, dtype=jnp.float32):
    shapes = ((1, h, w, c), (kh, kw, c, d))
    return [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]


@pytest.fixture
def one_cpu(monkeypatch):
    """As on a machine with a CPU alone, which the tests' need not be."""
    monkeypatch.setattr(convolution, "one_cpu", lambda: True)


@pytest.mark.parametrize("sizes", [{}, {"w": 33}, {"h": 8, "w": 6, "c": 256, "d": 256}])
def test_worthwhile_convolutions_are_filtered(sizes, one_cpu):
    assert "conv_general_dilated" not in _names(*_arrays(**sizes))


@pytest.mark.parametrize(
    "sizes",
    [
        {"h": 34},  # not a multiple of four
        {"c": 63},
        {"d": 63},
        {"h": 8, "w": 8},  # too little to do
        {"kh": 1, "kw": 1},
        {"kh": 5, "kw": 5},
        {"dtype": jnp.bfloat16},
    ],
)
def test_others_are_left_to_xla(sizes, one_cpu):
    assert "conv_general_dilated" in _names(*_arrays(**sizes))


@pytest.mark.parametrize(
    "settings",
    [
        {"strides": (2, 2)},
        {"padding": "VALID"},
        {"padding": ((0, 2), (1, 1))},
        {"lhs_dilation": (2, 1), "padding": ((1, 1), (1, 1))},
        {"rhs_dilation": (1, 2)},
    ],
)
def test_other_settings_are_left_to_xla(settings, one_cpu):
    assert "conv_general_dilated" in _names(*_arrays(), **settings)


def test_groups_are_left_to_xla(one_cpu):
    x, kernel = _arrays(c=128)[0], _arrays()[1]
    assert "conv_general_dilated" in _names(x, kernel, feature_group_count=2)


def test_other_devices_are_left_to_xla(monkeypatch):
    monkeypatch.setattr(convolution, "one_cpu", lambda: False)
    assert "conv_general_dilated" in _names(*_arrays())


def _palette():
    x = jax.random.normal(jax.random.key(1), (2, 8, 8, 6))
    return Encoder(4, (1, 2), 1, 2, 6, 2, jnp.dtype("float32")), (x, jnp.full(2, 0.5))


def _vqgan():
    latents = jax.random.normal(jax.random.key(1), (2, 4, 4, 3))
    return Decoder(4, (1, 2), 1, 2, 3, jnp.dtype("float32")), (latents,)


@pytest.mark.parametrize("network", [_palette, _vqgan])
def test_networks_are_the_same_either_way(network, monkeypatch):
    module, inputs = network()
    drawn = module.init(jax.random.key(0), *inputs)
    keys = iter(jax.random.split(jax.random.key(2), 200))
    # What starts as zero would hide a wrong block.
    params = jax.tree.map(lambda leaf: 0.3 * jax.random.normal(next(keys), leaf.shape), drawn)

    def results(filtering):
        monkeypatch.setattr(convolution, "one_cpu", lambda: filtering)
        monkeypatch.setattr(convolution, "_FEWEST_CHANNELS", 3)
        monkeypatch.setattr(convolution, "_FEWEST_PRODUCTS", 1)

        def loss(params):
            outputs = jax.tree.leaves(module.apply(params, *inputs))
            return sum(jnp.sum(jnp.sin(each)) for each in outputs), outputs

        return jax.jit(jax.value_and_grad(loss, has_aux=True))(params)

    plain, with_filters = results(False), results(True)
    pairs = list(zip(*map(jax.tree.leaves, (plain, with_filters)), strict=True))
    assert any(bool(jnp.any(a != b)) for a, b in pairs)  # it was another program
    for a, b in pairs:
        np.testing.assert_allclose(b, a, atol=2e-5 * max(float(jnp.abs(a).max()), 1.0))
