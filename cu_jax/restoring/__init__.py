"""A user's own pictures through a model: files, holes, composing, batches, and outputs."""

from cu_jax.pictures import Picture, eight_bits
from cu_jax.restoring.batches import check_mask, restorer
from cu_jax.restoring.composing import has_color, pasted, seen, side_by_side, with_hole
from cu_jax.restoring.files import find_pictures, read_picture
from cu_jax.restoring.holes import (
    Hole,
    centered_square,
    central,
    drawn,
    model_mask,
    named,
    outpainting,
)
from cu_jax.restoring.job import Job, inspected, restore_files
from cu_jax.restoring.outputs import check_outputs, make_folder, output_paths, write_png

__all__ = [
    "Hole",
    "Job",
    "Picture",
    "central",
    "centered_square",
    "check_mask",
    "check_outputs",
    "drawn",
    "eight_bits",
    "find_pictures",
    "has_color",
    "inspected",
    "make_folder",
    "model_mask",
    "named",
    "outpainting",
    "output_paths",
    "pasted",
    "read_picture",
    "restore_files",
    "restorer",
    "seen",
    "side_by_side",
    "with_hole",
    "write_png",
]
