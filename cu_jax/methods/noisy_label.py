"""Noisy label: teach the model to paint noise where it must forget."""

from typing import Any

import jax
from jaxtyping import Array

from cu_jax.corruptions import Key
from cu_jax.methods.frozen import noise_pictures
from cu_jax.methods.interface import Method
from cu_jax.methods.own_loss import own_loss_descent
from cu_jax.models import Model, Params


def noisy_label(config: Any, model: Model, frozen: Params) -> Method:
    r"""Keeps the model's own loss low on retain pictures and teaches it to paint noise elsewhere.

    .. math:: \min_\theta L(\theta; D_r) + \alpha L(\theta; D_f \to n)

    Args:
        config: ``optimizer``, ``clip``, ``ema_decay``, ``noise_mean`` and ``noise_std``.
        model: the model, with L its ``pretrain_loss``, and with noise pictures n for labels its
            ``labeled_loss``.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``alpha``. All of the model moves but
        for ``model.fixed``.

    Note:
        The noise pictures are those of the forget loss, so that all methods forget toward the same
        noise. The earlier program's labels differ by model (code numbers drawn at random, pure
        noise in a diffusion model's hole).

    References:
        A baseline in Li et al., *Machine Unlearning for Image-to-Image Generative Models*, ICLR
        2024, arXiv 2402.00351.
    """

    def forget_loss(params: Params, images: Array, key: Key) -> Array:
        key_noise, key_loss = jax.random.split(key)
        labels = noise_pictures(config, model, key_noise, len(images))
        return model.labeled_loss(params, images, labels, key_loss)

    return own_loss_descent(config, model, frozen, forget_loss, sign=1.0)
