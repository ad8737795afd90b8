"""Reads the pictures of a run; chooses which to show; finds the hole and its outline."""

import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from cu_jax import bounded

Pictures = Mapping[str, np.ndarray]

KINDS = ("forget", "retain")
_KEYS = tuple(
    f"{kind}_{what}" for kind in KINDS for what in ("original", "corrupted", "restored", "label")
)


def read_pictures(
    workdir: str | os.PathLike[str], names: Iterable[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Reads ``solutions/<name>/pictures.npz`` of each solution that has one.

    Args:
        workdir: The run's folder.
        names: Names of solutions.

    Returns:
        Name to arrays: uint8 ``[n, H, W, C]`` for `forget_original`, `forget_corrupted`,
        `forget_restored`, int32 ``[n]`` for `forget_label`, the same with `retain_`, and where they
        were written `forget_name`, texts ``[n]`` (names of classes), and `mask` (``[H, W]`` or
        ``[H, W, 1]``, 1 = removed).

    Raises:
        ValueError: A file lacks an array, or is no such file.

    Example:
        >>> read_pictures("no/such/folder", ["original"])
        {}
    """
    found = {}
    for name in names:
        path = Path(workdir) / "solutions" / name / "pictures.npz"
        if path.is_file():
            with _opened(path) as file:
                missing = [key for key in _KEYS if key not in file]
                if missing:
                    raise ValueError(
                        f"{path} must hold {', '.join(_KEYS)}, and {', '.join(missing)} is "
                        "missing: evaluate this solution again."
                    )
                found[name] = {key: file[key] for key in file.files}
    return found


def _opened(path: Path) -> np.lib.npyio.NpzFile:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.lib.npyio.NpzFile):
            bounded.check_unpacked(path)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} must hold NumPy arrays, got what is no .npz file ({error}): evaluate this "
            "solution again."
        ) from error
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise ValueError(
            f"{path} must hold several NumPy arrays, got one: evaluate this solution again."
        )
    return file


def spread(labels: np.ndarray, count: int) -> np.ndarray:
    """Chooses pictures by a fixed rule: the first of each label, then the second, and so on.

    Args:
        labels: int ``[n]``.
        count: How many to choose at most.

    Returns:
        int ``[min(n, count)]``, indices sorted by label.

    Example:
        >>> spread(np.array([7, 7, 5, 7, 6]), 4)
        array([2, 4, 0, 1])
    """
    turn = np.zeros(len(labels), int)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    first = np.lexsort((labels, turn))[:count]
    return first[np.lexsort((turn[first], labels[first]))]


def class_names(pictures: Pictures, kind: str) -> list[str]:
    """What the class of each picture of a set is called.

    Args:
        pictures: Arrays as `read_pictures` returns them.
        kind: `forget` or `retain`.

    Returns:
        The first of the names that a class has, as ImageNet's do, separated by commas; the label's
        number where no name was written.

    Example:
        >>> names = np.array(["tench, Tinca tinca", "goldfish"])
        >>> class_names({"forget_label": np.arange(2), "forget_name": names}, "forget")
        ['tench', 'goldfish']
        >>> class_names({"forget_label": np.arange(2)}, "forget")
        ['0', '1']
    """
    names = pictures.get(f"{kind}_name", pictures[f"{kind}_label"])
    return [str(name).partition(",")[0] for name in names]


def shortened(texts: Iterable[str], room: int) -> str:
    """Texts in one line with commas, as many as there is room for.

    Args:
        texts: What to list.
        room: Letters that the line may have; the first text is there however long it is.

    Returns:
        The line, which says how many are left out.

    Example:
        >>> shortened(["tench", "goldfish", "great white shark", "hen"], 25)
        'tench, goldfish, 2 more'
    """
    waiting = list(texts)
    line = ", ".join(waiting)
    for count in range(len(waiting) - 1, 0, -1):
        if len(line) <= room:
            break
        line = ", ".join([*waiting[:count], f"{len(waiting) - count} more"])
    return line


def hole(pictures: Pictures) -> np.ndarray:
    """The part of the pictures that was removed.

    Args:
        pictures: Arrays as `read_pictures` returns them.

    Returns:
        bool ``[H, W]``, True = removed: `mask` where it was written, else the box around all pixels
        that the corruption changed in any picture.

    Example:
        >>> pictures = {"mask": np.array([[0, 1], [0, 0]], np.uint8)}
        >>> hole(pictures)
        array([[False,  True],
               [False, False]])
    """
    if "mask" in pictures:
        mask = np.asarray(pictures["mask"]).astype(bool)
        return mask.reshape(mask.shape[:2])
    differs = [
        np.any(pictures[f"{kind}_original"] != pictures[f"{kind}_corrupted"], axis=(0, 3))
        for kind in KINDS
    ]
    changed = np.logical_or(*differs)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if len(rows):
        changed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return changed


def outline(mask: np.ndarray) -> np.ndarray:
    """The edges between removed and visible pixels, and those of removed pixels at the border.

    Args:
        mask: bool ``[H, W]``, True = removed.

    Returns:
        float ``[edges, 2, 2]``: both ends of each edge as (x, y) in pixels from the upper left.

    Example:
        >>> len(outline(np.ones((2, 3), bool)))
        10
    """
    padded = np.pad(mask, 1)
    flat, steep = padded[1:] != padded[:-1], padded[:, 1:] != padded[:, :-1]
    edges = [[(x - 1, y), (x, y)] for y, x in zip(*np.nonzero(flat), strict=True)]
    edges += [[(x, y - 1), (x, y)] for y, x in zip(*np.nonzero(steep), strict=True)]
    return np.array(edges, float).reshape(-1, 2, 2)


def resized(pictures: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pictures enlarged pixel by pixel, or shrunk by the mean over the area of each new pixel.

    Args:
        pictures: uint8 ``[n, H, W, C]``, C = 1 or 3.
        height: New height; enlarging keeps all pixels alike if it is a multiple of H.
        width: New width.

    Returns:
        uint8 ``[n, height, width, 3]``.

    Example:
        >>> resized(np.array([[[[0], [100]]]], np.uint8), 1, 1)[0, 0, 0]
        array([50, 50, 50], dtype=uint8)
    """
    rows = _overlaps(pictures.shape[1], height)
    columns = _overlaps(pictures.shape[2], width)
    scaled = np.einsum("yh,nhwc,xw->nyxc", rows, pictures, columns, optimize=True)
    return np.broadcast_to(np.rint(scaled), (*scaled.shape[:3], 3)).astype(np.uint8)


def _overlaps(old: int, new: int) -> np.ndarray:
    """[new, old]: the share of each new pixel that an old one covers."""
    edges = np.arange(new + 1)[:, None] * (old / new)
    inside = np.clip(edges - np.arange(old), 0, 1)
    return np.diff(inside, axis=0) * (new / old)
