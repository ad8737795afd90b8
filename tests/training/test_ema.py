"""The moving average of parameters: where it starts, what it is, and what a stage gives."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from cu_jax import checkpoint, config, train_state
from cu_jax.methods import METHODS, frozen_parts
from cu_jax.models import MODELS

DECAY = 0.75
SIZES = dict(name="mae", image_size=8, patch_size=4, channels=1, encoder_width=8)
SIZES |= dict(encoder_depth=1, encoder_heads=2, decoder_width=8, decoder_depth=1, decoder_heads=2)


@pytest.fixture
def states():
    """States of five steps of plain descent from loaded weights, the first and all after it."""
    tx = optax.sgd(0.5)
    loaded = {"w": jnp.array([1.0, -2.0, 4.0])}
    states = [train_state.create(loaded, tx, ema_decay=DECAY)]
    for _ in range(5):
        gradient = states[-1].params  # of half the squared norm
        updates, opt_state = tx.update(gradient, states[-1].opt_state)
        states.append(states[-1].updated(updates, opt_state))
    return states


def test_it_starts_as_the_loaded_weights_and_follows_the_iterates(states):
    expected = np.asarray(states[0].params["w"])
    for state in states[1:]:
        expected = DECAY * expected + (1 - DECAY) * np.asarray(state.params["w"])
        np.testing.assert_allclose(state.average["w"], expected, rtol=1e-6)
    assert states[-1].result is states[-1].average


def test_without_a_decay_the_last_iterate_is_the_result():
    state = train_state.create({"w": jnp.ones(2)}, optax.sgd(0.1))
    assert state.average is None and state.result is state.params
    assert set(state.saved()) == {"step", "params", "opt_state"} and not state.knobs


def test_a_checkpoint_has_it(states, tmp_path):
    with checkpoint.StageCheckpoints(tmp_path) as checkpoints:
        checkpoints.save(states[-1], 5, {})
        checkpoints.wait()
        restored = checkpoints.restore_newest(states[0]).state
    np.testing.assert_array_equal(restored.average["w"], states[-1].average["w"])


@pytest.mark.parametrize("name", ["controllable", "composite"])
def test_a_method_keeps_it_where_its_section_says_so(name):
    model = MODELS["mae"](SIZES)
    teacher = model.init(jax.random.key(0))
    section = dict(config.default_config().pareto) | dict(ema_decay=0.9, alpha=1.0, tau=2.0)
    section |= dict(space="encoder", noise_mean=(0.5,), noise_std=(0.2,), phase="pareto")
    chosen = ConfigDict(section | dict(swap=False))
    method = METHODS[name](chosen, model, frozen_parts(chosen, model, teacher))
    state = method.init(teacher, steps=10.0, epsilon=0.1, alpha=1.0)
    jax.tree.map(np.testing.assert_array_equal, state.average, teacher["encoder"])
    assert float(state.knobs["ema_decay"]) == np.float32(0.9)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_other_decays_are_refused(decay):
    settings = config.default_config()
    settings.model = ConfigDict(SIZES)
    settings.data.name, settings.boundary.steps, settings.pareto.steps = "mnist5k", 1, 1
    config.validate(settings)
    settings.pareto.ema_decay = decay
    sentence = rf"config.pareto.ema_decay must lie in \[0, 1\), got {decay}"
    with pytest.raises(ValueError, match=sentence):
        config.validate(settings)
