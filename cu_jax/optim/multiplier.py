r"""The pure rule behind the transform: control functions and the multiplier in closed form.

With gradients :math:`g_r` of the objective and :math:`g_f` of the constraint, the direction is the
vector nearest to :math:`g_r` along which the constraint falls at a rate of at least ψ:

.. math::
    d = \arg\min_v \tfrac12 \|g_r - v\|^2 \;\text{s.t.}\; \langle g_f, v\rangle \ge \psi
    \quad\Rightarrow\quad d = g_r + \lambda g_f .

References:
    Gong, Liu and Liu, *Bi-objective Trade-off with Dynamic Barrier Gradient Descent*, NeurIPS 2021.
    Feng et al., *Controllable Unlearning for Image-to-Image Generative Models via ε-Constrained
    Optimization*, ICLR 2025, arXiv:2408.01689.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

ControlFunction = Callable[[ArrayLike, ArrayLike, ArrayLike], Array]
"""``psi(value, epsilon, grad_sq_norm)``: the rate at which the constraint is asked to fall."""


def constraint_multiplier(
    objective_constraint_dot: ArrayLike, constraint_sq_norm: ArrayLike, psi: ArrayLike
) -> Float[Array, "..."]:
    r"""Multiplier of one constraint, the exact solution of the projection's dual.

    .. math::
        \lambda = \max\Big(\frac{\psi - \langle g_r, g_f\rangle}{\|g_f\|^2},\, 0\Big),
        \qquad \lambda = 0 \text{ where } \|g_f\| = 0 .

    It satisfies :math:`\lambda \ge 0`, :math:`\langle g_f, d\rangle \ge \psi` and
    :math:`\lambda(\langle g_f, d\rangle - \psi) = 0` for :math:`d = g_r + \lambda g_f`.

    Args:
        objective_constraint_dot: ⟨g_r, g_f⟩, any shape.
        constraint_sq_norm: ‖g_f‖² ≥ 0, same shape.
        psi: value of the control function, same shape.

    Returns:
        λ ≥ 0, same shape.

    Note:
        A zero gradient is guarded by ``where``. A constant added to the denominator would bias λ
        whenever the gradient is small.

    Example:
        >>> float(constraint_multiplier(-2.0, 4.0, 1.0))
        0.75
        >>> float(constraint_multiplier(0.0, 0.0, 1.0))
        0.0
    """
    positive = jnp.asarray(constraint_sq_norm) > 0
    denominator = jnp.where(positive, constraint_sq_norm, 1)
    multiplier = (jnp.asarray(psi) - objective_constraint_dot) / denominator
    return jnp.where(positive, jnp.maximum(multiplier, 0), 0)


def boundary_psi(
    value: ArrayLike,
    epsilon: ArrayLike,
    grad_sq_norm: ArrayLike,
    *,
    alpha: ArrayLike = 5.0,
    tau: ArrayLike = 2.0,
) -> Float[Array, "..."]:
    r"""Control function of Phase I, *boundary*: minimize the constraint first.

    .. math:: \psi = \alpha \|g_f\|^\tau

    Args:
        value: f_f, the constraint's value; unused.
        epsilon: ε; unused.
        grad_sq_norm: ‖g_f‖² ≥ 0.
        alpha: weight > 0.
        tau: exponent ≥ 1; 2 gives ‖g_f‖ = O(t^{-1/2}) in continuous time, 1 gives no rate.

    Returns:
        ψ ≥ 0, shape of ``grad_sq_norm``.

    Note:
        The paper states α = 5; τ = 2 is our choice.

    Example:
        >>> float(boundary_psi(1.0, 0.5, 4.0))
        20.0
    """
    del value, epsilon
    return jnp.asarray(alpha) * jnp.asarray(grad_sq_norm) ** (jnp.asarray(tau) / 2)


def pareto_psi(
    value: ArrayLike,
    epsilon: ArrayLike,
    grad_sq_norm: ArrayLike,
    *,
    beta: ArrayLike = 5.0,
    delta: ArrayLike = 1.0,
) -> Float[Array, "..."]:
    r"""Control function of Phase II, *Pareto*: move to f_f = ε while the objective falls.

    .. math:: \psi = \beta\, \mathrm{sign}(f_f - \varepsilon)\, |f_f - \varepsilon|^\delta

    It is signed: below ε it is negative, so the constraint may rise toward ε.

    Args:
        value: f_f, the constraint's value.
        epsilon: ε, the bound on it.
        grad_sq_norm: ‖g_f‖²; unused.
        beta: weight > 0; a step of size μ wants μβ ≤ 1.
        delta: exponent > 0; 1 gives an excess that decays as e^{-βt} in continuous time.

    Returns:
        ψ, shape of ``value``.

    Note:
        The paper states β = 5; δ = 1 is our choice.

    Example:
        >>> float(pareto_psi(1.5, 1.0, 4.0)), float(pareto_psi(0.5, 1.0, 4.0))
        (2.5, -2.5)
    """
    del grad_sq_norm
    excess = jnp.asarray(value) - epsilon
    return jnp.asarray(beta) * jnp.sign(excess) * jnp.abs(excess) ** delta
