"""MAGE (Li et al., 2023): a masked transformer over the tokens of a frozen VQ-GAN.

The encoder reads the visible tokens, a class token and some mask tokens; the decoder says for every
hidden place which code stands there. Pictures are restored by iterative decoding.

References:
    Li et al., *MAGE: MAsked Generative Encoder to Unify Representation Learning and Image
    Synthesis*, CVPR 2023, arXiv 2211.09117.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32

from cu_jax import hole_corruptions, token_corruptions
from cu_jax.corruptions import Key, Keys
from cu_jax.models import maskgit
from cu_jax.models.blending import blend, soft_mask
from cu_jax.models.interface import Params
from cu_jax.models.mage_networks import Decoder, Encoder
from cu_jax.models.mage_settings import MageSettings
from cu_jax.models.patches import patchify, touched_patches
from cu_jax.models.vqgan import VqGan
from cu_jax.token_corruptions import TokenCorruption

_SMOOTHING = 0.1


class Mage(MageSettings):
    """MAGE with its tokenizer, a :class:`cu_jax.models.interface.Model`.

    Its settings are :class:`cu_jax.models.mage_settings.MageSettings`.

    Example:
        >>> import jax
        >>> vqgan = VqGan(image_size=16, channels=1, width=4, multipliers=(1, 1, 1), res_blocks=1,
        ...               groups=2, codes=8, code_width=4)
        >>> mage = Mage(vqgan, encoder_width=16, encoder_depth=1, encoder_heads=2, decoder_width=16,
        ...             decoder_depth=1, decoder_heads=2, vocabulary=10, class_token=8, fill=(0.5,))
        >>> encoder, rest = mage.split(jax.jit(mage.init)(jax.random.key(0)))
        >>> images = jax.numpy.zeros((2, 16, 16, 1))
        >>> tokens = jax.jit(mage.prepare)(rest, images, jax.random.key(1))
        >>> corruption = mage.corrupt(jax.random.key(2), batch_size=2)
        >>> (features,) = jax.jit(mage.encode)(encoder, tokens, corruption)
        >>> tokens.shape, corruption.keep.shape, features.shape
        ((2, 16), (2, 8), (2, 9, 16))
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""
        return self.tokenizer.image_shape

    @property
    def patch_size(self) -> int:
        """Side in pixels of a token."""
        return self.tokenizer.patch_size

    @property
    def pixel_range(self) -> tuple[np.ndarray, np.ndarray]:
        """0 and 1 for each channel."""
        return self.tokenizer.pixel_range

    @property
    def fixed(self) -> tuple[str, ...]:
        """Pretraining leaves the tokenizer as it is."""
        return ("tokenizer",)

    @property
    def one_pass(self) -> bool:
        """Its encoder consists of matrix products; the tokenizer has no gradient."""
        return True

    @property
    def _encoder(self) -> Encoder:
        return Encoder(
            self.vocabulary, self.class_token, self.encoder_width, self.encoder_depth,
            self.encoder_heads, self.mlp_ratio, jnp.dtype(self.dtype),
        )  # fmt: skip

    @property
    def _decoder(self) -> Decoder:
        return Decoder(
            self.vocabulary, self.tokenizer.codes, self.decoder_width, self.decoder_depth,
            self.decoder_heads, self.mlp_ratio, jnp.dtype(self.dtype),
        )  # fmt: skip

    def init(self, key: Key) -> Params:
        """Fresh parameters ``{"encoder": …, "decoder": …, "tokenizer": …}``, float32."""
        key_encoder, key_decoder, key_tokenizer = jax.random.split(key, 3)
        blank = token_corruptions.undropped(jnp.zeros((1, self.tokenizer.tokens)))
        tokens = jnp.zeros((1, self.tokenizer.tokens), jnp.int32)
        encoder = self._encoder.init(key_encoder, tokens, blank.keep, blank.masked)["params"]
        features = jnp.zeros((1, 1 + self.tokenizer.tokens, self.encoder_width))
        words = encoder["token_emb"]["word_embeddings"]
        decoder: Any = self._decoder.init(
            key_decoder, features, blank.restore, blank.masked, words if self.tie_head else None
        )["params"]
        if not self.tie_head:
            decoder["mlm_layer"]["word_embeddings"] = jnp.copy(words)
        tokenizer = self.tokenizer.init(key_tokenizer)
        return {"encoder": encoder, "decoder": decoder, "tokenizer": tokenizer}

    def split(self, params: Params) -> tuple[Params, Params]:
        """``(encoder, {"decoder": …, "tokenizer": …})``."""
        return params["encoder"], {name: params[name] for name in ("decoder", "tokenizer")}

    def merge(self, encoder: Params, rest: Params) -> Params:
        """The whole tree again."""
        return {"encoder": encoder, **rest}

    def prepare(
        self, rest: Params, images: Float[Array, "b h w c"], key: Key
    ) -> Int32[Array, "b n"]:
        """The pictures' tokens, through which no gradient flows."""
        del key
        return self.tokenizer.encode(jax.lax.stop_gradient(rest["tokenizer"]), images)

    def corrupt(self, key: Key, batch_size: int, kind: str = "training") -> TokenCorruption:
        """Random tokens of each picture at one rate; ``kind`` is ``training``."""
        if kind != "training":
            raise ValueError(f"MAGE's corruption kind must be 'training', got {kind!r}.")
        tokens = self.tokenizer.tokens
        return token_corruptions.random_tokens(
            key, batch_size, tokens, int(tokens * self.drop),
            self.mask_mean, self.mask_std, self.mask_min, self.mask_max,
        )  # fmt: skip

    def forget_view(
        self, inputs: Array, noise: Array, corruption: TokenCorruption
    ) -> tuple[Array, TokenCorruption]:
        """The noise pictures' tokens under the student's own corruption."""
        del inputs
        return noise, corruption

    def encode(
        self, encoder: Params, inputs: Int32[Array, "b n"], corruption: TokenCorruption
    ) -> tuple[Array, ...]:
        """One map ``[b, 1 + kept, width]``, after the final norm, class token included."""
        keep, masked = corruption.keep, corruption.masked
        features: Any = self._encoder.apply({"params": encoder}, inputs, keep, masked)
        return (features,)

    def decode(
        self, params: Params, features: Sequence[Array], corruption: TokenCorruption
    ) -> tuple[Array, ...]:
        """One array of the codes' logits, float32 ``[b, n, codes]``."""
        words = params["encoder"]["token_emb"]["word_embeddings"] if self.tie_head else None
        logits: Any = self._decoder.apply(
            {"params": params["decoder"]},
            features[0], corruption.restore, corruption.masked, words,
        )  # fmt: skip
        return (logits,)

    def output_target(
        self, params: Params, inputs: Int32[Array, "b n"], corruption: TokenCorruption
    ) -> tuple[Array, ...]:
        """Zeros, the logits of a model that has no idea: nothing is run for them."""
        del params, corruption
        return (jnp.zeros((*inputs.shape, self.tokenizer.codes)),)

    def output_mask(self, corruption: TokenCorruption) -> Array:
        """1 at masked tokens, ``[b, n, 1]``."""
        return corruption.masked[..., None]

    def pretrain_loss(
        self, params: Params, images: Float[Array, "b h w c"], key: Key
    ) -> Float[Array, ""]:
        """Cross-entropy of the masked tokens' codes under a random mask, labels smoothed by 0.1.

        Note:
            Tokens beside a hole are made of its flat color too. A model that never saw such tokens
            restores holes badly, small ones above all: hence the setting ``holes``.
        """
        return self.labeled_loss(params, images, images, key)

    def labeled_loss(
        self,
        params: Params,
        images: Float[Array, "b h w c"],
        labels: Float[Array, "b h w c"],
        key: Key,
    ) -> Float[Array, ""]:
        """The same with the masked tokens' codes taken from ``labels``.

        Note:
            The earlier program draws such codes from a normal distribution over code numbers, which
            have no order. Here they are those of the pictures given, of noise as for every model.
        """
        key_prepare, key_corrupt, key_holes = jax.random.split(key, 3)
        seen = self.prepare(params, images, key_prepare)
        tokens = seen if labels is images else self.prepare(params, labels, key_prepare)
        corruption = self.corrupt(key_corrupt, images.shape[0])
        if self.holes:
            hole = self._holes(key_holes, images.shape[0])
            seen = self.prepare(params, self._filled(images, hole), key_prepare)
            touched = patchify(hole, self.patch_size).max(-1)
            corruption = corruption._replace(masked=jnp.maximum(corruption.masked, touched))
        features = self.encode(params["encoder"], seen, corruption)
        (logits,) = self.decode(params, features, corruption)
        scores = jax.nn.log_softmax(logits)
        right = jnp.take_along_axis(scores, tokens[..., None], axis=-1)[..., 0]
        loss = -(1 - _SMOOTHING) * right - _SMOOTHING * scores.mean(-1)
        return (loss * corruption.masked).sum() / corruption.masked.sum()

    def restore(
        self, params: Params, images: Float[Array, "b h w c"], mask: np.ndarray, keys: Keys
    ) -> Float[Array, "b h w c"]:
        """Samples every token at or near the hole and lays the result softly over the picture.

        Raises:
            ValueError: the mask touches no token, or leaves none with the margin around it.
        """
        hidden = touched_patches(mask, self.patch_size, self.margin).reshape(-1)
        filled = self._filled(images, jnp.asarray(mask))
        tokens = self.tokenizer.encode(params["tokenizer"], filled)

        def logits(tokens: Array, masked: Array) -> Array:
            corruption = token_corruptions.undropped(masked)
            features = self.encode(params["encoder"], tokens, corruption)
            return self.decode(params, features, corruption)[0] / self.token_temperature

        tokens = maskgit.sample(logits, tokens, hidden, keys, self.steps, self.temperature)
        painted = self.tokenizer.decode(params["tokenizer"], tokens)
        return blend(filled, painted, soft_mask(mask, self.blend_grow, self.blend_blur))

    def _filled(self, images: Array, hole: Array) -> Array:
        """Pictures with a flat color where they are removed."""
        return jnp.where(hole > 0, jnp.asarray(self.fill, jnp.float32), images)

    def _holes(self, key: Key, batch: int) -> Array:
        """A box in some of the pictures, ``[b, h, w, 1]``, 1 = removed."""
        key_box, key_which = jax.random.split(key)
        boxes = hole_corruptions.boxes(key_box, batch, self.tokenizer.image_size)
        return boxes * jax.random.bernoulli(key_which, self.holes, (batch, 1, 1, 1))


def build(config: Any) -> Mage:
    """The model of a config's ``model`` section: every key but ``name``, ``tokenizer`` nested."""
    settings: dict[str, Any] = {name: value for name, value in config.items() if name != "name"}
    settings["tokenizer"] = VqGan(**settings["tokenizer"])
    return Mage(**settings)
