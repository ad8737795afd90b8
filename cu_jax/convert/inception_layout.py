"""The key layout of the published Inception-v3 of the Fréchet Inception distance.

The file is ``pt_inception-2015-12-05-6726825d.pth``, which pytorch-fid and torch-fidelity publish:
the network of 2015-12-05 under the names that PyTorch's own Inception-v3 has.
"""

from collections.abc import Mapping

from cu_jax.convert.layouts import (
    Shape,
    Wording,
    check_kind,
    check_layout,
    check_telling,
    linear,
    vectors,
)

WORDING = Wording(
    "an Inception-v3 of 2015-12-05", "give pt_inception-2015-12-05-6726825d.pth of pytorch-fid"
)
COUNTER = ".bn.num_batches_tracked"
"""How the keys end of what PyTorch counts while it trains. Files may lack all of these."""
_LAST, _CLASSES = "Mixed_7c.branch1x1.conv.weight", "fc.weight"

_STEM = {
    "Conv2d_1a_3x3": (32, 3, 3, 3),
    "Conv2d_2a_3x3": (32, 32, 3, 3),
    "Conv2d_2b_3x3": (64, 32, 3, 3),
    "Conv2d_3b_1x1": (80, 64, 1, 1),
    "Conv2d_4a_3x3": (192, 80, 3, 3),
}


def layout() -> dict[str, Shape]:
    """Every key and its shape.

    Example:
        >>> keys = layout()
        >>> len(keys), keys["Mixed_7c.branch_pool.conv.weight"]
        (566, (192, 2048, 1, 1))
    """
    convolutions: dict[str, Shape] = dict(_STEM)
    for block, inputs, pooled in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        convolutions |= _block(block, _inner(inputs, pooled))
    convolutions |= _block("6a", _reduction(288))
    for block, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        convolutions |= _block(block, _stretched(768, width))
    convolutions |= _block("7a", _top(768))
    for block, inputs in (("7b", 1280), ("7c", 2048)):
        convolutions |= _block(block, _outer(inputs))
    keys: dict[str, Shape] = {}
    for name, shape in convolutions.items():
        keys[f"{name}.conv.weight"] = shape
        keys |= vectors(f"{name}.bn", shape[0])
        keys |= {f"{name}.bn.running_{what}": (shape[0],) for what in ("mean", "var")}
        keys[f"{name}{COUNTER}"] = ()
    return keys | linear("fc", 1008, 2048)


def recognize(shapes: Mapping[str, Shape], source: str) -> dict[str, Shape]:
    """Refuses a file that does not hold the whole network.

    Args:
        shapes: of every array in the file, by its key.
        source: the file, for the message.

    Returns:
        The layout, without the counters where the file has none.

    Raises:
        ValueError: the file holds another kind of model or another Inception, or lacks keys, has
            others, or has other shapes.

    Example:
        >>> len(recognize(layout(), "inception.pth"))
        566
        >>> recognize({"AuxLogits.fc.weight": (1000, 768), "fc.weight": (1000, 2048)}, "v3.pth")
        Traceback (most recent call last):
        ValueError: An Inception-v3 must be that of the Fréchet Inception distance, of 1008 classes,
        and v3.pth holds torchvision's, which is another network: give
        pt_inception-2015-12-05-6726825d.pth of pytorch-fid.
    """
    check_kind(shapes, "inception", source)
    if any(key.startswith("AuxLogits.") for key in shapes):
        raise ValueError(
            "An Inception-v3 must be that of the Fréchet Inception distance, of 1008 classes, and "
            f"{source} holds torchvision's, which is another network: {WORDING.advice}."
        )
    expected = layout()
    check_telling(shapes, {_LAST: 4, _CLASSES: 2}, expected, WORDING, source)
    if not any(key.endswith(COUNTER) for key in shapes):
        expected = {key: shape for key, shape in expected.items() if not key.endswith(COUNTER)}
    check_layout(shapes, expected, WORDING, source)
    return expected


def _block(name: str, layers: Mapping[str, Shape]) -> dict[str, Shape]:
    return {f"Mixed_{name}.{layer}": shape for layer, shape in layers.items()}


def _inner(inputs: int, pooled: int) -> dict[str, Shape]:
    return {
        "branch1x1": (64, inputs, 1, 1),
        "branch5x5_1": (48, inputs, 1, 1),
        "branch5x5_2": (64, 48, 5, 5),
        "branch3x3dbl_1": (64, inputs, 1, 1),
        "branch3x3dbl_2": (96, 64, 3, 3),
        "branch3x3dbl_3": (96, 96, 3, 3),
        "branch_pool": (pooled, inputs, 1, 1),
    }


def _reduction(inputs: int) -> dict[str, Shape]:
    return {
        "branch3x3": (384, inputs, 3, 3),
        "branch3x3dbl_1": (64, inputs, 1, 1),
        "branch3x3dbl_2": (96, 64, 3, 3),
        "branch3x3dbl_3": (96, 96, 3, 3),
    }


def _stretched(inputs: int, width: int) -> dict[str, Shape]:
    return {
        "branch1x1": (192, inputs, 1, 1),
        "branch7x7_1": (width, inputs, 1, 1),
        "branch7x7_2": (width, width, 1, 7),
        "branch7x7_3": (192, width, 7, 1),
        "branch7x7dbl_1": (width, inputs, 1, 1),
        "branch7x7dbl_2": (width, width, 7, 1),
        "branch7x7dbl_3": (width, width, 1, 7),
        "branch7x7dbl_4": (width, width, 7, 1),
        "branch7x7dbl_5": (192, width, 1, 7),
        "branch_pool": (192, inputs, 1, 1),
    }


def _top(inputs: int) -> dict[str, Shape]:
    return {
        "branch3x3_1": (192, inputs, 1, 1),
        "branch3x3_2": (320, 192, 3, 3),
        "branch7x7x3_1": (192, inputs, 1, 1),
        "branch7x7x3_2": (192, 192, 1, 7),
        "branch7x7x3_3": (192, 192, 7, 1),
        "branch7x7x3_4": (192, 192, 3, 3),
    }


def _outer(inputs: int) -> dict[str, Shape]:
    return {
        "branch1x1": (320, inputs, 1, 1),
        "branch3x3_1": (384, inputs, 1, 1),
        "branch3x3_2a": (384, 384, 1, 3),
        "branch3x3_2b": (384, 384, 3, 1),
        "branch3x3dbl_1": (448, inputs, 1, 1),
        "branch3x3dbl_2": (384, 448, 3, 3),
        "branch3x3dbl_3a": (384, 384, 1, 3),
        "branch3x3dbl_3b": (384, 384, 3, 1),
        "branch_pool": (192, inputs, 1, 1),
    }
