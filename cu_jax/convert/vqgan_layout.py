"""The key layout of published VQ-GAN tokenizers, and the sizes that a file's shapes tell.

The layout is that of ``vqgan_jax_strongaug.ckpt``: MaskGIT's tokenizer (Chang et al., 2022),
without attention and without the convolutions around the codebook that other VQ-GANs have.
"""

import dataclasses
from collections.abc import Mapping

from cu_jax.convert.layouts import (
    Shape,
    Wording,
    check_kind,
    check_layout,
    check_telling,
    depth,
    vectors,
)

WORDING = Wording("a VQ-GAN tokenizer", "give vqgan_jax_strongaug.ckpt")
"""How messages speak of it."""
GROUPS = 32
"""Groups of every GroupNorm, which no file tells."""
_TELLING = {"encoder.conv_in.weight": 4, "quantize.embedding.weight": 2}
_COMPVIS = ("quant_conv.", "post_quant_conv.", "loss.", "encoder.mid.attn_1.")


@dataclasses.dataclass(frozen=True)
class VqGanSizes:
    """What the shapes of a file tell; the fields are named as in ``config.model.tokenizer``."""

    channels: int
    width: int
    multipliers: tuple[int, ...]
    res_blocks: int
    codes: int
    code_width: int

    @property
    def patch_size(self) -> int:
        """Side in pixels of what a token stands for."""
        return int(2 ** (len(self.multipliers) - 1))


PUBLISHED = VqGanSizes(3, 128, (1, 1, 2, 2, 4), 2, 1024, 256)
"""The published tokenizer."""


def layout(sizes: VqGanSizes) -> dict[str, Shape]:
    """Every key of a published file and its shape, in the file's order.

    Example:
        >>> keys = layout(PUBLISHED)
        >>> len(keys), keys["encoder.down.4.block.0.nin_shortcut.weight"]
        (168, (512, 512, 1, 1))
    """
    widths = [sizes.width * multiplier for multiplier in sizes.multipliers]
    coarsest, finest = widths[-1], widths[0]
    middle: dict[str, Shape] = {}
    for index in range(1, sizes.res_blocks + 1):
        middle |= _block(f"mid.block_{index}", coarsest, coarsest)
    encoder: dict[str, Shape] = {"conv_in.weight": (sizes.width, sizes.channels, 3, 3)}
    came = sizes.width
    for level, width in enumerate(widths):
        encoder |= _level(f"down.{level}", sizes.res_blocks, came, width)
        came = width
    encoder |= middle | vectors("norm_out", coarsest)
    encoder |= _conv("conv_out", sizes.code_width, coarsest, 1)
    decoder = _conv("conv_in", coarsest, sizes.code_width, 3) | middle
    # Levels are counted, and stored, from the finest; the decoder runs from the coarsest.
    for level, width in enumerate(widths):
        came = widths[min(level + 1, len(widths) - 1)]
        decoder |= _level(f"up.{level}", sizes.res_blocks, came, width)
        if level:
            decoder |= _conv(f"up.{level}.upsample.conv", width, width, 3)
    decoder |= vectors("norm_out", finest) | _conv("conv_out", sizes.channels, finest, 3)
    return {
        **{f"encoder.{name}": shape for name, shape in encoder.items()},
        **{f"decoder.{name}": shape for name, shape in decoder.items()},
        "quantize.embedding.weight": (sizes.codes, sizes.code_width),
    }


def recognize(shapes: Mapping[str, Shape], source: str) -> VqGanSizes:
    """The sizes of the tokenizer in a file, if it holds a whole one.

    Args:
        shapes: of every array in the file, by its key.
        source: the file, for the message.

    Returns:
        The sizes; :func:`layout` of them is exactly ``shapes``.

    Raises:
        ValueError: the file holds another kind of model or of VQ-GAN, or lacks keys, has others, or
            has shapes that do not fit each other.

    Example:
        >>> recognize(layout(PUBLISHED), "vqgan.ckpt") == PUBLISHED
        True
        >>> recognize({"quantize.embedding.weight": (8, 4), "quant_conv.bias": (4,)}, "last.ckpt")
        Traceback (most recent call last):
        ValueError: A VQ-GAN must be MaskGIT's, and last.ckpt has quant_conv.bias, as the VQ-GANs of
        the taming-transformers program do, which are another network: give
        vqgan_jax_strongaug.ckpt.
    """
    check_kind(shapes, "vqgan", source)
    if others := [key for key in shapes if key.startswith(_COMPVIS)]:
        raise ValueError(
            f"A VQ-GAN must be MaskGIT's, and {source} has {others[0]}, as the VQ-GANs of the "
            f"taming-transformers program do, which are another network: {WORDING.advice}."
        )
    check_telling(shapes, _TELLING, layout(PUBLISHED), WORDING, source)
    sizes = read_sizes(shapes, source)
    check_layout(shapes, layout(sizes), WORDING, source)
    return sizes


def read_sizes(
    shapes: Mapping[str, Shape], source: str, wording: Wording = WORDING, prefix: str = ""
) -> VqGanSizes:
    """The sizes of the tokenizer in a file, from those of its arrays that tell them.

    Args:
        shapes: of every array in the file, by its key.
        source: the file, for the message.
        wording: how to speak of the model in the file.
        prefix: what stands before the tokenizer's keys.

    Raises:
        ValueError: one of them is missing, or no tokenizer has such sizes.

    Example:
        >>> read_sizes(layout(PUBLISHED), "vqgan.ckpt").multipliers
        (1, 1, 2, 2, 4)
    """
    levels = max(1, depth(shapes, f"{prefix}encoder.down"))
    firsts = [f"{prefix}encoder.down.{level}.block.0.conv1.weight" for level in range(levels)]
    telling = {f"{prefix}{key}": rank for key, rank in _TELLING.items()}
    check_telling(shapes, telling | dict.fromkeys(firsts, 4), shapes, wording, source)
    width, channels = shapes[f"{prefix}encoder.conv_in.weight"][:2]
    widths = [shapes[key][0] for key in firsts]
    if any(one % width for one in widths) or width % GROUPS:
        raise ValueError(
            "A VQ-GAN tokenizer must have levels whose widths are multiples of the "
            f"first convolution's, and that a multiple of {GROUPS}, and that in {source} has "
            f"widths {', '.join(map(str, widths))} and a first convolution of {width}: give "
            "another file."
        )
    codes, code_width = shapes[f"{prefix}quantize.embedding.weight"]
    return VqGanSizes(
        channels=channels,
        width=width,
        multipliers=tuple(one // width for one in widths),
        res_blocks=depth(shapes, f"{prefix}encoder.down.0.block"),
        codes=codes,
        code_width=code_width,
    )


def _level(name: str, blocks: int, came: int, width: int) -> dict[str, Shape]:
    keys: dict[str, Shape] = {}
    for index in range(blocks):
        keys |= _block(f"{name}.block.{index}", came if index == 0 else width, width)
    return keys


def _block(name: str, came: int, width: int) -> dict[str, Shape]:
    keys = vectors(f"{name}.norm1", came)
    keys |= {f"{name}.conv1.weight": (width, came, 3, 3)}
    keys |= vectors(f"{name}.norm2", width)
    keys |= {f"{name}.conv2.weight": (width, width, 3, 3)}
    if came != width:
        # It reads the block's own output, so that it is as wide on both sides.
        keys |= {f"{name}.nin_shortcut.weight": (width, width, 1, 1)}
    return keys


def _conv(name: str, outputs: int, inputs: int, side: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}
