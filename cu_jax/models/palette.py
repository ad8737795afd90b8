"""Palette (Saharia et al., 2022): a diffusion model that fills holes, given what surrounds them.

Its encoder is the UNet down to the middle, with the embedding of the noise level; unlearning trains
that, and all of its feature maps count. The decoder is the way back up.

References:
    Saharia et al., *Palette: Image-to-Image Diffusion Models*, SIGGRAPH 2022, arXiv 2111.05826.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cu_jax.corruptions import Key, Keys
from cu_jax.models import diffusion, noising
from cu_jax.models.interface import Params
from cu_jax.models.noising import Noising
from cu_jax.models.palette_networks import Conditioning, Decoder, Encoder
from cu_jax.models.palette_settings import PaletteSettings
from cu_jax.noise_schedules import NoiseSchedule


class Palette(PaletteSettings):
    """The diffusion model, a :class:`cu_jax.models.interface.Model`.

    Its settings are :class:`cu_jax.models.palette_settings.PaletteSettings`. Pictures are float32
    in [-1, 1].

    Example:
        >>> import jax
        >>> palette = Palette(image_size=8, channels=1, width=4, multipliers=(1, 2), res_blocks=1,
        ...                   heads=2, embed_width=4, groups=2)
        >>> shapes = jax.eval_shape(palette.init, jax.random.key(0))
        >>> encoder, rest = palette.split(shapes)
        >>> key, images = jax.random.key(1), jax.numpy.zeros((2, 8, 8, 1))
        >>> corruption = jax.eval_shape(lambda key: palette.corrupt(key, 2), key)
        >>> maps = jax.eval_shape(palette.encode, encoder, images, corruption)
        >>> [one.shape[1:] for one in maps]
        [(8, 8, 4), (8, 8, 4), (4, 4, 4), (4, 4, 8), (4, 4, 8)]
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""
        return (self.image_size, self.image_size, self.channels)

    @property
    def pixel_range(self) -> tuple[np.ndarray, np.ndarray]:
        """-1 and 1 for each channel."""
        return -np.ones(self.channels, np.float32), np.ones(self.channels, np.float32)

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
        """It consists of convolutions."""
        return False

    def _encoder(self, dtype: str) -> Encoder:
        return Encoder(
            self.width, self.multipliers, self.res_blocks, self.heads, self.embed_width,
            self.groups, jnp.dtype(dtype),
        )  # fmt: skip

    def _decoder(self, dtype: str) -> Decoder:
        return Decoder(
            self.width, self.multipliers, self.res_blocks, self.channels, self.groups,
            jnp.dtype(dtype),
        )  # fmt: skip

    def init(self, key: Key) -> Params:
        """Fresh parameters ``{"encoder": …, "decoder": …}``, float32."""
        key_encoder, key_decoder = jax.random.split(key)
        x, gamma = jnp.zeros((1, *self.image_shape[:2], 2 * self.channels)), jnp.ones(1)
        maps, encoder = self._encoder(self.dtype).init_with_output(key_encoder, x, gamma)
        embedded = jnp.zeros((1, self.embed_width))
        decoder = self._decoder(self.dtype).init(key_decoder, maps, embedded)["params"]
        return {"encoder": encoder["params"], "decoder": decoder}

    def split(self, params: Params) -> tuple[Params, Params]:
        """``(encoder, decoder)``."""
        return params["encoder"], params["decoder"]

    def merge(self, encoder: Params, rest: Params) -> Params:
        """The whole tree again."""
        return {"encoder": encoder, "decoder": rest}

    def prepare(self, rest: Params, images: Float[Array, "b h w c"], key: Key) -> Array:
        """The pictures themselves: their noise is a part of the corruption."""
        del rest, key
        return images

    def corrupt(self, key: Key, batch_size: int, kind: str = "training") -> Noising:
        """A hole, a noise level and noise for each picture; ``kind`` is ``training``."""
        if kind != "training":
            raise ValueError(f"Palette's corruption kind must be 'training', got {kind!r}.")
        return noising.draw_noising(key, batch_size, self.image_shape, self.holes, self.schedule)

    def forget_view(
        self, inputs: Array, noise: Array, corruption: Noising
    ) -> tuple[Array, Noising]:
        """The noise pictures as they are, or the pictures with pure noise in the hole.

        ``forget_noise`` says which.
        """
        if self.forget_noise == "picture":
            return noise, corruption
        return inputs, noising.pure_noise(corruption)

    def encode(self, encoder: Params, inputs: Array, corruption: Noising) -> tuple[Array, ...]:
        """The outputs of all input blocks, finest first, and of the middle: 13 as published."""
        x = noising.network_input(inputs, corruption)
        return self._maps(encoder, x, corruption.gamma, self.dtype)

    def decode(
        self, params: Params, features: Sequence[Array], corruption: Noising
    ) -> tuple[Array, ...]:
        """One array of the predicted noise, float32 ``[b, h, w, c]``."""
        return (self._predicted(params, features, corruption.gamma, self.dtype),)

    def output_target(
        self, params: Params, inputs: Array, corruption: Noising
    ) -> tuple[Array, ...]:
        """The noise that the teacher predicts for what it sees in place of forget pictures."""
        features = self.encode(params["encoder"], inputs, corruption)
        return self.decode(params, features, corruption)

    def output_mask(self, corruption: Noising) -> Array:
        """1 in the hole, ``[b, h, w, 1]``."""
        return corruption.mask

    def pretrain_loss(
        self, params: Params, images: Float[Array, "b h w c"], key: Key
    ) -> Float[Array, ""]:
        """Mean squared error of the predicted noise in random holes.

        Note:
            As published, the mean is over all pixels, where those outside of the hole count as
            predicted without an error.
        """
        return self.labeled_loss(params, images, images, key)

    def labeled_loss(
        self,
        params: Params,
        images: Float[Array, "b h w c"],
        labels: Float[Array, "b h w c"],
        key: Key,
    ) -> Float[Array, ""]:
        """The same with what stands in the holes, under the noise, taken from ``labels``."""
        corruption = self.corrupt(key, images.shape[0])
        shown = jnp.where(corruption.mask > 0, labels, images)
        features = self.encode(params["encoder"], shown, corruption)
        (predicted,) = self.decode(params, features, corruption)
        return jnp.square((predicted - corruption.noise) * corruption.mask).mean()

    def restore(
        self, params: Params, images: Float[Array, "b h w c"], mask: np.ndarray, keys: Keys
    ) -> Float[Array, "b h w c"]:
        """Samples the hole from noise and pastes the visible pixels back.

        Raises:
            ValueError: the mask removes no pixel, or all of them.

        Note:
            What stands in the hole of the condition and what sampling starts from are independent,
            as they are in training; the published program takes the same noise for both.
        """
        removed = np.asarray(mask) > 0
        if removed.all() or not removed.any():
            raise ValueError(
                f"A hole must remove at least one pixel and leave at least one, but it removes "
                f"{removed.sum()} of {removed.size}: give a "
                f"{'smaller' if removed.all() else 'larger'} hole."
            )
        plan, hole = self.plan, jnp.asarray(removed, jnp.float32)[None]
        veil = diffusion.fresh_noise(keys, jnp.asarray(plan.steps + 1), images.shape)
        seen = noising.condition(images, hole, veil)

        def predict(y: Array, gamma: Array) -> Array:
            x = jnp.concatenate([seen, y], axis=-1)
            maps = self._maps(params["encoder"], x, gamma, self.sampling_dtype)
            return self._predicted(params, maps, gamma, self.sampling_dtype)

        return diffusion.sample(predict, images, hole, keys, plan, self.paste)

    def _maps(self, encoder: Params, x: Array, gamma: Array, dtype: str) -> tuple[Array, ...]:
        maps: Any = self._encoder(dtype).apply({"params": encoder}, x, gamma)
        return tuple(maps)

    def _predicted(
        self, params: Params, features: Sequence[Array], gamma: Array, dtype: str
    ) -> Array:
        """The decoder's output; the embedding that it reads is the encoder's."""
        conditioning = Conditioning(self.width, self.embed_width, jnp.dtype(dtype))
        embedded = conditioning.apply({"params": params["encoder"]}, gamma)
        decoder = self._decoder(dtype)
        noise: Any = decoder.apply({"params": params["decoder"]}, features, embedded)
        return noise


def build(config: Any) -> Palette:
    """The model of a config's ``model`` section: every key but ``name``, ``schedule`` nested."""
    settings: dict[str, Any] = {name: value for name, value in config.items() if name != "name"}
    if "schedule" in settings:
        settings["schedule"] = NoiseSchedule(**settings["schedule"])
    return Palette(**settings)
