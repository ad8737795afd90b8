"""Holes by name: what a text like ``center:0.5`` removes from a picture of the model's size."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cu_jax import corruptions

FORMS = "center:PIXELS, center:SHARE, outpaint:SHARE or random:SHARE"
"""The texts that there are, for people."""


@dataclasses.dataclass(frozen=True, eq=False)
class NamedHole:
    """A hole in the model's own pixels.

    Attributes:
        name: as measures call it: letters, digits and ``_``.
        text: what it is, for people.
        mask: 1 = removed.

    Example:
        >>> center(12, 28).name, int(center(12, 28).mask.sum())
        ('center12', 144)
    """

    name: str
    text: str
    mask: Float[np.ndarray, "size size 1"]


def parse_holes(given: Sequence[str], size: int, patch_size: int) -> list[NamedHole]:
    """The holes of ``config.evaluation.holes``, the main one first.

    Args:
        given: texts as :func:`parse_hole` takes them.
        size: the model's pixels along a side.
        patch_size: the side of the model's patches.

    Returns:
        One hole a text, all of different names.

    Raises:
        ValueError: there is none, two have one name, or one cannot be.

    Example:
        >>> [hole.name for hole in parse_holes(("center:12", "random:0.75"), 28, 4)]
        ['center12', 'random75']
    """
    where = "config.evaluation.holes"
    if not given:
        raise ValueError(
            f"{where} must name at least one hole, got none: give for example ('center:0.5',)."
        )
    found: dict[str, NamedHole] = {}
    for text in given:
        hole = parse_hole(str(text), size, patch_size, where)
        if hole.name in found:
            raise ValueError(
                f"{where} must differ from each other, got {hole.name} twice in {tuple(given)}: "
                "remove one."
            )
        found[hole.name] = hole
    return list(found.values())


def parse_hole(given: str, size: int, patch_size: int, where: str) -> NamedHole:
    """The hole that a text means.

    Args:
        given: ``center:12``, a centered square of 12 pixels; ``center:0.5``, one with this share of
            the side; ``outpaint:0.25``, the frame that takes this share of the side, half of it at
            each edge; ``random:0.75``, this share of the model's patches.
        size: the model's pixels along a side.
        patch_size: the side of the model's patches.
        where: where the text was given, for the message.

    Returns:
        The hole.

    Raises:
        ValueError: for another text, or a hole that leaves or removes nothing.

    Note:
        Random patches are drawn once, with a fixed seed: every picture and every solution has the
        same ones removed (:func:`cu_jax.corruptions.random_hole`).

    Example:
        >>> parse_hole("center:0.5", 28, 4, "--hole").name
        'center14'
        >>> parse_hole("left:0.5", 28, 4, "--hole")
        Traceback (most recent call last):
        ValueError: --hole must be center:PIXELS, center:SHARE, outpaint:SHARE or random:SHARE, got
        'left:0.5': write for example center:0.5.
    """
    kind, _, value = given.partition(":")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if kind == "center" and number == number:
        whole = value.isdecimal()
        return center(int(value) if whole else pixels(number, size, where), size)
    if kind == "outpaint" and number == number:
        return outpaint(number, size, where)
    if kind == "random" and number == number:
        return random(number, size, patch_size)
    raise ValueError(f"{where} must be {FORMS}, got {given!r}: write for example center:0.5.")


def center(side: int, size: int) -> NamedHole:
    """A centered square hole; by its pixels, however it was given, so that it has one name.

    Args:
        side: pixels along its side, in ``[1, size - 1]``.
        size: the model's pixels along a side.

    Returns:
        The hole.

    Example:
        >>> center(14, 28).text
        'the central 14 x 14 of 28 x 28 pixels'
    """
    text = f"the central {side} x {side} of {size} x {size} pixels"
    return NamedHole(f"center{side}", text, corruptions.center_hole(size, side))


def outpaint(share: float, size: int, where: str) -> NamedHole:
    """The frame around a centered square that stays visible.

    Args:
        share: how much of the side the frame takes, both ends together, in (0, 1).
        size: the model's pixels along a side; the visible square is a whole number of them.
        where: where the share was given, for the message.

    Returns:
        The hole.

    Note:
        The share is counted as in the predecessor's outpainting experiments (Li et al., 2024),
        where a ratio r removes a border of r/2 of the side at each edge.

    Example:
        >>> outpaint(0.25, 28, "--outpaint").text
        'all but the central 21 x 21 of 28 x 28 pixels'
    """
    side = size - pixels(share, size, where)
    text = f"all but the central {side} x {side} of {size} x {size} pixels"
    return NamedHole(f"outpaint{_percent(share)}", text, corruptions.outpaint_hole(size, side))


def random(share: float, size: int, patch_size: int) -> NamedHole:
    """Patches drawn at random, once.

    Args:
        share: of the patches, in (0, 1).
        size: the model's pixels along a side.
        patch_size: pixels along a patch's side.

    Returns:
        The hole.

    Example:
        >>> random(0.75, 28, 4).text
        '37 of 49 patches of 4 x 4 pixels, drawn once'
    """
    mask = corruptions.random_hole(size, patch_size, share)
    removed, patches = int(mask.sum()) // patch_size**2, (size // patch_size) ** 2
    text = f"{removed} of {patches} patches of {patch_size} x {patch_size} pixels, drawn once"
    return NamedHole(f"random{_percent(share)}", text, mask)


def pixels(share: float, size: int, where: str) -> int:
    """A share of the side as a whole number of pixels, neither none nor all of them.

    Args:
        share: in (0, 1).
        size: the model's pixels along a side.
        where: where it was given, for the message.

    Returns:
        Pixels, in ``[1, size - 1]``.

    Raises:
        ValueError: for another share.

    Example:
        >>> pixels(0.5, 28, "--hole")
        14
    """
    found = round(share * size) if 0 < share < 1 else 0
    if not 1 <= found < size:
        raise ValueError(
            f"The share in {where} must lie between 0 and 1 and come to 1 to {size - 1} of the "
            f"model's {size} pixels, got {share:g}: give for example 0.5."
        )
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.10g}".replace(".", "_")
