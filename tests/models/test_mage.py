"""MAGE: what its networks may not see, its head, its loss, its settings and sizes."""

import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.corruptions import center_hole
from cu_jax.models.interface import Model
from cu_jax.models.mage import Mage
from cu_jax.models.vqgan import VqGan
from cu_jax.token_corruptions import undropped

LAYOUTS = Path(__file__).parents[1] / "convert" / "layouts"
# Published tensors that nothing reads; our tree does not hold them.
UNUSED = ("cls_token", "mask_token", "pos_embed", "decoder_pos_embed", "patch_embed.proj.weight")
UNUSED += ("patch_embed.proj.bias", "decoder_pred.weight", "decoder_pred.bias")


@pytest.fixture(scope="module")
def tokens():
    return jax.random.randint(jax.random.key(1), (3, 64), 0, 12)


def normed(x, weights, eps=1e-6):
    x = np.asarray(x, np.float64)
    spread = np.sqrt(x.var(-1, keepdims=True) + eps)
    return (x - x.mean(-1, keepdims=True)) / spread * weights["scale"] + weights["bias"]


def test_it_is_a_model_with_a_frozen_tokenizer(narrow_mage, mage, params):
    assert isinstance(mage, Model) and mage == narrow_mage() and hash(mage) == hash(narrow_mage())
    assert (mage.image_shape, mage.patch_size, mage.fixed) == ((32, 32, 1), 4, ("tokenizer",))
    encoder, rest = mage.split(params)
    assert encoder is params["encoder"] and set(rest) == {"decoder", "tokenizer"}
    assert jax.tree.structure(mage.merge(encoder, rest)) == jax.tree.structure(params)


def test_other_corruptions_are_refused(mage):
    with pytest.raises(ValueError, match="must be 'training', got 'evaluation'"):
        mage.corrupt(jax.random.key(0), 2, "evaluation")


def test_masked_tokens_are_not_seen_and_visible_ones_are(mage, params, tokens):
    corruption = mage.corrupt(jax.random.key(5), 3)
    encode = jax.jit(mage.encode)
    hidden = corruption.masked.astype(jnp.int32)
    (seen,) = encode(params["encoder"], tokens, corruption)
    (changed,) = encode(params["encoder"], (tokens + hidden) % 12, corruption)
    np.testing.assert_array_equal(seen, changed)
    (other,) = encode(params["encoder"], (tokens + 1 - hidden) % 12, corruption)
    assert seen.shape == (3, 33, 16) and float(jnp.abs(seen - other).max()) > 1e-3


def test_embeddings_are_those_of_the_class_token_the_words_and_the_mask_token(
    narrow_mage, scattered, tokens
):
    """With no blocks the features are two norms of word and position."""
    mage = narrow_mage(encoder_depth=0)
    encoder = scattered(mage)["encoder"]
    corruption = mage.corrupt(jax.random.key(6), 3)
    (features,) = mage.encode(encoder, tokens, corruption)
    ids = np.where(np.asarray(corruption.masked) > 0, 15, tokens)
    ids = np.concatenate([np.full((3, 1), 13), ids], axis=1)
    table = jax.tree.map(np.asarray, encoder["token_emb"])
    embedded = table["word_embeddings"][ids] + table["position_embeddings"]
    expected = normed(normed(embedded, table["LayerNorm"]), encoder["norm"])
    read = np.concatenate([np.zeros((3, 1), int), 1 + np.asarray(corruption.keep)], axis=1)
    expected = np.take_along_axis(expected, read[..., None], 1)
    np.testing.assert_allclose(features, expected, atol=1e-4)


@pytest.mark.parametrize("tie_head", [False, True])
def test_hidden_places_hold_the_class_token_and_the_head_scores_codes(
    narrow_mage, scattered, tokens, tie_head
):
    """With no blocks a place's logits are a function of what stands there alone."""
    mage = narrow_mage(decoder_depth=0, tie_head=tie_head)
    params = scattered(mage)
    # So small that the epsilon of the head's norm counts.
    params["decoder"]["mlm_layer"]["fc"]["kernel"] *= 1e-3
    params["decoder"]["mlm_layer"]["fc"]["bias"] *= 1e-2
    corruption = mage.corrupt(jax.random.key(7), 3)
    features = np.random.RandomState(1).randn(3, 33, 16).astype(np.float32)
    (logits,) = mage.decode(params, (jnp.asarray(features),), corruption)
    assert logits.shape == (3, 64, 12) and logits.dtype == jnp.float32
    weights = jax.tree.map(lambda x: np.asarray(x, np.float64), params["decoder"])
    head = weights["mlm_layer"]
    words = head if not tie_head else params["encoder"]["token_emb"]
    placed = np.repeat(features[:, :1], 64, axis=1)
    for row in range(3):
        keep = np.asarray(corruption.keep[row])
        visible = np.asarray(corruption.masked[row, keep]) == 0
        placed[row, keep[visible]] = features[row, 1:][visible]
    x = placed @ weights["decoder_embed"]["kernel"] + weights["decoder_embed"]["bias"]
    x = normed(x + weights["decoder_pos_embed_learned"][:, 1:], weights["decoder_norm"])
    x = x @ head["fc"]["kernel"] + head["fc"]["bias"]
    x = x * 0.5 * (1 + np.vectorize(math.erf)(x / 2**0.5))
    x = normed(x, head["ln"], eps=1e-5)
    expected = x @ np.asarray(words["word_embeddings"][:12]).T + head["bias"][:12]
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("tie_head", [False, True])
def test_a_changed_embedding_changes_the_head_if_it_is_tied(narrow_mage, scattered, tie_head):
    mage = narrow_mage(decoder_depth=0, tie_head=tie_head)
    params = scattered(mage)
    assert ("word_embeddings" in params["decoder"]["mlm_layer"]) is not tie_head
    encoder, rest = mage.split(params)
    corruption = mage.corrupt(jax.random.key(8), 2)
    features = (jax.random.normal(jax.random.key(9), (2, 33, 16)),)

    def loss(encoder):
        (logits,) = mage.decode(mage.merge(encoder, rest), features, corruption)
        return jnp.square(logits).sum()

    gradient = jax.jit(jax.grad(loss))(encoder)["token_emb"]["word_embeddings"]
    assert ((gradient != 0).any(axis=1) == (tie_head & (np.arange(16) < 12))).all()


def test_an_untied_head_starts_with_a_copy_of_the_embeddings(mage):
    @jax.jit
    def embeddings(key):
        params = mage.init(key)
        return params["encoder"]["token_emb"], params["decoder"]["mlm_layer"]

    first, last = embeddings(jax.random.key(0))
    np.testing.assert_array_equal(first["word_embeddings"], last["word_embeddings"])
    assert 0.01 < float(first["word_embeddings"].std()) < 0.03


def test_the_forget_target_of_outputs_is_the_uniform_distribution(mage, params, tokens):
    corruption = mage.corrupt(jax.random.key(10), 3)
    (target,) = mage.output_target(params, tokens, corruption)
    np.testing.assert_allclose(jax.nn.softmax(target), np.full((3, 64, 12), 1 / 12), rtol=1e-6)
    mask = mage.output_mask(corruption)
    assert mask.shape == (3, 64, 1) and jnp.broadcast_shapes(mask.shape, target.shape)
    np.testing.assert_array_equal(mask[..., 0], corruption.masked)


@pytest.mark.slow
def test_the_loss_is_the_smoothed_cross_entropy_of_masked_tokens(mage, params, images):
    key = jax.random.key(11)
    loss, gradient = jax.jit(jax.value_and_grad(mage.pretrain_loss))(params, images, key)
    key_prepare, key_corrupt = jax.random.split(key)
    tokens = mage.prepare(params, images, key_prepare)
    corruption = mage.corrupt(key_corrupt, 3)
    features = mage.encode(params["encoder"], tokens, corruption)
    logits = np.asarray(mage.decode(params, features, corruption)[0], np.float64)
    scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    wanted = 0.9 * np.eye(12)[tokens] + 0.1 / 12
    expected = -(wanted * scores).sum(-1)[np.asarray(corruption.masked) > 0].mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    for leaf in jax.tree.leaves(gradient["tokenizer"]):
        np.testing.assert_array_equal(leaf, 0)
    for part in ("encoder", "decoder"):
        assert all(float(jnp.abs(leaf).max()) > 0 for leaf in jax.tree.leaves(gradient[part]))


def test_pretraining_with_holes_reads_filled_pictures_and_asks_for_whole_ones(
    narrow_mage, params, images, monkeypatch
):
    model = narrow_mage(holes=1.0)
    hole = jnp.broadcast_to(jnp.asarray(center_hole(32, 12)), images.shape)
    monkeypatch.setattr("cu_jax.models.mage.hole_corruptions.boxes", lambda *_: hole)
    seen = []

    def encode(self, encoder, inputs, corruption):
        seen.append((inputs, corruption.masked))
        return original(self, encoder, inputs, corruption)

    original = Mage.encode
    monkeypatch.setattr(Mage, "encode", encode)
    changed = jnp.where(hole > 0, 1 - images, images)  # inside the hole alone
    first, second = (model.pretrain_loss(params, x, jax.random.key(3)) for x in (images, changed))
    assert float(jnp.abs(first - second)) > 1e-4
    (tokens, masked), (same, _) = seen
    np.testing.assert_array_equal(tokens, same)
    filled = jnp.where(hole > 0, 0.4, images)
    np.testing.assert_array_equal(tokens, jax.jit(model.prepare)(params, filled, jax.random.key(0)))
    assert masked.reshape(3, 8, 8)[:, 2:6, 2:6].min() == 1  # every token that the hole touches


def test_bfloat16_compute_keeps_float32_parameters_and_logits(narrow_mage):
    mage = narrow_mage(dtype="bfloat16")
    shapes = jax.eval_shape(mage.init, jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}
    corruption = undropped(jnp.zeros((2, 64)))
    tokens = jnp.zeros((2, 64), jnp.int32)
    features = jax.eval_shape(mage.encode, shapes["encoder"], tokens, corruption)
    assert features[0].dtype == jnp.bfloat16
    logits = jax.eval_shape(mage.decode, shapes, features, corruption)
    assert logits[0].dtype == jnp.float32


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(encoder_heads=3), "encoder_width must be a multiple of 4 and of encoder_heads"),
        (dict(decoder_width=10), "decoder_width must be a multiple of 4"),
        (dict(decoder_width=20), "decoder_width must equal encoder_width, got 20 and 16"),
        (dict(class_token=11), "between the tokenizer's 12 codes and the mask token 15, got 11"),
        (dict(class_token=15), "the mask token 15, got 15"),
        (dict(drop=0.6), "since only masked tokens are dropped, got 0.6, 0.5 and 1.0"),
        (dict(mask_max=0.5), "must rise between 0 and 1"),
        (dict(holes=1.5), r"holes must be a share in \[0, 1\], got 1.5"),
        (dict(fill=(0.5, 0.5)), "fill must have 1 numbers"),
        (dict(steps=0), "steps must be at least 1, got 0"),
        (dict(blend_blur=-1.0), "blend_blur must be at least 0, got -1.0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(narrow_mage, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        narrow_mage(**changes)


@pytest.mark.parametrize(
    ("name", "sizes", "trained"),
    [("base", (768, 12, 12, 768, 8, 16), 146.1), ("large", (1024, 24, 16, 1024, 8, 16), 409.4)],
)
def test_published_sizes_have_the_published_tensors(name, sizes, trained):
    layout = json.loads((LAYOUTS / f"mage_vit_{name}_patch16.json").read_text())
    del layout["token_emb.position_ids"]  # A buffer of numbers 0 to 256.
    counts = {key: math.prod(s) for key, s in layout.items() if not key.startswith("vqgan.")}
    # Stated without the fixed sine-cosine positions, which nothing trains.
    fixed = counts["pos_embed"] + counts["decoder_pos_embed"]
    assert round((sum(counts.values()) - fixed) / 1e6, 1) == trained
    used = {key: count for key, count in counts.items() if key not in UNUSED}
    tied = jax.eval_shape(Mage(VqGan(), *sizes, tie_head=True).init, jax.random.key(0))
    leaves = jax.tree.leaves([tied["encoder"], tied["decoder"]])
    assert sorted(math.prod(leaf.shape) for leaf in leaves) == sorted(used.values())
    untied = jax.eval_shape(Mage(VqGan(), *sizes).init, jax.random.key(0))
    total = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(untied["decoder"]))
    added = total - sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tied["decoder"]))
    assert added == 2025 * sizes[0]
