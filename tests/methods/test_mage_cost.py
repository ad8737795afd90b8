"""How often unlearning MAGE makes tokens, by the FLOPs of the lowered step."""

import jax
import jax.numpy as jnp
import pytest

from cu_jax.models.mage import build

TOKENIZER = dict(image_size=32, channels=3, width=8, multipliers=(1, 1, 2), res_blocks=1, groups=2)
SIZES = dict(encoder_width=16, encoder_depth=1, encoder_heads=2, decoder_width=16, decoder_depth=1)
SIZES |= dict(decoder_heads=2, vocabulary=16, class_token=13, noise_pool=4)


@pytest.mark.parametrize(("space", "most_before"), [("encoder", 3), ("output", 2)])
def test_tokens_are_made_once_a_picture_and_none_of_noise(load_module, space, most_before):
    cost = load_module("benchmarks/mage_cost")
    model = build(SIZES | {"tokenizer": TOKENIZER | dict(codes=12, code_width=4)})
    rest = model.split(jax.eval_shape(model.init, jax.random.key(0)))[1]
    images = jax.ShapeDtypeStruct((4, *model.image_shape), jnp.float32)
    once = cost.flops(model.prepare, rest, images, jax.random.key(0))
    pictures, cached = cost.ours(model, space, ("retain", "forget"))
    assert pictures - cached == pytest.approx(once, rel=0.01)
    # The predecessor's way does more besides, on every picture.
    assert cost.way(model, space, 4) > cached + most_before * once
