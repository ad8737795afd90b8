"""Holes by name: what each removes, what it is called, and which are refused."""

import numpy as np
import pytest

from cu_jax import corruptions
from cu_jax.holes import parse_hole, parse_holes

FROZEN = "1100011001001110"


def removed(given, size=28, patch=4):
    return parse_hole(given, size, patch, "--hole").mask[..., 0] > 0


def test_a_center_is_a_square_in_the_middle():
    mask = removed("center:12")
    assert mask[8:20, 8:20].all() and mask.sum() == 12 * 12
    np.testing.assert_array_equal(mask, removed("center:0.43"))  # 12.04 pixels


def test_a_frame_is_the_rest_of_a_center():
    np.testing.assert_array_equal(removed("outpaint:0.25"), ~removed("center:21"))
    np.testing.assert_array_equal(removed("outpaint:0.5", 224, 16), ~removed("center:112", 224))


def test_random_patches_are_whole_and_always_the_same():
    mask = removed("random:0.75", 224, 16)
    patches = mask.reshape(14, 16, 14, 16).transpose(0, 2, 1, 3).reshape(196, -1)
    assert (patches.all(1) == patches.any(1)).all()
    assert patches.all(1).sum() == 147  # as many as the model is trained without
    np.testing.assert_array_equal(mask, removed("random:0.75", 224, 16))
    other = corruptions.random_hole(224, 16, 0.75, seed=1)[..., 0] > 0
    assert 0.3 < (mask != other).mean() < 0.45  # 2 · 3/4 · 1/4 of independent draws
    # Frozen: a run of next year must measure the same pixels.
    assert "".join(map(str, removed("random:0.5", 16, 4)[::4, ::4].astype(int).ravel())) == FROZEN


def test_names_say_pixels_or_per_cent():
    given = ("center:12", "center:0.25", "outpaint:0.5", "outpaint:0.125", "random:0.75")
    names = [hole.name for hole in parse_holes(given, 28, 4)]
    assert names == ["center12", "center7", "outpaint50", "outpaint12_5", "random75"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((), "must name at least one hole, got none"),
        (("center:14", "center:0.5"), "must differ from each other, got center14 twice"),
        (("middle",), r"config.evaluation.holes must be center:PIXELS.*got 'middle'"),
        (("center",), "got 'center'"),
        (("center:twelve",), "got 'center:twelve'"),
        (("outpaint:nan",), "got 'outpaint:nan'"),
        (("center:0",), "1 to 27 pixels wide, got 0"),
        (("center:28",), "1 to 27 pixels wide, got 28"),
        (("center:1.0",), "between 0 and 1 and come to 1 to 27 of the model's 28 pixels, got 1:"),
        (("center:-3",), "between 0 and 1.*got -3"),
        (("center:0.01",), "come to 1 to 27.*got 0.01"),
        (("outpaint:inf",), "between 0 and 1.*got inf"),
        (("random:0.005",), "come to 1 to 48 of 49 patches, got 0.005"),
        (("random:1",), "come to 1 to 48 of 49 patches, got 1"),
    ],
)
def test_other_holes_are_refused_in_a_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        parse_holes(given, 28, 4)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_random_patches_must_fill_the_picture():
    with pytest.raises(ValueError, match="got 28 pixels and patches of 5"):
        parse_holes(("random:0.5",), 28, 5)
