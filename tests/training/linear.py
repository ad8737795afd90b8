"""The smallest stage: few small pictures, and a linear model with a method's every part."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cu_jax import train_state
from cu_jax.data import Data, Manifest
from cu_jax.data.sources import MemorySource
from cu_jax.methods import Method


def pictures():
    rng = np.random.default_rng(0)
    sources = {
        f"{name}/{split}": MemorySource(
            rng.integers(0, 256, (20, 4, 4, 1)).astype(np.uint8), np.zeros(20, np.int32)
        )
        for name in ("retain", "forget")
        for split in ("train", "validation")
    }
    return Data(Manifest({}), ("0",), (4, 4, 1), sources)


def linear_method():
    """A linear model on noisy pictures: everything a stage has, in a millisecond."""
    tx = optax.adam(0.1)

    def step(state, retain, forget, key):
        def loss(params):
            noise = jax.random.normal(key, (16,))
            pixels = retain["image"].reshape(-1, 16) - forget["image"].reshape(-1, 16) / 2
            return jnp.mean((pixels / 255.0 @ (params["w"] + noise) - 1) ** 2)

        value, grad = jax.value_and_grad(loss)(state.params)
        updates, opt_state = tx.update(grad, state.opt_state)
        return state.updated(updates, opt_state), {"loss": value}

    return Method(
        trainable=lambda p: (p, None),
        init=lambda p, **knobs: train_state.create(p, tx),
        step=step,
        merge=lambda p, kept: p,
    )
