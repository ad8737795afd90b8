"""Published layouts: their keys, that our models have the same parameters, and the way back."""

from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from cu_jax.convert import mae_layout, mage_layout, palette, palette_layout, vqgan
from cu_jax.convert.mae_settings import model_settings as mae_settings
from cu_jax.convert.mage_settings import model_settings as mage_settings
from cu_jax.metrics import inception
from cu_jax.models import MODELS
from cu_jax.models.mage import Mage
from cu_jax.models.palette import Palette
from cu_jax.models.vqgan import VqGan
from cu_jax.noise_schedules import NoiseSchedule

NAMES = (
    *("mae_vit_base_patch16", "mae_vit_large_patch16", "mae_vit_huge_patch14"),
    *("mage_vit_base_patch16", "mage_vit_large_patch16", "palette_places2"),
    *("vqgan_jax_strongaug", "inception_2015_12_05"),
)


def model_of(sizes, tie_head=False):
    """Our model for the sizes, as a config of the import's settings builds it."""
    if sizes is None:
        return inception
    if isinstance(sizes, mae_layout.MaeSizes):
        return MODELS["mae"](ConfigDict(mae_settings(sizes, (4, 4), False)))
    if isinstance(sizes, mage_layout.MageSizes):
        return MODELS["mage"](ConfigDict(mage_settings(sizes, (4, 4), tie_head, Path("it"))))
    if isinstance(sizes, palette_layout.PaletteSizes):
        return MODELS["palette"](ConfigDict(palette.model_settings(sizes, NoiseSchedule())))
    return VqGan(**vqgan.model_settings(sizes))


def check_same(one, two):
    assert jax.tree.structure(one) == jax.tree.structure(two)
    same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), one, two)
    assert all(jax.tree.leaves(same))


@pytest.mark.parametrize("name", NAMES)
def test_the_layout_is_the_published_one(cases, name):
    kind, shapes = cases.LAYOUTS[name], cases.stored(name)
    assert list(kind.shapes.items()) == list(shapes.items())  # the order too
    assert kind.recognize(shapes, "it") == kind.sizes


@pytest.mark.parametrize("name", NAMES)
def test_the_tree_is_that_of_our_model(cases, name):
    kind = cases.LAYOUTS[name]
    init = jax.eval_shape(model_of(kind.sizes).init, jax.random.key(0))
    check_same(init, kind.template(kind.sizes))


def test_the_tree_of_a_tied_head_is_that_of_our_model(cases):
    sizes = cases.MAGE["MAGE ViT-B"]
    init = jax.eval_shape(model_of(sizes, tie_head=True).init, jax.random.key(0))
    check_same(init, cases.mage.template(sizes, tie_head=True))


@pytest.mark.parametrize("name", NAMES)
def test_every_key_goes_there_and_back(cases, name):
    """No memory: each array is one number, another for each key."""
    kind = cases.LAYOUTS[name]
    arrays = {
        key: np.broadcast_to(np.float32(index), shape)
        for index, (key, shape) in enumerate(kind.shapes.items())
    }
    back = kind.from_tree(kind.to_tree(arrays, kind.sizes), kind.sizes, arrays)
    assert list(back) == list(arrays)
    for key, array in arrays.items():
        assert back[key].shape == array.shape
        assert back[key][(0,) * array.ndim] == back[key][(-1,) * array.ndim] == array.flat[0]


def test_small_ones_there_and_back_keep_every_bit(cases, seeded, published):
    kind = cases.small(published.kind, seeded)
    tree = kind.to_tree(published.arrays, kind.sizes)
    cases.check_equal(kind.from_tree(tree, kind.sizes, published.arrays), published.arrays)


@pytest.mark.slow  # up to 3 GB are drawn
@pytest.mark.parametrize("name", NAMES)
def test_full_ones_there_and_back_keep_every_bit(cases, name):
    kind = cases.LAYOUTS[name]
    draw = np.random.default_rng(0)
    arrays = {key: draw.standard_normal(shape, np.float32) for key, shape in kind.shapes.items()}
    tree = kind.to_tree(arrays, kind.sizes)
    back = kind.from_tree(tree, kind.sizes, arrays)
    assert list(back) == list(arrays)
    assert all((back[key] == array).all() for key, array in arrays.items())


def test_what_shapes_do_not_tell_is_as_our_models_have_it(cases):
    """The defaults of our models are the published settings."""
    sizes = cases.MAGE["MAGE ViT-B"]
    settings = mage_settings(sizes, (12, 16), False, Path("it"))
    wide = dict(encoder_width=768, encoder_depth=12, encoder_heads=12)
    wide |= dict(decoder_width=768, decoder_depth=8, decoder_heads=16)
    assert MODELS["mage"](ConfigDict(settings)) == Mage(VqGan(), **wide)
    assert set(settings) == {"name", *Mage.__dataclass_fields__}
    assert set(settings["tokenizer"]) == set(VqGan.__dataclass_fields__)
    settings = palette.model_settings(palette_layout.PUBLISHED, NoiseSchedule())
    assert MODELS["palette"](ConfigDict(settings)) == Palette()
    assert set(settings) == {"name", *Palette.__dataclass_fields__}
