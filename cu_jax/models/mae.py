"""Masked autoencoder (He et al., 2022): a vision transformer that sees the visible patches alone.

The encoder reads only the patches the corruption leaves (no mask tokens); a narrow decoder puts a
learned token in each gap and predicts pixels.

References:
    He et al., *Masked Autoencoders Are Scalable Vision Learners*, CVPR 2022, arXiv 2111.06377.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cu_jax import corruptions
from cu_jax.corruptions import Key, Keys, PatchCorruption
from cu_jax.models.interface import Params
from cu_jax.models.mae_networks import Decoder, Encoder
from cu_jax.models.patches import patchify, touched_patches, unpatchify
from cu_jax.models.transformer import check_widths


@dataclasses.dataclass(frozen=True)
class Mae:
    """The masked autoencoder, a :class:`cu_jax.models.interface.Model`.

    Args:
        image_size: side of a picture in pixels, a multiple of ``patch_size``.
        patch_size: side of a patch in pixels.
        channels: channels of a picture.
        encoder_width, encoder_depth, encoder_heads: width is a multiple of 4 and of heads.
        decoder_width, decoder_depth, decoder_heads: likewise.
        mlp_ratio: hidden width of the MLPs over the width.
        mask_ratio: share of the patches that training removes; ``int(n · (1 - ratio))`` are kept.
        norm_pix_loss: whether the pixel loss normalizes each target patch.
        mean, std: the picture normalization, a number a channel, on pixels in [0, 1].
        dtype: compute dtype, ``float32`` or ``bfloat16``; parameters are float32.

    Raises:
        ValueError: for sizes that don't fit each other.

    Example:
        >>> import jax
        >>> mae = Mae(image_size=28, patch_size=4, channels=1, encoder_width=16, encoder_depth=1,
        ...           encoder_heads=2, decoder_width=16, decoder_depth=1, decoder_heads=2)
        >>> params = mae.init(jax.random.key(0))
        >>> encoder, rest = mae.split(params)
        >>> corruption = mae.corrupt(jax.random.key(1), 2)
        >>> (features,) = mae.encode(encoder, jax.numpy.zeros((2, 28, 28, 1)), corruption)
        >>> features.shape
        (2, 17, 16)
    """

    image_size: int
    patch_size: int
    channels: int
    encoder_width: int
    encoder_depth: int
    encoder_heads: int
    decoder_width: int
    decoder_depth: int
    decoder_heads: int
    mlp_ratio: float = 4.0
    mask_ratio: float = 2 / 3
    norm_pix_loss: bool = False
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Checks the sizes before anything is compiled."""
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size must be a multiple of patch_size, got {self.image_size} and "
                f"{self.patch_size}: change config.model.patch_size."
            )
        check_widths("encoder", self.encoder_width, self.encoder_heads)
        check_widths("decoder", self.decoder_width, self.decoder_heads)
        if not 0 <= self.mask_ratio < 1 or self.kept < 1:
            raise ValueError(
                f"mask_ratio must lie in [0, 1) and leave a patch visible, got {self.mask_ratio}."
            )
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise ValueError(
                f"mean and std must have {self.channels} numbers, got {self.mean} and {self.std}."
            )
        if not all(0 < value < float("inf") for value in self.std):
            raise ValueError(
                f"std must be finite and greater than 0, got {self.std}: change config.model.std."
            )

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.image_size // self.patch_size

    @property
    def kept(self) -> int:
        """Patches that the training corruption leaves visible."""
        return int(self.grid**2 * (1 - self.mask_ratio))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""
        return (self.image_size, self.image_size, self.channels)

    @property
    def pixel_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Black and white after normalization, ``[channels]`` each."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return (0 - mean) / std, (1 - mean) / std

    @property
    def fixed(self) -> tuple[str, ...]:
        """Pretraining trains all of it."""
        return ()

    @property
    def tokenizer(self) -> None:
        """It reads pixels."""
        return None

    @property
    def noise_pool(self) -> int:
        """Noise costs it nothing: new pictures every step."""
        return 0

    @property
    def one_pass(self) -> bool:
        """It consists of matrix products."""
        return True

    @property
    def _encoder(self) -> Encoder:
        return Encoder(
            self.patch_size, self.grid, self.encoder_width, self.encoder_depth,
            self.encoder_heads, self.mlp_ratio, jnp.dtype(self.dtype),
        )  # fmt: skip

    @property
    def _decoder(self) -> Decoder:
        return Decoder(
            self.grid, self.decoder_width, self.decoder_depth, self.decoder_heads, self.mlp_ratio,
            self.patch_size**2 * self.channels, jnp.dtype(self.dtype),
        )  # fmt: skip

    def init(self, key: Key) -> Params:
        """Fresh parameters ``{"encoder": …, "decoder": …}``, float32."""
        key_encoder, key_decoder = jax.random.split(key)
        corruption = corruptions.fixed_patches(np.zeros((self.grid, self.grid), bool), 1)
        images = jnp.zeros((1, *self.image_shape))
        encoder = self._encoder.init(key_encoder, images, corruption.keep)["params"]
        features = jnp.zeros((1, 1 + self.grid**2, self.encoder_width))
        decoder = self._decoder.init(key_decoder, features, corruption.restore)["params"]
        return {"encoder": encoder, "decoder": decoder}

    def split(self, params: Params) -> tuple[Params, Params]:
        """``(encoder, decoder)``."""
        return params["encoder"], params["decoder"]

    def merge(self, encoder: Params, rest: Params) -> Params:
        """The whole tree again."""
        return {"encoder": encoder, "decoder": rest}

    def prepare(self, rest: Params, images: Float[Array, "b h w c"], key: Key) -> Array:
        """The pictures themselves: an MAE has no frozen preprocessing."""
        del rest, key
        return images

    def corrupt(self, key: Key, batch_size: int, kind: str = "training") -> PatchCorruption:
        """A random subset of patches for each picture; ``kind`` is ``training``."""
        if kind != "training":
            raise ValueError(f"The MAE's corruption kind must be 'training', got {kind!r}.")
        return corruptions.random_patches(key, batch_size, self.grid**2, self.kept)

    def forget_view(
        self, inputs: Array, noise: Array, corruption: PatchCorruption
    ) -> tuple[Array, PatchCorruption]:
        """The noise pictures under the student's own corruption."""
        del inputs
        return noise, corruption

    def encode(
        self, encoder: Params, inputs: Array, corruption: PatchCorruption
    ) -> tuple[Array, ...]:
        """One map ``[b, 1 + kept, width]``, after the final norm, class token included."""
        features: Any = self._encoder.apply({"params": encoder}, inputs, corruption.keep)
        return (features,)

    def decode(
        self, params: Params, features: Sequence[Array], corruption: PatchCorruption
    ) -> tuple[Array, ...]:
        """One array of predicted patches ``[b, patches, patch² · channels]``."""
        decoder = {"params": params["decoder"]}
        patches: Any = self._decoder.apply(decoder, features[0], corruption.restore)
        return (patches,)

    def output_target(
        self, params: Params, inputs: Array, corruption: PatchCorruption
    ) -> tuple[Array, ...]:
        """The noise pictures' own patches."""
        del params, corruption
        return (patchify(inputs, self.patch_size),)

    def output_mask(self, corruption: PatchCorruption) -> Array:
        """1 at removed patches, ``[b, patches, 1]``."""
        return corruption.mask[..., None]

    def pretrain_loss(
        self, params: Params, images: Float[Array, "b h w c"], key: Key
    ) -> Float[Array, ""]:
        """Mean squared error of the removed patches' pixels under a random mask."""
        return self.labeled_loss(params, images, images, key)

    def labeled_loss(
        self,
        params: Params,
        images: Float[Array, "b h w c"],
        labels: Float[Array, "b h w c"],
        key: Key,
    ) -> Float[Array, ""]:
        """The same with the removed patches' pixels taken from ``labels``."""
        corruption = self.corrupt(key, images.shape[0])
        features = self.encode(params["encoder"], images, corruption)
        (predicted,) = self.decode(params, features, corruption)
        target = patchify(labels, self.patch_size)
        if self.norm_pix_loss:
            mean = target.mean(-1, keepdims=True)
            target = (target - mean) / jnp.sqrt(target.var(-1, keepdims=True, ddof=1) + 1e-6)
        error = jnp.square(predicted.astype(jnp.float32) - target).mean(-1)
        return (error * corruption.mask).sum() / corruption.mask.sum()

    def restore(
        self, params: Params, images: Float[Array, "b h w c"], mask: np.ndarray, keys: Keys
    ) -> Float[Array, "b h w c"]:
        """Fills every patch that the mask touches and pastes the visible pixels back.

        Raises:
            ValueError: the mask touches no patch, or all of them.
        """
        del keys  # nothing is drawn
        p = self.patch_size
        corruption = corruptions.fixed_patches(touched_patches(mask, p), images.shape[0])
        features = self.encode(params["encoder"], images, corruption)
        (patches,) = self.decode(params, features, corruption)
        low, high = self.pixel_range
        painted = jnp.clip(unpatchify(patches.astype(jnp.float32), p, self.channels), low, high)
        return jnp.where(jnp.asarray(mask) > 0, painted, images)


def build(config: Any) -> Mae:
    """The model of a config's ``model`` section (every key but ``name``)."""
    settings: dict[str, Any] = {name: value for name, value in config.items() if name != "name"}
    return Mae(**settings)
