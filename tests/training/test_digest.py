"""The digest changes with any bit, and with nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.digest import digest

TREE = {
    "w": jnp.linspace(-1, 1, 12).reshape(3, 4),
    "count": jnp.int32(7),
    "half": jnp.ones(3, jnp.bfloat16),
    "mask": jnp.array([True, False]),
    "none": None,
    "empty": jnp.zeros((0, 3)),
}


@pytest.mark.parametrize("bit", [0, 7, 15, 22, 31])
@pytest.mark.parametrize("place", [0, 5, 11])
def test_one_flipped_bit_changes_it(bit, place):
    words = np.asarray(TREE["w"]).view(np.uint32).copy()
    words.reshape(-1)[place] ^= np.uint32(1 << bit)
    assert digest(TREE | {"w": jnp.asarray(words.view(np.float32))}) != digest(TREE)


@pytest.mark.parametrize(
    "change",
    [
        {"w": TREE["w"].T.reshape(3, 4)},
        {"w": TREE["w"][::-1]},
        {"count": jnp.int32(8)},
        {"mask": jnp.array([False, True])},
        {"half": jnp.ones(3, jnp.bfloat16).at[1].set(1.0078125)},
        {"w": -TREE["w"] * 0 + jnp.where(TREE["w"] == 0, 0.0, TREE["w"]) + 1e-6},
    ],
)
def test_order_and_every_leaf_count(change):
    assert digest(TREE | change) != digest(TREE)


def test_zero_and_minus_zero_differ_and_nan_is_a_value():
    assert digest(jnp.array([0.0])) != digest(jnp.array([-0.0]))
    assert digest(jnp.array([jnp.nan])) == digest(jnp.array([jnp.nan]))


def test_it_is_the_same_outside_jit_and_for_copies():
    copies = jax.tree.map(lambda x: jnp.array(np.asarray(x)), TREE)
    with jax.disable_jit():
        assert digest(copies) == digest(TREE)
