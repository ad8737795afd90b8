"""Retain label: teach the model to paint for a picture to forget what belongs to another one."""

from typing import Any

import jax
from jaxtyping import Array

from cu_jax.corruptions import Key
from cu_jax.losses import weighted_mean
from cu_jax.methods.descent import descent
from cu_jax.methods.interface import Batch, Method, Scalars
from cu_jax.methods.objectives import inputs_of, output_distance
from cu_jax.methods.parts import all_but
from cu_jax.models import Model, Params


def retain_label(config: Any, model: Model, frozen: Params) -> Method:
    r"""Moves the outputs for pictures to forget to the original's outputs for retain pictures.

    .. math:: \min_\theta \mathrm{MSE}(h_\theta(T(x_r)), h_{\theta_0}(T(x_r)))
        + \alpha\, \mathrm{MSE}(h_\theta(T'(x_f)), h_{\theta_0}(T'(x_r)))

    Args:
        config: ``optimizer``, ``clip``, ``ema_decay``; with ``as_published`` the second term is
            taken at :math:`x_r` instead of :math:`x_f`.
        model: the model.
        frozen: what the losses read of the original model (``frozen_parts``).

    Returns:
        A method whose ``init`` takes the knobs ``steps`` and ``alpha``. All of the model moves but
        for ``model.fixed``.

    Note:
        Distances are taken on the removed part, as for every loss in output space. The earlier
        program has a sign wrong: its second term stands at the retain pictures, and those to forget
        get no loss at all. ``as_published`` is that program; it is off.

    References:
        A baseline in Li et al., *Machine Unlearning for Image-to-Image Generative Models*, ICLR
        2024, arXiv 2402.00351.
    """
    parts = all_but(model.fixed)

    def loss(
        params: Params, retain: Batch, forget: Batch, frozen: Params, key: Key, knobs: Any
    ) -> tuple[Array, Scalars]:
        teacher = model.merge(frozen["teacher"], frozen["rest"])
        whole = parts.merge(params, parts.split(teacher)[1])
        key_r, key_f, key_prepare = jax.random.split(key, 3)

        def distance(student: Batch, labels: Batch, key: Key) -> Array:
            """Of the student's outputs for one batch to the teacher's for another."""
            corruption = model.corrupt(key, labels["label"].shape[0], "training")
            outputs = []
            for tree, batch in ((whole, student), (teacher, labels)):
                inputs = inputs_of(model, batch, frozen, key_prepare)
                features = model.encode(model.split(tree)[0], inputs, corruption)
                outputs.append(model.decode(tree, features, corruption))
            out, target = outputs
            return weighted_mean(output_distance(model, out, target, corruption))

        retained = distance(retain, retain, key_r)
        forgotten = distance(retain if config.as_published else forget, retain, key_f)
        logged = {"retain_output_loss": retained, "forget_output_loss": forgotten}
        return retained + knobs["alpha"] * forgotten, logged

    return descent(config, parts, loss, frozen)
