"""Diffusion models: published arrays and our parameter tree, published sizes and our settings."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax.convert.palette_layout import (
    BUFFERS,
    GROUPS,
    HEAD_WIDTH,
    NETWORK,
    PUBLISHED,
    PaletteSizes,
    layout,
)
from cu_jax.convert.renaming import Renaming
from cu_jax.noise_schedules import NoiseSchedule

KIND = "palette"
"""Name in ``model.json``."""
_SIDE = 256  # In pixels, of the pictures that the published model was trained with.
_DECODER = ("output_blocks", "out")
_NORMS = ("in_layers_0", "out_layers_0", "norm", "out_0")


def renaming(sizes: PaletteSizes) -> Renaming:
    """Between the published arrays and the parameters of :class:`cu_jax.models.palette.Palette`.

    Example:
        >>> renaming(PUBLISHED).template()["encoder"]["middle_block_1"]["qkv"]["kernel"]
        ShapeDtypeStruct(shape=(512, 1536), dtype=float32)
    """
    shapes = layout(sizes)
    # The attention's layers are convolutions of one pixel there, and plain layers here.
    plain = {key: 2 for key, shape in shapes.items() if len(shape) == 3}
    return Renaming(shapes, path, plain)


def path(key: str) -> tuple[str, ...] | None:
    """Where a published array lies in our tree; nowhere if it is the noise schedule's.

    Example:
        >>> path("denoise_fn.input_blocks.4.0.in_layers.2.weight")
        ('encoder', 'input_blocks_4_0', 'in_layers_2', 'kernel')
        >>> path("denoise_fn.middle_block.1.norm.weight")
        ('encoder', 'middle_block_1', 'norm', 'scale')
        >>> path("denoise_fn.out.2.bias"), path("gammas")
        (('decoder', 'out_2', 'bias'), None)
    """
    if key in BUFFERS:
        return None
    key = re.sub(r"\.(\d+)(?=\.)", r"_\1", key.removeprefix(NETWORK))
    *parents, leaf = key.split(".")
    part = "decoder" if parents[0].startswith(_DECODER) else "encoder"
    if leaf == "weight":
        leaf = "scale" if parents[-1] in _NORMS else "kernel"
    return (part, *parents, leaf)


def model_settings(sizes: PaletteSizes, schedule: NoiseSchedule) -> dict[str, Any]:
    """The ``model`` section of a config for an imported model.

    Args:
        sizes: the model's sizes.
        schedule: its noise schedule.

    Note:
        A file does not tell for which pictures it was made: 256 pixels, or the least that the
        network takes. Heads have 32 channels, as published.

    Example:
        >>> settings = model_settings(PUBLISHED, NoiseSchedule())
        >>> settings["heads"], settings["schedule"]["length"]
        (16, 2000)
    """
    return {
        "name": KIND,
        "image_size": max(_SIDE, 2 ** (len(sizes.multipliers) - 1)),
        "channels": sizes.channels,
        "width": sizes.width,
        "multipliers": sizes.multipliers,
        "res_blocks": sizes.res_blocks,
        "heads": sizes.widths[-1] // HEAD_WIDTH,
        "embed_width": sizes.embed_width,
        "groups": GROUPS,
        "schedule": {
            "length": schedule.length,
            "start": schedule.start,
            "end": schedule.end,
        },
        "holes": "hybrid",
        "forget_noise": "picture",
        "sampler": "ddim",
        "steps": min(5, schedule.length),
        "eta": 1.0,
        "paste": "hard",
        "dtype": "float32",
        "sampling_dtype": "float32",
    }


def sizes_of(model: Mapping[str, Any], source: Path) -> tuple[PaletteSizes, NoiseSchedule]:
    """The inverse of :func:`model_settings`, for sizes and schedule.

    Args:
        model: the ``model`` section of a config.
        source: where it was read, for the message.

    Raises:
        ValueError: a size is missing, or groups or heads are other than published ones.

    Example:
        >>> settings = model_settings(PUBLISHED, NoiseSchedule())
        >>> sizes_of(settings, Path("model.json")) == (PUBLISHED, NoiseSchedule())
        True
    """
    try:
        schedule = NoiseSchedule(**model["schedule"])
        names = set(PaletteSizes.__dataclass_fields__) - {"length", "multipliers"}
        sizes = PaletteSizes(
            length=schedule.length,
            multipliers=tuple(model["multipliers"]),
            **{name: model[name] for name in names},
        )
        fixed = model["groups"], sizes.widths[-1] / model["heads"]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{source} must have the sizes of a diffusion model, but it lacks {error}: copy the "
            "solution again."
        ) from error
    if fixed != (GROUPS, HEAD_WIDTH):
        raise ValueError(
            f"A published diffusion model must have {GROUPS} groups in each GroupNorm and heads of "
            f"{HEAD_WIDTH} channels, which no file tells, and that of {source} has {fixed[0]} and "
            f"{fixed[1]:g}: export a model with these."
        )
    return sizes, schedule


def describe(sizes: PaletteSizes) -> str:
    """A published model's name, or the sizes of another.

    Example:
        >>> describe(PUBLISHED)
        'Palette (Places2)'
    """
    if sizes == PUBLISHED:
        return "Palette (Places2)"
    return f"Palette with levels of {', '.join(map(str, sizes.widths))} channels"
