"""The digit classifier: its size, its pure functions, and that it learns."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest

from cu_jax.convert import save_weights
from cu_jax.metrics import class_consistency, classifier, cross_entropy

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def params():
    return classifier.init(KEY)


def test_weights_are_small_and_float32(params, tmp_path):
    leaves = jax.tree.leaves(params)
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype(jnp.float32)}
    save_weights(tmp_path / "digits.safetensors", params)
    assert (tmp_path / "digits.safetensors").stat().st_size <= 600_000


def test_parameters_depend_on_the_key_alone(params):
    jax.tree.map(np.testing.assert_array_equal, params, classifier.init(KEY))
    other = classifier.init(jax.random.key(1))
    assert not np.array_equal(params["logits"]["kernel"], other["logits"]["kernel"])


def test_logits_and_features(params):
    images = jax.random.uniform(KEY, (5, 28, 28, 1))
    logits, features = classifier.apply(params, images)
    assert logits.shape == (5, 10) and features.shape == (5, 64)
    assert logits.dtype == features.dtype == jnp.float32
    assert float(features.min()) >= 0.0
    # The features are the layer before the logits: a linear map leads from one to the other.
    head = params["logits"]
    np.testing.assert_allclose(features @ head["kernel"] + head["bias"], logits, atol=1e-4)


def test_pictures_of_a_batch_do_not_influence_each_other(params):
    images = jax.random.uniform(KEY, (4, 28, 28, 1))
    logits, _ = classifier.apply(params, images)
    changed, _ = classifier.apply(params, images.at[1:].set(0.0))
    np.testing.assert_allclose(logits[0], changed[0], atol=1e-5)
    assert float(jnp.abs(logits[1:] - changed[1:]).max()) > 1e-3


@pytest.mark.parametrize("size", [4, 7])
def test_pooling_by_reshape_is_max_pooling(size):
    x = jax.random.normal(KEY, (2, size, size, 3))
    expected = nn.max_pool(x, (2, 2), strides=(2, 2))
    np.testing.assert_array_equal(classifier._max_pool(x), expected)


def test_half_precision_pictures_are_computed_in_float32(params):
    images = jax.random.uniform(KEY, (2, 28, 28, 1)).astype(jnp.bfloat16)
    logits, _ = classifier.apply(params, images)
    expected, _ = classifier.apply(params, images.astype(jnp.float32))
    np.testing.assert_array_equal(logits, expected)


def test_cross_entropy_agrees_with_optax(params):
    images = jax.random.uniform(KEY, (6, 28, 28, 1))
    labels = jnp.array([0, 9, 3, 3, 5, 1])
    logits, _ = classifier.apply(params, images)
    expected = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    np.testing.assert_allclose(cross_entropy(params, images, labels), expected, rtol=1e-5)


def test_learns_ten_bars_in_a_few_steps(params):
    """Ten classes that differ in where a bright bar lies."""
    labels = jnp.arange(10)
    rows = jnp.arange(28)[None, :, None, None]
    images = ((rows // 3 + 1) == (labels[:, None, None, None] + 1)).astype(jnp.float32)
    images = jnp.broadcast_to(images, (10, 28, 28, 1))
    optimizer = optax.adamw(3e-3)

    @jax.jit
    def step(params, state):
        loss, grads = jax.value_and_grad(cross_entropy)(params, images, labels)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    state = optimizer.init(params)
    first = None
    for _ in range(40):
        params, state, loss = step(params, state)
        first = loss if first is None else first
    assert float(first) > 1.5
    assert float(loss) < 0.1
    assert class_consistency(classifier.apply(params, images)[0], labels) == 1.0


def test_class_consistency_counts():
    logits = np.eye(4)[[0, 1, 2, 2]]
    assert class_consistency(logits, [0, 1, 2, 3]) == 0.75
    logits[0] = np.nan  # argmax would be 0, the right class
    assert class_consistency(logits, [0, 1, 2, 3]) == 0.5
    assert isinstance(class_consistency(jnp.eye(2), jnp.array([0, 1])), float)


def test_mistakes_are_named(params, monkeypatch):
    # Users run without the shape checks that the tests install, which would speak first.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=r"\[B, 28, 28, 1\].*\(2, 32, 32, 1\)"):
        classifier.apply(params, jnp.zeros((2, 32, 32, 1)))
    with pytest.raises(ValueError, match="floating point.*uint8"):
        classifier.apply(params, jnp.zeros((2, 28, 28, 1), jnp.uint8))
    with pytest.raises(ValueError, match=r"one label per picture"):
        class_consistency(np.zeros((3, 10)), [1, 2])
    with pytest.raises(ValueError, match="N >= 1"):
        class_consistency(np.zeros((0, 10)), np.zeros(0, int))
