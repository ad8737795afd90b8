"""Max loss: up with the model's own loss on what it must forget."""

from typing import Any

from cu_jax.methods.interface import Method
from cu_jax.methods.own_loss import own_loss_descent
from cu_jax.models import Model, Params


def max_loss(config: Any, model: Model, frozen: Params) -> Method:
    r"""Keeps the model's own loss low on retain pictures and drives it up on those to forget.

    .. math:: \min_\theta L(\theta; D_r) - \alpha L(\theta; D_f)

    Args:
        config: ``optimizer``, ``clip`` and ``ema_decay``.
        model: the model, with L its ``pretrain_loss``.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``alpha``. All of the model moves but
        for ``model.fixed``.

    Note:
        The loss has no lower bound: with a large α or many steps it ruins the model, as published.

    References:
        A baseline in Li et al., *Machine Unlearning for Image-to-Image Generative Models*, ICLR
        2024, arXiv 2402.00351.
    """
    return own_loss_descent(config, model, frozen, model.pretrain_loss, sign=-1.0)
