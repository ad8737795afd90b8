r"""VQ-GAN tokenizer: a picture as a square of code numbers, and a picture again.

A convolutional encoder gives a latent vector for each square of ``patch_size`` pixels; the nearest
vector of a learned codebook stands for it, and its number is the token.

.. math:: t_i = \arg\min_k \lVert z_i - e_k \rVert^2

References:
    Esser et al., *Taming Transformers for High-Resolution Image Synthesis*, CVPR 2021,
    arXiv 2012.09841.
    Chang et al., *MaskGIT: Masked Generative Image Transformer*, CVPR 2022, arXiv 2202.04200,
    whose network this is.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

from cu_jax.corruptions import Key
from cu_jax.models.interface import Params
from cu_jax.models.vqgan_networks import Decoder, Encoder

_COMMITMENT = 0.25
_SPREAD = 0.6


@dataclasses.dataclass(frozen=True)
class VqGan:
    """The tokenizer, as pure functions of explicit parameters; meant to run under ``jax.jit``.

    Pictures are float32 ``[b, image_size, image_size, channels]`` in [0, 1]. The defaults are the
    published tokenizer's sizes.

    Args:
        image_size: side of a picture in pixels, a multiple of ``patch_size``.
        channels: channels of a picture.
        width: channels of the finest level of features.
        multipliers: channels of each level, finest first, over ``width``; the sides halve from
            level to level.
        res_blocks: blocks of each level and of the middle, in both networks.
        groups: groups of each GroupNorm; they divide the channels of every level.
        codes: vectors of the codebook.
        code_width: their length.
        dtype: compute dtype of the networks, ``float32`` or ``bfloat16``; parameters, and the
            search for the nearest code, are float32.

    Raises:
        ValueError: for sizes that don't fit each other.

    Example:
        >>> import jax
        >>> vqgan = VqGan(image_size=8, channels=1, width=4, multipliers=(1, 2), res_blocks=1,
        ...               groups=2, codes=8, code_width=3)
        >>> params = jax.jit(vqgan.init)(jax.random.key(0))
        >>> tokens = jax.jit(vqgan.encode)(params, jax.numpy.zeros((2, 8, 8, 1)))
        >>> tokens.shape, jax.jit(vqgan.decode)(params, tokens).shape
        ((2, 16), (2, 8, 8, 1))
    """

    image_size: int = 256
    channels: int = 3
    width: int = 128
    multipliers: tuple[int, ...] = (1, 1, 2, 2, 4)
    res_blocks: int = 2
    groups: int = 32
    codes: int = 1024
    code_width: int = 256
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Checks the sizes before anything is compiled."""
        sizes = dataclasses.asdict(self)
        del sizes["multipliers"], sizes["dtype"]
        if small := [name for name, size in sizes.items() if size < 1]:
            raise ValueError(
                f"Every size of a tokenizer must be at least 1, got {small[0]} {sizes[small[0]]}: "
                f"change {small[0]}."
            )
        if not self.multipliers or min(self.multipliers) < 1:
            raise ValueError(
                f"multipliers must be a number of at least 1 for each level, got "
                f"{self.multipliers}: name at least one level."
            )
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size must be a multiple of {self.patch_size}, since {len(self.multipliers)}"
                f" levels halve it {len(self.multipliers) - 1} times, got {self.image_size}: change"
                " image_size or multipliers."
            )
        widths = [self.width * multiplier for multiplier in self.multipliers]
        if any(width % self.groups for width in widths):
            raise ValueError(
                f"groups must divide the channels of every level, got {self.groups} groups and "
                f"{widths} channels: change groups or width."
            )

    @property
    def patch_size(self) -> int:
        """Side in pixels of what a token stands for."""
        return int(2 ** (len(self.multipliers) - 1))

    @property
    def grid(self) -> int:
        """Tokens along a side."""
        return self.image_size // self.patch_size

    @property
    def tokens(self) -> int:
        """Tokens of a picture."""
        return self.grid**2

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""
        return (self.image_size, self.image_size, self.channels)

    @property
    def pixel_range(self) -> tuple[np.ndarray, np.ndarray]:
        """0 and 1 for each channel."""
        return np.zeros(self.channels, np.float32), np.ones(self.channels, np.float32)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Pretraining trains all of it."""
        return ()

    @property
    def _encoder(self) -> Encoder:
        return Encoder(
            self.width, self.multipliers, self.res_blocks, self.groups, self.code_width,
            jnp.dtype(self.dtype),
        )  # fmt: skip

    @property
    def _decoder(self) -> Decoder:
        return Decoder(
            self.width, self.multipliers, self.res_blocks, self.groups, self.channels,
            jnp.dtype(self.dtype),
        )  # fmt: skip

    def init(self, key: Key) -> Params:
        """Fresh parameters ``{"encoder": …, "decoder": …, "quantize": {"embedding": …}}``, float32.

        Note:
            Codes start spread about as widely as a fresh encoder's latents. Started close to zero,
            as is usual, they draw the latents to zero with them and half of them stay unused.
        """
        key_encoder, key_decoder, key_codes = jax.random.split(key, 3)
        encoder = self._encoder.init(key_encoder, jnp.zeros((1, *self.image_shape)))["params"]
        latents = jnp.zeros((1, self.grid, self.grid, self.code_width))
        decoder = self._decoder.init(key_decoder, latents)["params"]
        embedding = jax.random.uniform(
            key_codes, (self.codes, self.code_width), minval=-_SPREAD, maxval=_SPREAD
        )
        return {"encoder": encoder, "decoder": decoder, "quantize": {"embedding": embedding}}

    def latents(self, params: Params, images: Float[Array, "b h w c"]) -> Float[Array, "b g g d"]:
        """The encoder's vectors before the nearest code replaces them, float32."""
        latents: Any = self._encoder.apply({"params": params["encoder"]}, images)
        return latents.astype(jnp.float32)

    def encode(self, params: Params, images: Float[Array, "b h w c"]) -> Int32[Array, "b n"]:
        """Pictures to tokens in ``[0, codes)``, row by row."""
        return self._nearest(params, self.latents(params, images))

    def decode(self, params: Params, tokens: Int32[Array, "b n"]) -> Float[Array, "b h w c"]:
        """Tokens to pictures, float32 and not clipped to [0, 1]."""
        codes = params["quantize"]["embedding"][tokens]
        return self._pictures(params, codes.reshape(-1, self.grid, self.grid, self.code_width))

    def pretrain_loss(
        self, params: Params, images: Float[Array, "b h w c"], key: Key
    ) -> Float[Array, ""]:
        r"""Squared error of the pictures, plus what draws codes and latents to each other.

        .. math:: \overline{(x - D(e))^2} + \overline{(\mathrm{sg}[z] - e)^2}
                  + \tfrac14\, \overline{(z - \mathrm{sg}[e])^2}
                  + \overline{(\mathrm{sg}[z_k] - e_k)^2}

        with bars for means over all axes, sg for what passes no gradient, and e the nearest codes,
        whose gradient from the pictures goes straight to z. The last term is over the whole
        codebook, with the latent of the batch that is nearest to each code.

        Args:
            params: all parameters.
            images: pictures.
            key: not used; other models draw a corruption from it.

        Returns:
            The loss, a float32 scalar.

        Note:
            This is the VQ-VAE's loss, enough for small tokenizers. The published tokenizer was also
            trained against a discriminator and with a perceptual loss; since its weights come from
            a file and stay frozen here, nobody needs either. The last term is ours: without it a
            code that is nearest to nothing gets no gradient, and two thirds of the digits' 128 stay
            unused.

        References:
            van den Oord et al., *Neural Discrete Representation Learning*, NeurIPS 2017,
            arXiv 1711.00937.
        """
        del key
        latents = self.latents(params, images)
        tokens = self._nearest(params, latents)
        codes = params["quantize"]["embedding"][tokens].reshape(latents.shape)
        fixed = jax.lax.stop_gradient
        pictures = self._pictures(params, latents + fixed(codes - latents))
        error = jnp.square(images - pictures).mean()
        codebook = jnp.square(fixed(latents) - codes).mean()
        commitment = jnp.square(latents - fixed(codes)).mean()
        vectors = fixed(latents).reshape(-1, self.code_width)
        every = params["quantize"]["embedding"]
        unused = jnp.square(vectors[_nearest(fixed(every), vectors)] - every).mean()
        return error + codebook + _COMMITMENT * commitment + unused

    def _nearest(self, params: Params, latents: Float[Array, "b g g d"]) -> Int32[Array, "b n"]:
        """Numbers of the codes nearest to the latents."""
        flat = latents.reshape(latents.shape[0], -1, self.code_width)
        return _nearest(flat, params["quantize"]["embedding"])

    def _pictures(self, params: Params, codes: Float[Array, "b g g d"]) -> Float[Array, "b h w c"]:
        pictures: Any = self._decoder.apply({"params": params["decoder"]}, codes)
        return pictures


def _nearest(of: Float[Array, "*b d"], among: Float[Array, "n d"]) -> Int32[Array, "*b"]:
    """Index of the row of ``among`` with the least squared distance to each vector."""
    # The vector's own square is the same for every row. Full precision: accelerators would round
    # the products.
    products = jnp.matmul(of, among.T, precision=jax.lax.Precision.HIGHEST)
    distances = jnp.square(among).sum(-1) - 2 * products
    return jnp.argmin(distances, axis=-1).astype(jnp.int32)
