"""Random encoder: features of pictures to forget become noise that looks like features."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from cu_jax.corruptions import Key
from cu_jax.losses import feature_distance, weighted_mean
from cu_jax.methods.descent import descent
from cu_jax.methods.interface import Batch, Method, Scalars
from cu_jax.methods.objectives import inputs_of
from cu_jax.methods.parts import encoder_alone
from cu_jax.models import Model, Params


def random_encoder(config: Any, model: Model, frozen: Params) -> Method:
    r"""Moves features of pictures to forget to Gaussian noise of the teacher's mean and deviation.

    .. math:: \min_\theta \mathrm{MSE}(E_\theta(T(x_r)), E_{\theta_0}(T(x_r)))
        + \alpha\, \mathrm{MSE}(E_\theta(T'(x_f)), z), \quad z \sim N(\mu, \sigma^2)

    with μ and σ of each of the teacher's feature maps over the batch to forget.

    Args:
        config: ``optimizer``, ``clip``, ``ema_decay``; with ``as_published`` the second term is
            taken at :math:`x_r` instead of :math:`x_f`.
        model: the model.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``alpha``. The encoder moves.

    Note:
        The earlier program has a sign wrong, as for ``retain_label``: ``as_published``.

    References:
        A baseline in Li et al., *Machine Unlearning for Image-to-Image Generative Models*, ICLR
        2024, arXiv 2402.00351.
    """

    def loss(
        params: Params, retain: Batch, forget: Batch, frozen: Params, key: Key, knobs: Any
    ) -> tuple[Array, Scalars]:
        key_r, key_f, key_prepare, key_noise = jax.random.split(key, 4)

        def features(batch: Batch, key: Key) -> tuple[Any, Any]:
            """The student's and the teacher's feature maps."""
            corruption = model.corrupt(key, batch["label"].shape[0], "training")
            inputs = inputs_of(model, batch, frozen, key_prepare)
            return tuple(
                model.encode(tree, inputs, corruption) for tree in (params, frozen["teacher"])
            )  # type: ignore[return-value]

        retained = weighted_mean(feature_distance(*features(retain, key_r)))
        student, teacher = features(retain if config.as_published else forget, key_f)
        keys = jax.random.split(key_noise, len(teacher))
        target = [_alike(key, values) for key, values in zip(keys, teacher, strict=True)]
        forgotten = weighted_mean(feature_distance(student, target))
        logged = {"retain_feature_loss": retained, "forget_feature_loss": forgotten}
        return retained + knobs["alpha"] * forgotten, logged

    return descent(config, encoder_alone(model), loss, frozen)


def _alike(key: Key, values: Array) -> Array:
    """Noise of the shape, mean and deviation of an array."""
    values = values.astype(jnp.float32)
    return values.mean() + values.std() * jax.random.normal(key, values.shape)
