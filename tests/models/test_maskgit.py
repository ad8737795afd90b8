"""Iterative decoding: which steps run, what they mask again, and what a picture depends on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.models.maskgit import sample, schedule

CODES = 64


def decode(logits, hidden, keys, steps=20, temperature=6.0, tokens=None):
    """Decodes from tokens of zeros; compiled."""
    if tokens is None:
        tokens = jnp.zeros((len(keys), hidden.size), jnp.int32)
    return np.asarray(
        jax.jit(lambda t, k: sample(logits, t, hidden, k, steps, temperature))(tokens, keys)
    )


def first(count, tokens=256):
    """The first tokens are hidden."""
    return np.arange(tokens) < count


@pytest.fixture(scope="module")
def keys():
    return jax.random.split(jax.random.key(0), 3)


@pytest.mark.parametrize(
    ("masked", "steps"), [(36, 2), (87, 5), (100, 6), (220, 14), (255, 19), (256, 20), (1, 1)]
)
def test_only_steps_below_the_share_of_unknown_tokens_run(masked, steps):
    ratios, counts = schedule(256, masked, 20)
    np.testing.assert_allclose(ratios, np.arange(21 - steps, 21) / 20, rtol=1e-6)
    assert len(counts) == steps and counts[-1] == 1


def test_counts_follow_the_cosine_and_always_fall():
    # floor(256 cos(π r / 2)) at r = 0.75, 0.8 … 0.95.
    np.testing.assert_array_equal(schedule(256, 100, 20)[1], [97, 79, 59, 40, 20, 1])
    # In so many steps the cosine alone would hardly fall at first.
    np.testing.assert_array_equal(schedule(256, 256, 200)[1][:3], [255, 254, 253])
    np.testing.assert_array_equal(schedule(4, 3, 6)[1], [2, 1, 1, 1])


@pytest.mark.parametrize(("masked", "steps"), [(0, 20), (257, 20), (36, 0)])
def test_nothing_to_decode_is_refused(masked, steps):
    with pytest.raises(ValueError, match=f"1 to 256 masked tokens.*got {masked} and {steps}"):
        schedule(256, masked, steps)


def test_every_step_masks_as_many_as_scheduled_and_none_that_is_known(keys):
    seen = []

    def logits(tokens, masked):
        jax.debug.callback(lambda m, t: seen.append((m, t)), masked, tokens, ordered=True)
        return jax.random.normal(jax.random.key(1), (*tokens.shape, CODES))

    known = jax.random.randint(jax.random.key(2), (3, 256), 0, CODES)
    out = decode(logits, first(100), keys, tokens=known)
    jax.effects_barrier()
    assert [m.sum(1).tolist() for m, _ in seen] == [[n] * 3 for n in (100, 97, 79, 59, 40, 20)]
    for (mask, tokens), (later, after) in zip(seen, [*seen[1:], (0, out)], strict=True):
        assert (later <= mask).all()
        np.testing.assert_array_equal(after[mask == 0], tokens[mask == 0])
    # What stays unknown is drawn anew.
    again = seen[2][0] > 0
    assert (seen[1][1][again] != seen[2][1][again]).mean() > 0.5
    np.testing.assert_array_equal(out[:, 100:], known[:, 100:])
    assert len(set(out[0, :100].tolist())) > 10


def test_the_last_step_samples_in_proportion_to_the_probabilities(keys):
    def logits(tokens, masked):
        return jnp.log(jnp.full((*tokens.shape, 2), jnp.array([0.25, 0.75])))

    # A single step settles all tokens at once.
    out = decode(logits, first(4096, 4096), keys, steps=1)
    np.testing.assert_allclose(out.mean(1), 0.75, atol=4 * (0.75 * 0.25 / 4096) ** 0.5)


@pytest.mark.parametrize(
    ("temperature", "only_doubtful"), [(0.0, True), (6.0, True), (600.0, False)]
)
def test_the_doubtful_are_masked_again_unless_the_choice_is_hot(keys, temperature, only_doubtful):
    """At r = 0.95 the noise is a twentieth of the temperature; doubt costs log 64 = 4.2."""
    seen = []

    def logits(tokens, masked):
        jax.debug.callback(lambda m: seen.append(m), masked, ordered=True)
        sure = (jnp.arange(256) < 16)[:, None] & (jnp.arange(CODES) == 5)
        return jnp.broadcast_to(jnp.where(sure, 99.0, 0.0), (*tokens.shape, CODES))

    out = decode(logits, first(36), keys, temperature=temperature)
    jax.effects_barrier()
    assert (seen[1][:, 16:36].all() and not seen[1][:, :16].any()) == only_doubtful
    np.testing.assert_array_equal(out[:, :16], 5)


def test_a_picture_depends_on_its_own_key_alone(keys):
    table = jax.random.normal(jax.random.key(3), (CODES, CODES))

    def logits(tokens, masked):
        context = jnp.where(masked > 0, 0.0, table[0, tokens]).sum(1)
        return table[tokens] * jnp.sin(context)[:, None, None]

    known = jax.random.randint(jax.random.key(4), (3, 256), 0, CODES)
    together = decode(logits, first(100), keys, tokens=known)
    for place in range(3):
        alone = decode(logits, first(100), keys[place, None], tokens=known[place, None])
        np.testing.assert_array_equal(alone[0], together[place])
    turned = decode(logits, first(100), keys[::-1], tokens=known[::-1])
    np.testing.assert_array_equal(turned[::-1], together)
    same = jnp.broadcast_to(known[:1], known.shape)
    differ = decode(logits, first(100), keys, tokens=same)
    assert (differ[0] != differ[1])[:100].any()
