"""The key layout of published diffusion models, and the sizes that a file's shapes tell.

The layout is that of ``16_Network.pth``, the Places2 model of the PyTorch program of Palette
(Saharia et al., 2022): the UNet under ``denoise_fn.``, and before it its noise schedule.
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
    linear,
    vectors,
)

WORDING = Wording("a diffusion model (Palette)", "give 16_Network.pth")
"""How messages speak of it."""
NETWORK = "denoise_fn."
"""What stands before the network's keys."""
TEACHER = "teacher_denoise_fn."
"""What stands before those of the original network, in files of the ancestors' unlearning."""
BUFFERS = (
    *("gammas", "sqrt_recip_gammas", "sqrt_recipm1_gammas", "posterior_log_variance_clipped"),
    *("posterior_mean_coef1", "posterior_mean_coef2"),
)
"""Keys of the noise schedule's tensors."""
GROUPS, HEAD_WIDTH = 32, 32
"""Groups of every GroupNorm and channels of an attention head, which no file tells."""
_FIRST = f"{NETWORK}input_blocks.0.0.weight"
_TELLING = {
    "gammas": 1,
    f"{NETWORK}cond_embed.0.weight": 2,
    _FIRST: 4,
    f"{NETWORK}out.2.weight": 4,
}


@dataclasses.dataclass(frozen=True)
class PaletteSizes:
    """What a file's shapes tell; named as in ``config.model``, but the schedule's ``length``."""

    channels: int
    width: int
    multipliers: tuple[int, ...]
    res_blocks: int
    embed_width: int
    length: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * multiplier for multiplier in self.multipliers)


PUBLISHED = PaletteSizes(3, 64, (1, 2, 4, 8), 2, 256, 2000)
"""The published Places2 model."""


def layout(sizes: PaletteSizes) -> dict[str, Shape]:
    """Every key of a published file and its shape, in the file's order.

    Example:
        >>> keys = layout(PUBLISHED)
        >>> len(keys), keys["denoise_fn.middle_block.1.qkv.weight"]
        (332, (1536, 512, 1))
    """
    embed, finest = sizes.embed_width, sizes.widths[0]
    keys = linear("cond_embed.0", embed, sizes.width) | linear("cond_embed.2", embed, embed)
    keys |= _conv("input_blocks.0.0", finest, 2 * sizes.channels, 3)
    skips = [finest]
    for level, width in enumerate(sizes.widths):
        # A level ends in a block that halves the sides, but for the last.
        for _ in range(sizes.res_blocks + (level < len(sizes.widths) - 1)):
            keys |= _block(f"input_blocks.{len(skips)}.0", skips[-1], width, embed)
            skips.append(width)
    came = skips[-1]
    keys |= _block("middle_block.0", came, came, embed) | _attention("middle_block.1", came)
    keys |= _block("middle_block.2", came, came, embed)
    outputs = len(skips)
    for level, width in reversed(list(enumerate(sizes.widths))):
        for index in range(sizes.res_blocks + 1):
            name = f"output_blocks.{outputs - len(skips)}"
            keys |= _block(f"{name}.0", came + skips.pop(), width, embed)
            if level and index == sizes.res_blocks:
                keys |= _block(f"{name}.1", width, width, embed)
            came = width
    keys |= vectors("out.0", finest) | _conv("out.2", sizes.channels, finest, 3)
    return {
        **{name: (sizes.length,) for name in BUFFERS},
        **{f"{NETWORK}{name}": shape for name, shape in keys.items()},
    }


def recognize(shapes: Mapping[str, Shape], source: str) -> PaletteSizes:
    """The sizes of the diffusion model in a file, if it holds a whole one.

    Args:
        shapes: of every array in the file, by its key, without those of a teacher.
        source: the file, for the message.

    Returns:
        The sizes; :func:`layout` of them is exactly ``shapes``.

    Raises:
        ValueError: the file holds another kind of model, lacks keys, has others, or has shapes that
            do not fit each other.

    Example:
        >>> recognize(layout(PUBLISHED), "16_Network.pth") == PUBLISHED
        True
    """
    check_kind(shapes, "palette", source)
    check_telling(shapes, _TELLING, layout(PUBLISHED), WORDING, source)
    sizes = _sizes(shapes, source)
    check_layout(shapes, layout(sizes), WORDING, source)
    return sizes


def _sizes(shapes: Mapping[str, Shape], source: str) -> PaletteSizes:
    blocks = f"{NETWORK}output_blocks"
    outputs = depth(shapes, blocks)
    # The last block of each level but the finest has a second part, which doubles the sides.
    ups = (o for o in range(outputs) if f"{blocks}.{o}.1.in_layers.2.weight" in shapes)
    res_blocks = max(1, next(ups, outputs - 1))
    levels = max(1, outputs // (res_blocks + 1))
    firsts = [
        f"{NETWORK}input_blocks.{1 + level * (res_blocks + 1)}.0.in_layers.2.weight"
        for level in range(levels)
    ]
    check_telling(shapes, dict.fromkeys(firsts, 4), shapes, WORDING, source)
    widths = [shapes[key][0] for key in firsts]
    embed_width, width = shapes[f"{NETWORK}cond_embed.0.weight"]
    if any(one % width or one % GROUPS for one in widths) or width % 2:
        raise ValueError(
            "A diffusion model must have levels whose widths are multiples of the embedding's, and "
            f"of {GROUPS}, and that in {source} has widths {', '.join(map(str, widths))} and an "
            f"embedding of {width}: give another file."
        )
    return PaletteSizes(
        channels=shapes[f"{NETWORK}out.2.weight"][0],
        width=width,
        multipliers=tuple(one // width for one in widths),
        res_blocks=res_blocks,
        embed_width=embed_width,
        length=shapes["gammas"][0],
    )


def _block(name: str, came: int, width: int, embed: int) -> dict[str, Shape]:
    keys = vectors(f"{name}.in_layers.0", came) | _conv(f"{name}.in_layers.2", width, came, 3)
    keys |= linear(f"{name}.emb_layers.1", 2 * width, embed)
    keys |= vectors(f"{name}.out_layers.0", width) | _conv(f"{name}.out_layers.3", width, width, 3)
    if came != width:
        keys |= _conv(f"{name}.skip_connection", width, came, 1)
    return keys


def _attention(name: str, width: int) -> dict[str, Shape]:
    # Convolutions over the row of all pixels.
    keys = vectors(f"{name}.norm", width)
    for layer, outputs in (("qkv", 3 * width), ("proj_out", width)):
        keys |= {f"{name}.{layer}.weight": (outputs, width, 1), f"{name}.{layer}.bias": (outputs,)}
    return keys


def _conv(name: str, outputs: int, inputs: int, side: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}
