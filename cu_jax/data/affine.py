"""Small random shifts, turns, stretches and slants of pictures on a black ground."""

import numpy as np
from jaxtyping import UInt8

ROTATION = 15.0
"""Largest turn in degrees."""
SCALE = 0.15
"""Largest relative change of size along each axis."""
SHEAR = 0.15
"""Largest slant: columns moved per row."""
SHIFT = 0.08
"""Largest shift as a share of the side."""


def affine(
    images: UInt8[np.ndarray, "b h w c"],
    rng: np.random.Generator,
    first: int = 0,
    total: int | None = None,
) -> UInt8[np.ndarray, "b h w c"]:
    r"""One random affine map a picture, about its center, bilinear, black outside.

    The pixel at x of the result is the picture's at A x + t, with A = R(angle) S(shear) D(scale).

    Args:
        images: uint8 ``[batch, height, width, channels]``.
        rng: source of all randomness.
        first: number of the first of these pictures in their batch, of which others may be
            elsewhere.
        total: pictures of that batch; None: these are all.

    Returns:
        uint8 pictures of the same shape; a picture's map depends on its place in the batch alone.

    Note:
        The ranges are our choice: digits stay readable and inside the frame.

    Example:
        >>> images = np.full((2, 8, 8, 1), 200, np.uint8)
        >>> moved = affine(images, np.random.default_rng(0))
        >>> moved.shape, int(moved.max())
        ((2, 8, 8, 1), 200)
    """
    batch, height, width, _ = images.shape
    draw = rng.uniform(-1, 1, (6, total or batch))[:, first : first + batch]
    angle, shear = np.deg2rad(ROTATION) * draw[0], SHEAR * draw[1]
    rows_scale, columns_scale = 1 + SCALE * draw[2:4]
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.stack(
        [
            np.stack([cos * rows_scale, (cos * shear - sin) * columns_scale], -1),
            np.stack([sin * rows_scale, (sin * shear + cos) * columns_scale], -1),
        ],
        1,
    )
    shift = SHIFT * draw[4:6].T * np.array([height, width])
    return warp(images, matrix, shift)


def warp(
    images: UInt8[np.ndarray, "b h w c"], matrix: np.ndarray, shift: np.ndarray
) -> UInt8[np.ndarray, "b h w c"]:
    """Reads each picture at ``matrix @ x + shift``, x counted from the center in pixels.

    Args:
        images: uint8 ``[batch, height, width, channels]``.
        matrix: ``[batch, 2, 2]``, on (row, column).
        shift: ``[batch, 2]``, (rows, columns) in pixels.

    Returns:
        uint8 ``[batch, height, width, channels]``, bilinear, 0 outside.

    Example:
        >>> image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)
        >>> warp(image, np.eye(2)[None], np.array([[0.0, 1.0]]))[0, :, :, 0].tolist()
        [[1, 2, 0], [4, 5, 0], [7, 8, 0]]
    """
    batch, height, width, channels = images.shape
    center = np.array([(height - 1) / 2, (width - 1) / 2])
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"))
    grid = (grid.reshape(2, -1) - center[:, None]).astype(np.float32)
    matrix = np.asarray(matrix, np.float32)
    start = (np.asarray(shift) + center).astype(np.float32)
    # A frame of black pixels stands for everything outside: one before, two behind each axis, since
    # the clipped position may be the last pixel plus one and reads its successor too.
    padded = np.zeros((batch, height + 3, width + 3, channels), np.uint8)
    padded[:, 1:-2, 1:-2] = images
    flat = padded.reshape(-1, channels)
    low, weight = [], []
    for axis, side in enumerate((height, width)):
        position = matrix[:, axis, :1] * grid[0] + matrix[:, axis, 1:] * grid[1]
        position = np.clip(position + start[:, axis, None], -1, side) + 1
        floor = position.astype(np.int32)
        low.append(floor)
        weight.append((position - floor)[..., None])
    stride = width + 3
    first = np.arange(batch, dtype=np.int32)[:, None] * ((height + 3) * stride)
    index = first + low[0] * stride + low[1]
    # In integers these four would not mix: the weights are shares of a pixel.
    top_left, top_right, bottom_left, bottom_right = (
        flat.take(index + step, axis=0).astype(np.float32) for step in (0, 1, stride, stride + 1)
    )
    top = top_left + (top_right - top_left) * weight[1]
    bottom = bottom_left + (bottom_right - bottom_left) * weight[1]
    mixed = top + (bottom - top) * weight[0]
    return (mixed + 0.5).astype(np.uint8).reshape(images.shape)
