r"""Corruptions T(x) of a picture whose pixels are removed: boxes, brush strokes, frames.

A mask is float32 ``[batch, side, side, 1]`` and 1 where a pixel was *removed*. All functions are
pure functions of a key and run inside ``jit``. Sizes are those of the predecessor's training on
pictures of 256 pixels; they grow and shrink with the picture.

References:
    Yu et al., *Free-Form Image Inpainting with Gated Convolution*, ICCV 2019, arXiv 1806.03589,
    whose brush strokes these are.
    Li et al., *Machine Unlearning for Image-to-Image Generative Models*, ICLR 2024,
    arXiv 2402.00351, whose diffusion model was trained with ``hybrid``.
"""

import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cu_jax import corruptions
from cu_jax.corruptions import Key

_SIDE = 256  # What the numbers below count pixels of.
_BOX = (108, 128)
_BORDER = 20
_STROKES, _TURNS, _WIDTH = (1, 3), (4, 11), (12, 39)
_STRIDE = math.sqrt(2) / 8
_ANGLE, _SPREAD = 2 * math.pi / 5, 2 * math.pi / 15
# A stroke that is this wide covers a pixel's center wherever it lies.
_LEAST_WIDTH = 1.5

Mask = Float[Array, "batch side side 1"]


def draw_holes(kind: str, key: Key, batch: int, side: int) -> Mask:
    """A hole for each picture.

    Args:
        kind: a name in :data:`HOLES`.
        key: PRNG key.
        batch: number of pictures.
        side: pixels along a picture's side.

    Returns:
        Masks, one independent draw a picture where anything is drawn.

    Raises:
        ValueError: for another kind.

    Example:
        >>> draw_holes("center", jax.random.key(0), batch=2, side=64).shape
        (2, 64, 64, 1)
    """
    if kind not in HOLES:
        raise ValueError(
            f"Holes must be one of {', '.join(HOLES)}, got {kind!r}: change config.model.holes."
        )
    return HOLES[kind](key, batch, side)


def centered(key: Key, batch: int, side: int, share: float = 0.5) -> Mask:
    """The same centered square for all; ``share`` is how much of the side it takes.

    Example:
        >>> float(centered(jax.random.key(0), 1, 8).sum())
        16.0
    """
    del key
    return _same(corruptions.center_hole(side, round(share * side)), batch)


def outpainting(key: Key, batch: int, side: int, share: float = 0.5) -> Mask:
    """The same frame for all; ``share`` of the side is its two ends together.

    Example:
        >>> float(outpainting(jax.random.key(0), 1, 8).sum())
        48.0
    """
    del key
    return _same(corruptions.outpaint_hole(side, side - round(share * side)), batch)


def boxes(key: Key, batch: int, side: int) -> Mask:
    """A rectangle of about half the side somewhere in each picture, not at its border.

    Height and width are 108 to 128 of 256 pixels, and at least 20 of them lie around.

    Args:
        key: PRNG key.
        batch: number of pictures.
        side: pixels along a picture's side.

    Returns:
        The masks.

    Example:
        >>> mask = jax.jit(lambda key: boxes(key, 1, 256))(jax.random.key(0))
        >>> bool(108**2 <= mask.sum() <= 128**2)
        True
    """
    least, most, border = (max(1, round(pixels / _SIDE * side)) for pixels in (*_BOX, _BORDER))
    drawn = jax.random.uniform(key, (batch, 4))
    size = _whole(drawn[:, :2], (least, most))
    start = _whole(drawn[:, 2:], (border, side - border - size))
    pixels = jnp.arange(side)[:, None, None]
    rows, columns = jnp.moveaxis((pixels >= start) & (pixels < start + size), 2, 0)
    return (rows.T[:, :, None] & columns.T[:, None]).astype(jnp.float32)[..., None]


def strokes(key: Key, batch: int, side: int) -> Mask:
    """One to three zigzag brush strokes across each picture.

    Each has 4 to 11 turns and a width of 12 to 39 of 256 pixels.

    Args:
        key: PRNG key.
        batch: number of pictures.
        side: pixels along a picture's side.

    Returns:
        The masks; none is empty.

    Note:
        Strokes run to the right as often as to the left. In the predecessor's code all run to the
        right, since it drops the mirrored mask that it makes.

    Example:
        >>> drawn = jax.jit(lambda key: strokes(key, 2, 32))(jax.random.key(0))
        >>> drawn.max(axis=(1, 2, 3))
        Array([1., 1.], dtype=float32)
    """
    # One draw for everything: each costs a second of compilation.
    drawn = jax.random.uniform(key, (batch, _STROKES[1], 2 * _TURNS[1] + 9))
    lengths, between, others = jnp.split(drawn, [_TURNS[1], 2 * _TURNS[1]], axis=-1)
    width, turns, below, above, count = jnp.moveaxis(others[..., 4:], -1, 0)
    width = (_WIDTH[0] + width * (_WIDTH[1] - _WIDTH[0])) / _SIDE
    width = jnp.where(jnp.arange(_STROKES[1]) < _whole(count[:, :1], _STROKES), width, -1.0)
    steps = jnp.arange(_TURNS[1])
    stride = _STRIDE * (1 + jax.lax.erf_inv(2 * lengths - 1) / math.sqrt(2))  # deviation: half
    stride = jnp.where(steps < _whole(turns, _TURNS)[..., None], stride, 0.0)
    angle = _ANGLE + _SPREAD * (between * (above + below)[..., None] - below[..., None])
    sign = jnp.where(steps % 2, 1, -1)
    moves = jnp.stack([sign * jnp.sin(angle), jnp.cos(angle)], axis=-1)
    moves = jnp.clip(stride, 0, 2 * _STRIDE)[..., None] * moves

    def move(at: Array, by: Array) -> tuple[Array, Array]:
        at = jnp.clip(at + by, 0, 1)
        return at, at

    start = others[..., :2]
    _, turned = jax.lax.scan(move, start, jnp.moveaxis(moves, 2, 0))
    points = jnp.concatenate([start[None], turned])
    mirrored = others[:, :1, 2:4] < 0.5
    return brushed(jnp.where(mirrored, 1 - points, points), width, side)


def brushed(
    points: Float[Array, "points batch strokes 2"], width: Float[Array, "batch strokes"], side: int
) -> Mask:
    """Draws strokes with round ends through points, joined in order.

    Args:
        points: row and column, in shares of the side.
        width: of each stroke, likewise; below 0: no stroke.
        side: pixels along a picture's side.

    Returns:
        The masks: 1 at pixels whose centers a stroke covers. A stroke is at least so wide that it
        covers one.

    Example:
        >>> across = jnp.array([[0.5, 0.0], [0.5, 1.0]]).reshape(2, 1, 1, 2)
        >>> brushed(across, jnp.full((1, 1), 0.5), 4)[0, :, 0, 0]
        Array([0., 1., 1., 0.], dtype=float32)
    """
    reach = jnp.where(width < 0, -1.0, jnp.maximum(width * side, _LEAST_WIDTH) / 2)
    center = (jnp.arange(side) + 0.5)[None, None]
    # [batch, strokes, side, side] of these at a time, however many points there are.
    row, column = center[..., None], center[..., None, :]

    def draw(mask: Array, line: tuple[Array, Array]) -> tuple[Array, None]:
        start, end = (jnp.moveaxis(point * side, -1, 0)[..., None, None] for point in line)
        down, right = end - start
        length = jnp.maximum(jnp.square(down) + jnp.square(right), 1e-9)
        along = ((row - start[0]) * down + (column - start[1]) * right) / length
        along = jnp.clip(along, 0, 1)
        off = jnp.hypot(row - start[0] - along * down, column - start[1] - along * right)
        return mask | (off <= reach[..., None, None]).any(1), None

    nothing = jnp.zeros((width.shape[0], side, side), bool)
    mask, _ = jax.lax.scan(draw, nothing, (points[:-1], points[1:]))
    return mask.astype(jnp.float32)[..., None]


def hybrid(key: Key, batch: int, side: int) -> Mask:
    """A rectangle and brush strokes together: what the published diffusion model was trained with.

    Args:
        key: PRNG key.
        batch: number of pictures.
        side: pixels along a picture's side.

    Returns:
        The masks.

    Example:
        >>> jax.eval_shape(lambda key: hybrid(key, 2, 32), jax.random.key(0)).shape
        (2, 32, 32, 1)
    """
    key_box, key_strokes = jax.random.split(key)
    return jnp.maximum(boxes(key_box, batch, side), strokes(key_strokes, batch, side))


HOLES: Mapping[str, Callable[[Key, int, int], Mask]] = {
    "hybrid": hybrid,
    "box": boxes,
    "strokes": strokes,
    "center": centered,
    "outpaint": outpainting,
}
"""Name in ``config.model.holes`` → how the holes of training are drawn."""


def _whole(share: Array, between: tuple[int, int | Array]) -> Array:
    """Uniform numbers in [0, 1) as whole ones between two, both included."""
    least, most = between
    return least + jnp.floor(share * (most - least + 1)).astype(jnp.int32)


def _same(mask: np.ndarray, batch: int) -> Mask:
    return jnp.broadcast_to(jnp.asarray(mask), (batch, *mask.shape))
