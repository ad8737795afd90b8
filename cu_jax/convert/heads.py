"""Attention heads of encoder and decoder, which no file of a transformer tells."""

from pathlib import Path
from typing import NamedTuple

Heads = tuple[int, int]


class Transformer(NamedTuple):
    """What of a model matters for its heads.

    Attributes:
        widths: of encoder and decoder.
        name: of the published model that has these sizes, or None.
        heads: of that model, or None.
        sizes: a description for messages.
    """

    widths: tuple[int, int]
    name: str | None
    heads: Heads | None
    sizes: str


def choose_heads(model: Transformer, given: Heads | None, source: Path) -> Heads:
    """The attention heads of encoder and decoder: those of a published model, or as given.

    Args:
        model: the model.
        given: what the user says, or None.
        source: the file, for the message.

    Returns:
        Heads of encoder and decoder, each a divisor of its width.

    Raises:
        ValueError: they are not known, or do not fit.

    Example:
        >>> model = Transformer((768, 512), "ViT-B/16", (12, 16), "ViT-B/16")
        >>> choose_heads(model, None, Path("mae.pth"))
        (12, 16)
    """
    heads = given or model.heads
    if heads is None:
        raise ValueError(
            "The number of attention heads must be known, which no file tells, and "
            f"{source} is of no published size ({model.sizes}): give --heads=ENCODER,DECODER."
        )
    if model.heads and heads != model.heads:
        raise ValueError(
            f"{model.name} must have {model.heads[0]} heads in the encoder and {model.heads[1]} in "
            f"the decoder, got {heads[0]},{heads[1]}: leave --heads out."
        )
    for width, number in zip(model.widths, heads, strict=True):
        if number < 1 or width % number:
            raise ValueError(
                f"The number of heads must divide the width, got {number} heads and width "
                f"{width}: change --heads=ENCODER,DECODER."
            )
    return heads
