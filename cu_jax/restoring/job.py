"""A whole job: every picture is read and checked first, then all are restored and written."""

import collections
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cu_jax.logs import Progress
from cu_jax.models import Model, Params
from cu_jax.restoring.batches import check_mask, restorer
from cu_jax.restoring.composing import has_color, pasted, seen, side_by_side, with_hole
from cu_jax.restoring.files import read_picture
from cu_jax.restoring.holes import Hole, model_mask
from cu_jax.restoring.outputs import write_png

_GRAY = "in color, but the model is gray: it sees shades of gray, and fills the hole with them"
_OUTSIDE = "the part of the mask outside the centered square is left as it is"


class Job(NamedTuple):
    """All that is known before the first compilation.

    Attributes:
        model: takes square pictures in gray or RGB.
        solutions: name to parameters of the model.
        hole: what is removed from every picture.
        pictures: the files.
        seen: what the model sees of each, uint8 ``[size, size, channels]``.
        masks: the hole in each, in the model's pixels.
        notes: what people should be told, to the files that it is about.
    """

    model: Model
    solutions: Mapping[str, Params]
    hole: Hole
    pictures: Sequence[Path]
    seen: Sequence[np.ndarray]
    masks: Sequence[np.ndarray]
    notes: Mapping[str, Sequence[Path]]


def inspected(
    model: Model, solutions: Mapping[str, Params], hole: Hole, pictures: Sequence[Path]
) -> Job:
    """Reads every picture, and refuses what cannot be restored; compiles nothing.

    Args:
        model: takes square pictures in gray or RGB.
        solutions: name to parameters of the model, at least one.
        hole: what to remove from every picture.
        pictures: the files, at least one.

    Returns:
        The job.

    Raises:
        ValueError: a picture cannot be read (all such are named), or the hole leaves nothing of one
            or removes nothing from it, or the model refuses the hole.
    """
    params = next(iter(solutions.values()))
    shown, masks, broken = [], [], []
    accepted = set()
    notes: dict[str, list[Path]] = collections.defaultdict(list)
    with Progress("check", len(pictures), unit="pictures") as progress:
        for done, path in enumerate(pictures, start=1):
            try:
                picture = read_picture(path)
            except ValueError as error:
                broken.append(str(error))
            else:
                size = picture.image.size
                removed = hole.over(*size)
                _check_hole(removed, hole, path)
                mask = model_mask(removed, model.image_shape[0])
                if mask.tobytes() not in accepted:
                    check_mask(model, params, mask)
                    accepted.add(mask.tobytes())
                shown.append(seen(picture.image, removed, model.image_shape))
                masks.append(mask)
                colored = model.image_shape[2] == 1 and has_color(picture.image)
                also = [_GRAY] * colored + [_OUTSIDE] * hole.leaves_square(*size)
                for note in (*picture.notes, *also):
                    notes[note].append(path)
            progress.update(done)
    if broken:
        raise ValueError(
            f"Every picture must be readable, and {len(broken)} of {len(pictures)} "
            f"{'is' if len(broken) == 1 else 'are'} not: {'; '.join(broken)}."
        )
    return Job(model, solutions, hole, pictures, shown, masks, notes)


def restore_files(
    job: Job, outputs: Sequence[Sequence[Path]], *, panels: bool, batch_size: int, force: bool
) -> None:
    """Restores all pictures and writes each as soon as it is there.

    Args:
        job: from `inspected`.
        outputs: for each picture one file a solution, or one file if ``panels``.
        panels: whether to write the picture, its hole and the restored ones side by side.
        batch_size: pictures at once, at least 1.
        force: whether to write over files from before.

    Raises:
        FileExistsError: a file has come into being meanwhile; it stays as it is.
    """
    groups = collections.defaultdict(list)  # Pictures with one mask share one compilation.
    for index, mask in enumerate(job.masks):
        groups[mask.tobytes()].append(index)
    done = 0
    with Progress("restore", len(job.pictures), unit="pictures") as progress:
        for indices in groups.values():
            batch = min(batch_size, len(indices))
            restore = restorer(job.model, job.masks[indices[0]], batch)
            for start in range(0, len(indices), batch):
                part = indices[start : start + batch]
                stack = np.stack([job.seen[index] for index in part])
                results = [restore(params, stack) for params in job.solutions.values()]
                progress.update(done)  # So that the compilation is not in the rate of writing.
                for index, *restored in zip(part, *results, strict=True):
                    images = _images(job, job.pictures[index], restored, panels)
                    for image, path in zip(images, outputs[index], strict=True):
                        write_png(image, path, force)
                    done += 1
                    progress.update(done)


def _check_hole(removed: np.ndarray, hole: Hole, path: Path) -> None:
    height, width = removed.shape
    # The hole lies in the square, which is all of it if it has as many pixels.
    if not removed.any() or removed.sum() == min(height, width) ** 2:
        found = "everything" if not removed.any() else "nothing"
        raise ValueError(
            f"A hole must leave one part of a picture's centered square and remove another, and "
            f"{hole.text} leaves {found} of {path} ({width} x {height} pixels): give another hole."
        )


def _images(
    job: Job, path: Path, restored: Sequence[np.ndarray], panels: bool
) -> list[Image.Image]:
    image = read_picture(path).image
    removed = job.hole.over(*image.size)
    images = [pasted(image, removed, output) for output in restored]
    if not panels:
        return images
    labels = [
        "original model" if name == "original" else name.replace("_", " ") for name in job.solutions
    ]
    first = [("your picture", image), ("with its hole", with_hole(image, removed))]
    return [side_by_side([*first, *zip(labels, images, strict=True)])]
