"""Holes: which pixels of a picture, and of what the model sees of it, are removed.

A model sees a square of a fixed size: the largest centered square of the picture, shrunk or
enlarged. A pixel belongs to the model's pixel that its center falls into, in both directions, so a
hole that is given in the model's pixels comes back as it was. True or 1 = removed.
"""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from cu_jax import holes
from cu_jax.holes import NamedHole
from cu_jax.pictures import eight_bits


@dataclasses.dataclass(frozen=True, eq=False)
class Hole:
    """A hole for pictures of any size.

    Attributes:
        text: what it is, for people.
        grid: True = removed; at any resolution, stretched to the picture.
        square: whether the grid lies over the picture's centered square, or over all of it.
    """

    text: str
    grid: Bool[np.ndarray, "rows columns"]
    square: bool = True

    def over(self, width: int, height: int) -> Bool[np.ndarray, "height width"]:
        """The hole in a picture of this size, as far as the model sees it: in the centered square.

        Example:
            >>> central(0.5, 28).over(6, 4).astype(int)
            array([[0, 0, 0, 0, 0, 0],
                   [0, 0, 1, 1, 0, 0],
                   [0, 0, 1, 1, 0, 0],
                   [0, 0, 0, 0, 0, 0]])
        """
        left, top, side = centered_square(width, height)
        window = np.s_[top : top + side, left : left + side]
        hole = np.zeros((height, width), bool)
        if self.square:
            hole[window] = _stretched(self.grid, side, side)
        else:
            hole[window] = _stretched(self.grid, height, width)[window]
        return hole

    def leaves_square(self, width: int, height: int) -> bool:
        """Whether a part of the hole lies outside the centered square, and so stays as it is."""
        if self.square or width == height:
            return False
        whole = _stretched(self.grid, height, width)
        return bool(whole.sum() > self.over(width, height).sum())


def central(share: float, size: int) -> Hole:
    """A centered square hole.

    Args:
        share: its side as a share of the square's side, in (0, 1).
        size: the model's pixels along a side; the hole is a whole number of them.

    Returns:
        The hole.

    Raises:
        ValueError: the hole would leave nothing visible or nothing to restore.

    Example:
        >>> central(0.5, 28).text
        'the central 14 x 14 of 28 x 28 pixels'
    """
    return named(holes.center(holes.pixels(share, size, "--hole=center:SHARE"), size))


def outpainting(share: float, size: int) -> Hole:
    """The frame around a centered square that stays visible.

    Args:
        share: how much of the side the frame takes, both ends together, in (0, 1): with 0.25 an
            eighth of the side is removed at each edge.
        size: the model's pixels along a side; the visible square is a whole number of them.

    Returns:
        The hole.

    Raises:
        ValueError: the hole would leave nothing visible or nothing to restore.

    Example:
        >>> outpainting(0.25, 28).text
        'all but the central 21 x 21 of 28 x 28 pixels'
    """
    return named(holes.outpaint(share, size, "--outpaint=SHARE"))


def named(hole: NamedHole) -> Hole:
    """A hole in the model's pixels, for pictures of any size.

    Example:
        >>> named(holes.random(0.75, 28, 4)).text
        '37 of 49 patches of 4 x 4 pixels, drawn once'
    """
    return Hole(hole.text, hole.mask[..., 0] > 0)


def drawn(image: Image.Image, name: str) -> Hole:
    """A hole that somebody drew: white is removed.

    Args:
        image: the mask, mode L, LA, RGB, RGBA or I;16. White is from half brightness on; what is
            transparent is not white.
        name: what to call it.

    Returns:
        A hole over the whole picture, to which it is stretched without smoothing.

    Raises:
        ValueError: nothing is white, or everything is.

    Example:
        >>> mask = Image.new("L", (4, 4))
        >>> mask.putpixel((3, 1), 255)
        >>> drawn(mask, "mask.png").over(2, 2)
        array([[False,  True],
               [False, False]])
    """
    grid = np.asarray(eight_bits(image, backdrop=0).convert("L")) >= 128
    if grid.all() or not grid.any():
        found = "white all over" if grid.all() else "nowhere white"
        raise ValueError(
            f"A mask must be white (128 of 255 or more) where the picture is removed and black "
            f"where it stays, and {name} is {found}: draw both."
        )
    return Hole(f"the white part of {name}", grid, square=False)


def centered_square(width: int, height: int) -> tuple[int, int, int]:
    """The largest centered square: left and top edge, and side.

    Example:
        >>> centered_square(7, 4)
        (1, 0, 4)
    """
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side


def model_mask(
    hole: Bool[np.ndarray, "height width"], size: int
) -> Float[np.ndarray, "size size 1"]:
    """The model's pixels that a hole in the picture's centered square touches.

    Args:
        hole: the hole in the picture; what is outside the square does not count.
        size: the model's pixels along a side.

    Returns:
        The mask that :meth:`cu_jax.models.Model.restore` takes.

    Example:
        >>> model_mask(central(0.5, 4).over(8, 8), 4)[..., 0].astype(int)
        array([[0, 0, 0, 0],
               [0, 1, 1, 0],
               [0, 1, 1, 0],
               [0, 0, 0, 0]])
    """
    left, top, side = centered_square(*reversed(hole.shape))
    hole = hole[top : top + side, left : left + side]
    if side < size:
        touched = _stretched(hole, size, size)
    else:
        # Whose center falls into which of the model's pixels; every one has at least one.
        first = np.searchsorted(_nearest(size, side), np.arange(size))
        touched = np.logical_or.reduceat(np.logical_or.reduceat(hole, first, 0), first, 1)
    return touched[..., None].astype(np.float32)


def _stretched(
    grid: Bool[np.ndarray, "rows columns"], height: int, width: int
) -> Bool[np.ndarray, "height width"]:
    rows, columns = (_nearest(n, m) for n, m in zip(grid.shape, (height, width), strict=True))
    return grid[rows][:, columns]


def _nearest(source: int, target: int) -> np.ndarray:
    """The source pixel that each target pixel's center falls into, in exact integers."""
    return (2 * np.arange(target) + 1) * source // (2 * target)
