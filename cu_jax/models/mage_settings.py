"""The settings of MAGE: what each means, and which do not fit each other."""

import dataclasses

from cu_jax.models.transformer import check_widths
from cu_jax.models.vqgan import VqGan


@dataclasses.dataclass(frozen=True)
class MageSettings:
    """The sizes of :class:`cu_jax.models.mage.Mage`, and how it is trained and decoded.

    Args:
        tokenizer: what makes tokens of pictures; frozen, and a part of the parameters.
        encoder_width, encoder_depth, encoder_heads: width is a multiple of 4 and of heads.
        decoder_width, decoder_depth, decoder_heads: likewise; both widths are equal, since the
            decoder's head multiplies with word embeddings.
        mlp_ratio: hidden width of the MLPs over the width.
        vocabulary: words: the codes, then others, the last of which is the mask token.
        class_token: the word at position 0, between the codes and the mask token.
        mask_mean, mask_std, mask_min, mask_max: of the share of tokens that training masks.
        drop: share of all tokens that is masked and not even read by the encoder.
        holes: share of the pictures that pretraining shows with a filled box, as pictures to
            restore have one; 0 in the published pretraining.
        tie_head: whether the head reads the encoder's own word embeddings, and so changes with
            them. Otherwise it has a copy, frozen with the decoder.
        margin: tokens around a hole that are taken for hidden too when a picture is restored; see
            :func:`cu_jax.models.patches.touched_patches`.
        fill: color of a hole before the picture is tokenized, a number a channel in [0, 1].
        blend_grow, blend_blur: pixels; see :func:`cu_jax.models.blending.soft_mask`.
        token_temperature: of the draw of tokens: below 1 the likely ones are drawn more often.
        steps, temperature: of the decoding; see :func:`cu_jax.models.maskgit.sample`.
        noise_pool: pictures of noise that are tokenized once and drawn from.
        dtype: compute dtype of the transformers, ``float32`` or ``bfloat16``.

    Raises:
        ValueError: for sizes that don't fit each other.

    Note:
        The published model's head is tied: there unlearning changes the decoder too, though only
        its encoder is trained. That is ``tie_head=True``; the default keeps the decoder frozen.

    Example:
        >>> MageSettings(VqGan(), 768, 12, 12, 768, 8, 16).vocabulary
        2025
    """

    tokenizer: VqGan
    encoder_width: int
    encoder_depth: int
    encoder_heads: int
    decoder_width: int
    decoder_depth: int
    decoder_heads: int
    mlp_ratio: float = 4.0
    vocabulary: int = 2025
    class_token: int = 1100
    mask_mean: float = 0.55
    mask_std: float = 0.25
    mask_min: float = 0.5
    mask_max: float = 1.0
    drop: float = 0.5
    holes: float = 0.0
    tie_head: bool = False
    margin: int = 1
    fill: tuple[float, ...] = (0.485, 0.456, 0.406)
    blend_grow: int = 14
    blend_blur: float = 7.0
    steps: int = 20
    temperature: float = 6.0
    token_temperature: float = 1.0
    noise_pool: int = 1024
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Checks the sizes before anything is compiled."""
        check_widths("encoder", self.encoder_width, self.encoder_heads)
        check_widths("decoder", self.decoder_width, self.decoder_heads)
        if self.encoder_width != self.decoder_width:
            raise ValueError(
                f"decoder_width must equal encoder_width, got {self.decoder_width} and "
                f"{self.encoder_width}: change config.model.decoder_width."
            )
        if not self.tokenizer.codes <= self.class_token < self.vocabulary - 1:
            raise ValueError(
                f"class_token must lie between the tokenizer's {self.tokenizer.codes} codes and "
                f"the mask token {self.vocabulary - 1}, got {self.class_token}: change "
                "config.model.class_token or vocabulary."
            )
        if not 0 <= self.drop <= self.mask_min < self.mask_max <= 1:
            raise ValueError(
                "drop, mask_min and mask_max must rise between 0 and 1, since only masked tokens "
                f"are dropped, got {self.drop}, {self.mask_min} and {self.mask_max}: change "
                "config.model.drop or mask_min."
            )
        if not 0 <= self.holes <= 1:
            raise ValueError(
                f"holes must be a share in [0, 1], got {self.holes}: change config.model.holes."
            )
        if len(self.fill) != self.tokenizer.channels:
            raise ValueError(
                f"fill must have {self.tokenizer.channels} numbers, got {self.fill}: change "
                "config.model.fill."
            )
        least = dict(mask_std=1e-6, margin=0, blend_grow=0, blend_blur=0, steps=1, noise_pool=0)
        least |= dict(token_temperature=1e-6)
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(
                    f"{name} must be at least {low:g}, got {getattr(self, name)}: change "
                    f"config.model.{name}."
                )
