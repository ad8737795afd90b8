"""A narrow MAGE and its parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models.mage import build

TOKENIZER = dict(image_size=32, channels=1, width=4, multipliers=(1, 1, 1), res_blocks=1, groups=2)
TOKENIZER |= dict(codes=12, code_width=4)
SIZES = dict(encoder_width=16, encoder_depth=1, encoder_heads=2, decoder_width=16)
SIZES |= dict(decoder_depth=1, decoder_heads=2, vocabulary=16, class_token=13, fill=(0.4,))
SIZES |= dict(blend_grow=0, blend_blur=0.0)


@pytest.fixture(scope="session")
def narrow_mage():
    """Builds a narrow MAGE of 64 tokens, with changed settings."""

    def model(**changes):
        return build(SIZES | {"name": "mage", "tokenizer": TOKENIZER} | changes)

    return model


@pytest.fixture(scope="session")
def scattered():
    """Draws a model's parameters, of which none is 0 or 1 everywhere, as biases are at first."""

    def draw(model):
        leaves, tree = jax.tree.flatten(jax.eval_shape(model.init, jax.random.key(0)))
        rng = np.random.RandomState(0)
        drawn = [jnp.asarray(0.3 * rng.randn(*leaf.shape), jnp.float32) for leaf in leaves]
        return jax.tree.unflatten(tree, drawn)

    return draw


@pytest.fixture(scope="session")
def mage(narrow_mage):
    return narrow_mage()


@pytest.fixture(scope="session")
def params(mage, scattered):
    return scattered(mage)


@pytest.fixture(scope="session")
def images():
    return jax.random.uniform(jax.random.key(2), (3, 32, 32, 1))
