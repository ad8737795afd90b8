"""Inner products of several trees at once: every shape of leaf, beside NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.optim import inner_products
from cu_jax.optim.inner_products import gradient_products, tree_gram

SHAPES = [(), (1,), (7,), (8,), (20_000,), (3, 5), (6, 12), (5, 1), (2, 3, 4), (0, 4), (3, 20_000)]


def _draw(seed: int, dtype: str = "float32") -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=shape) + 0.1, dtype) for shape in SHAPES]


def _expected(trees: list[list[np.ndarray]]) -> np.ndarray:
    flat = [np.concatenate([np.ravel(x) for x in tree]).astype(complex) for tree in trees]
    return np.array([[np.sum(a * b.conj()).real for b in flat] for a in flat])


@pytest.mark.parametrize("backend", ["cpu", "gpu"])  # the latter's way, on any device
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_all_shapes_of_leaves(count: int, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    monkeypatch.setattr(inner_products, "_SMALLEST_LEAF", 2)
    trees = [_draw(seed) for seed in range(count)]
    got = jax.jit(lambda trees: tree_gram(trees))(trees)  # traced anew
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, _expected(trees), rtol=2e-6, atol=0.1)


def test_leaves_of_other_dtypes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_products, "_SMALLEST_LEAF", 2)
    narrow = [[jnp.asarray(x, jnp.bfloat16) for x in _draw(seed)] for seed in range(2)]
    exact = [[np.asarray(x, np.float64) for x in tree] for tree in narrow]
    np.testing.assert_allclose(tree_gram(narrow), _expected(exact), rtol=2e-6, atol=0.1)
    turned = [[x * (1 + 2j) for x in _draw(0)], [x * (3 - 1j) for x in _draw(1)]]
    got = tree_gram([[jnp.asarray(x, jnp.complex64) for x in tree] for tree in turned])
    np.testing.assert_allclose(got, _expected(turned), rtol=2e-6, atol=0.5)


def test_long_sums_keep_their_digits() -> None:
    ones = [jnp.ones((3000, 1500)), jnp.ones(4_500_000)]
    np.testing.assert_allclose(tree_gram([ones, ones])[0], 9e6, rtol=1e-6)


def test_what_is_not_finite_stays_so() -> None:
    bad = [jnp.ones((400, 800)).at[3, 5].set(jnp.nan), jnp.ones(3)]
    good = [jnp.ones((400, 800)), jnp.ones(3)]
    gram = np.asarray(tree_gram([good, bad]))
    np.testing.assert_array_equal(np.isnan(gram), [[False, True], [True, True]])


def test_products_of_the_rule() -> None:
    objective, *constraints = trees = [_draw(seed) for seed in range(4)]
    expected = _expected(trees)
    sq_norm, dots, gram = gradient_products(objective, constraints, 3)
    np.testing.assert_allclose(sq_norm, expected[0, 0], rtol=1e-5)
    np.testing.assert_allclose(dots, expected[0, 1:], rtol=1e-5)
    np.testing.assert_allclose(gram, expected[1:, 1:], rtol=1e-5)
