"""A small model of each kind of published weights, and the published layouts of all."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

from cu_jax.convert import (
    exchange_inception,
    inception_layout,
    mae,
    mae_layout,
    mage,
    mage_layout,
    palette,
    palette_layout,
    vqgan,
    vqgan_layout,
)
from cu_jax.convert.__main__ import main

HERE = Path(__file__).parent
MAE, MAGE = mae_layout.PUBLISHED, mage_layout.PUBLISHED


class Published(NamedTuple):
    kind: str
    file: str  # a published file's name, without its ending
    case: Any  # of seeded.py
    options: tuple[str, ...]  # of its import
    vector: str  # the key of an array with one axis
    far: str  # a key with an index far too high

    @property
    def arrays(self):
        return self.case.arrays

    def written(self, folder, arrays=None):
        """A .safetensors file in a folder, of these arrays or others."""
        path = folder / f"{self.file}.safetensors"
        safetensors.numpy.save_file(self.arrays if arrays is None else arrays, path)
        return path

    def importing(self, source, folder, *options):
        return ["import", self.kind, str(source), str(folder), *self.options, *options]

    def exporting(self, workdir, target, *options, solution="original"):
        solution = f"--solution={solution}"
        return ["export", self.kind, str(workdir), str(target), solution, *options]

    def imported(self, folder, *options, arrays=None):
        """The folder of an import, made in a folder."""
        assert main(self.importing(self.written(folder, arrays), folder / "in", *options)) == 0
        return folder / "in"

    def without(self, *starts):
        return {key: value for key, value in self.arrays.items() if not key.startswith(starts)}


def of(kind, seeded):
    """The small model of a kind."""
    if kind == "mae":
        case, far = seeded.make(seeded.SMALL), "blocks.999999999.norm1.bias"
        return Published(kind, "mae_visualize_vit_base", case, ("--heads=4,2",), "norm.bias", far)
    if kind == "mage":
        case, far = seeded.make_mage(seeded.SMALL_MAGE), "blocks.999999999.norm1.bias"
        return Published(kind, "mage-vitb-1600", case, ("--heads=4,2",), "norm.bias", far)
    if kind == "palette":
        case = seeded.make_palette(*seeded.PALETTES["small"])
        far = "denoise_fn.output_blocks.999999999.0.in_layers.0.bias"
        return Published(kind, "16_Network", case, (), "denoise_fn.out.0.bias", far)
    case, far = (
        seeded.make_vqgan(*seeded.VQGANS["small"]),
        "encoder.down.0.block.999999999.norm1.bias",
    )
    return Published(kind, "vqgan_jax_strongaug", case, (), "encoder.norm_out.bias", far)


class Layout(NamedTuple):
    """How a kind's layout and renaming are called."""

    sizes: Any
    layout: Any  # sizes → shapes
    recognize: Any  # shapes, source → sizes
    to_tree: Any  # arrays, sizes → tree
    from_tree: Any  # tree, sizes, arrays → arrays; the last give what no tree holds
    template: Any  # sizes → tree

    @property
    def shapes(self):
        return self.layout(self.sizes)


def _mae(sizes):
    return Layout(
        sizes, mae_layout.layout, mae_layout.recognize, mae.to_tree, mae.from_tree, mae.template
    )


def _mage(sizes):
    return Layout(
        sizes,
        mage_layout.layout,
        mage_layout.recognize,
        lambda arrays, sizes: mage.to_tree(arrays, sizes, tie_head=False),
        mage.from_tree,
        lambda sizes: mage.template(sizes, tie_head=False),
    )


def _palette(sizes):
    return Layout(
        sizes,
        palette_layout.layout,
        palette_layout.recognize,
        lambda arrays, sizes: palette.renaming(sizes).to_tree(arrays),
        lambda tree, sizes, arrays: palette.renaming(sizes).from_tree(tree, arrays),
        lambda sizes: palette.renaming(sizes).template(),
    )


def _vqgan(sizes):
    return Layout(
        sizes,
        vqgan_layout.layout,
        vqgan_layout.recognize,
        lambda arrays, sizes: vqgan.renaming(sizes).to_tree(arrays),
        lambda tree, sizes, arrays: vqgan.renaming(sizes).from_tree(tree, arrays),
        lambda sizes: vqgan.renaming(sizes).template(),
    )


def _inception():
    renaming = exchange_inception.renaming(inception_layout.layout())

    def recognize(shapes, source):
        assert inception_layout.recognize(shapes, source) == renaming.layout

    return Layout(
        None,  # there is one size alone
        lambda sizes: renaming.layout,
        recognize,
        lambda arrays, sizes: renaming.to_tree(arrays),
        lambda tree, sizes, arrays: renaming.from_tree(tree, arrays),
        lambda sizes: renaming.template(),
    )


LAYOUTS = {
    "mae_vit_base_patch16": _mae(MAE["ViT-B/16"]),
    "mae_vit_large_patch16": _mae(MAE["ViT-L/16"]),
    "mae_vit_huge_patch14": _mae(MAE["ViT-H/14"]),
    "mage_vit_base_patch16": _mage(MAGE["MAGE ViT-B"]),
    "mage_vit_large_patch16": _mage(MAGE["MAGE ViT-L"]),
    "palette_places2": _palette(palette_layout.PUBLISHED),
    "vqgan_jax_strongaug": _vqgan(vqgan_layout.PUBLISHED),
    "inception_2015_12_05": _inception(),
}
"""By the name of the file in ``layouts/``."""


def stored(name):
    """Keys and shapes of ``layouts/<name>.json``, in order."""
    text = (HERE / "layouts" / f"{name}.json").read_text()
    return {key: tuple(shape) for key, shape in json.loads(text).items()}


def small(kind, seeded):
    """The layout of the small model of a kind."""
    if kind == "mae":
        return _mae(seeded.SMALL)
    if kind == "palette":
        return _palette(seeded.SMALL_PALETTE)
    return _mage(seeded.SMALL_MAGE) if kind == "mage" else _vqgan(seeded.SMALL_VQGAN)


def check_equal(back, arrays):
    """The same keys in the same order, and every bit."""
    assert list(back) == list(arrays)
    for key, array in arrays.items():
        assert back[key].dtype == array.dtype and back[key].shape == array.shape, key
        assert np.ascontiguousarray(back[key]).tobytes() == array.tobytes(), key
