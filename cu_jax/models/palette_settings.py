"""The settings of the diffusion model: what each means, and which do not fit each other."""

import dataclasses

from cu_jax.hole_corruptions import HOLES
from cu_jax.models.diffusion import PASTES, SAMPLERS, Plan
from cu_jax.noise_schedules import NoiseSchedule

FORGET_NOISES = ("picture", "hole")
"""What the teacher sees in place of a forget picture: :class:`PaletteSettings`."""


@dataclasses.dataclass(frozen=True)
class PaletteSettings:
    """The sizes of :class:`cu_jax.models.palette.Palette`, and how it is trained and sampled from.

    The sizes' defaults are those of the published Places2 model.

    Args:
        image_size: side of a picture in pixels, a multiple of ``patch_size``.
        channels: channels of a picture.
        width: channels of the finest level of features; even.
        multipliers: channels of each level, finest first, over ``width``; the sides halve from
            level to level.
        res_blocks: blocks of each level.
        heads: of the attention in the middle.
        embed_width: of the noise level's embedding.
        groups: groups of each GroupNorm; they divide the channels of every level.
        schedule: the noise schedule, of training and of sampling.
        holes: what training removes, a name in :data:`cu_jax.hole_corruptions.HOLES`.
        forget_noise: what the teacher sees in place of a forget picture. ``picture``: a picture of
            noise, with the same holes and noise upon it. ``hole``: the forget picture itself, the
            hole of whose noisy half is pure noise; the visible pixels stay.
        sampler: ``ddim``, or ``ddpm``, which takes all steps of the schedule.
        steps: of sampling.
        eta: of ``ddim``: 0: no fresh noise, 1: that of ``ddpm``.
        paste: when visible pixels are put back while sampling: ``hard`` or ``end``.
        dtype: compute dtype of the networks in training, ``float32`` or ``bfloat16``.
        sampling_dtype: likewise, of sampling.

    Raises:
        ValueError: for sizes that don't fit each other.

    Note:
        ``picture`` is the paper's forget target E(T(n)). ``hole`` is what the predecessor's code
        does; it forgets far less, since the teacher still sees what surrounds the hole. The
        predecessor samples with all 2000 steps of ``ddpm``, the published count. The default is
        what sufficed for digits (docs/models.md has the table); nobody has measured photographs:
        name sampler and steps with every score.

    Example:
        >>> PaletteSettings().patch_size
        8
    """

    image_size: int = 256
    channels: int = 3
    width: int = 64
    multipliers: tuple[int, ...] = (1, 2, 4, 8)
    res_blocks: int = 2
    heads: int = 16
    embed_width: int = 256
    groups: int = 32
    schedule: NoiseSchedule = NoiseSchedule()
    holes: str = "hybrid"
    forget_noise: str = "picture"
    sampler: str = "ddim"
    steps: int = 5
    eta: float = 1.0
    paste: str = "hard"
    dtype: str = "float32"
    sampling_dtype: str = "float32"

    def __post_init__(self) -> None:
        """Checks the settings before anything is compiled."""
        sizes = ("image_size", "channels", "width", "res_blocks", "heads", "embed_width", "groups")
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, got {getattr(self, name)}: change "
                    f"config.model.{name}."
                )
        if not self.multipliers or min(self.multipliers) < 1:
            raise ValueError(
                "multipliers must be a number of at least 1 for each level, got "
                f"{self.multipliers}: change config.model.multipliers."
            )
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size must be a multiple of {self.patch_size}, since {len(self.multipliers)}"
                f" levels halve it {len(self.multipliers) - 1} times, got {self.image_size}: change"
                " config.model.image_size or multipliers."
            )
        widths = [self.width * multiplier for multiplier in self.multipliers]
        if any(width % self.groups for width in widths):
            raise ValueError(
                f"groups must divide the channels of every level, got {self.groups} groups and "
                f"{widths} channels: change config.model.groups or width."
            )
        if self.width % 2 or widths[-1] % self.heads:
            raise ValueError(
                "width must be even and heads divide the coarsest level's channels, got "
                f"{self.width}, {self.heads} heads and {widths[-1]} channels: change "
                "config.model.width or heads."
            )
        choices = dict(holes=HOLES, forget_noise=FORGET_NOISES, sampler=SAMPLERS, paste=PASTES)
        for name, values in choices.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"{name} must be one of {', '.join(values)}, got {getattr(self, name)!r}: "
                    f"change config.model.{name}."
                )
        self.plan  # noqa: B018  Its steps and eta are checked where it is made.

    @property
    def patch_size(self) -> int:
        """Side in pixels of what the coarsest level has a pixel for."""
        return int(2 ** (len(self.multipliers) - 1))

    @property
    def plan(self) -> Plan:
        """The sampler's table."""
        return SAMPLERS[self.sampler](self.schedule, self.steps, self.eta)
