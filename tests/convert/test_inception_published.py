"""The published Inception-v3 of the Fréchet distance: what is read and what is refused."""

import os
import re

import numpy as np
import pytest
import safetensors.numpy

from cu_jax.convert import inception_layout, load_weights
from cu_jax.convert.__main__ import main
from cu_jax.convert.exchange_inception import renaming

NAME = "pt_inception-2015-12-05-6726825d"


@pytest.fixture(scope="module")
def shapes():
    return inception_layout.layout()


def imported(folder, arrays):
    source = folder / f"{NAME}.safetensors"
    safetensors.numpy.save_file(arrays, source)
    return main(["import", "inception", str(source), str(folder / "in")])


def without_counters(shapes):
    return {key: x for key, x in shapes.items() if not key.endswith(inception_layout.COUNTER)}


def test_every_array_lies_where_its_name_says(shapes, tmp_path):
    """Each array is one number, another for each key."""
    arrays = {
        key: np.full(shape, index, np.float32 if shape else np.int64)
        for index, (key, shape) in enumerate(shapes.items())
    }
    assert imported(tmp_path, arrays) == 0
    kept = renaming(shapes)
    tree = load_weights(tmp_path / "in/solutions/original/params.safetensors", kept.template())
    back = kept.from_tree(tree, {key: arrays[key] for key in shapes if kept.path(key) is None})
    assert list(back) == list(arrays)
    assert all((back[key] == array).all() for key, array in arrays.items())


def test_a_file_may_lack_the_counters(shapes):
    fewer = without_counters(shapes)
    assert len(shapes) - len(fewer) == 94
    assert inception_layout.recognize(fewer, "it") == fewer
    assert renaming(fewer).template() == renaming(shapes).template()


COUNTED = "Mixed_6a.branch3x3.bn.num_batches_tracked"
WRONG = {
    "a missing key": (
        lambda s: {k: x for k, x in s.items() if k != "Mixed_6a.branch3x3.bn.bias"},
        "lacks Mixed_6a.branch3x3.bn.bias: give a file without changes",
    ),
    "a missing counter": (
        lambda s: {k: x for k, x in s.items() if k != COUNTED},
        f"lacks {COUNTED}",
    ),
    "one key too many": (lambda s: s | {"z.weight": (3,)}, "has the unexpected z.weight"),
    "classes of ImageNet": (
        lambda s: s | {"fc.bias": (1000,)},
        "differs in fc.bias ([1000] instead of [1008])",
    ),
    "torchvision's": (
        lambda s: s | {"AuxLogits.fc.bias": (1000,)},
        "holds torchvision's, which is another network: give pt_inception-2015-12-05",
    ),
    "another model": (
        lambda s: {"features.0.weight": (3,)},
        "lacks Mixed_7c.branch1x1.conv.weight, fc.weight and has features.0.weight",
    ),
    "another kind": (
        lambda s: {"quantize.embedding.weight": (3, 4)},
        "is of the kind vqgan: name that kind",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_such_network_is_refused(shapes, wrong):
    change, sentence = WRONG[wrong]
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        inception_layout.recognize(change(shapes), f"{NAME}.pth")
    assert f"{NAME}.pth" in str(refused.value)


def test_a_wrong_file_is_refused_before_anything_is_written(tmp_path, capsys):
    for wrong, sentence in (
        (np.zeros(1008, np.int64), "holds fc.bias (I64)"),
        (np.zeros(1008, np.float32), "lacks Mixed_7c.branch1x1.conv.weight, fc.weight"),
    ):
        assert imported(tmp_path, {"fc.bias": wrong}) == 2
        error = capsys.readouterr().err
        assert sentence in error and NAME in error and error.count("\n") == 2
        assert os.listdir(tmp_path) == [f"{NAME}.safetensors"]


def test_it_is_a_kind_that_only_comes_in(capsys):
    with pytest.raises(SystemExit):
        main(["export", "inception", "in", "out.safetensors", "--solution=original"])
    assert "invalid choice: 'inception'" in capsys.readouterr().err
