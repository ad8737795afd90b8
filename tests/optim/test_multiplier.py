"""The pure rule: KKT conditions of the projection, and the control functions."""

import jax.numpy as jnp
import numpy as np
import pytest

from cu_jax.optim import boundary_psi, constraint_multiplier, pareto_psi

SCALES = (1e-10, 1e-5, 1.0, 1e5, 1e10)


def test_frozen_values():
    table = [  # ⟨g_r, g_f⟩, ‖g_f‖², ψ, λ
        (0.0, 1.0, 2.0, 2.0),
        (3.0, 2.0, 1.0, 0.0),
        (-3.0, 2.0, 1.0, 2.0),
        (-3.0, 2.0, -4.0, 0.0),
        (0.0, 0.0, 5.0, 0.0),
    ]
    for dot, sq_norm, psi, expected in table:
        assert float(constraint_multiplier(dot, sq_norm, psi)) == expected


@pytest.mark.parametrize("kind", ["random", "parallel", "orthogonal", "opposed", "zero"])
@pytest.mark.parametrize("objective_scale", SCALES)
@pytest.mark.parametrize("constraint_scale", SCALES)
def test_kkt_of_the_direction(kind, objective_scale, constraint_scale):
    rng = np.random.default_rng(0)
    g_r = rng.normal(size=50)
    g_f = {
        "random": rng.normal(size=50),
        "parallel": 2 * g_r,
        "orthogonal": np.concatenate([g_r[25:], -g_r[:25]]),
        "opposed": -0.5 * g_r,
        "zero": np.zeros(50),
    }[kind]
    g_r, g_f = g_r * objective_scale, g_f * constraint_scale
    for psi in (-1.0, 0.0, 1.0):
        psi *= constraint_scale * objective_scale
        arrays = [jnp.float32(x) for x in (g_r @ g_f, g_f @ g_f, psi)]
        multiplier = float(constraint_multiplier(*arrays))
        if kind == "zero":
            assert multiplier == 0
            continue
        assert multiplier >= 0
        slack = g_f @ (g_r + multiplier * g_f) - psi
        size = abs(psi) + np.linalg.norm(g_r) * np.linalg.norm(g_f) + multiplier * (g_f @ g_f)
        assert slack >= -1e-6 * size
        assert multiplier * abs(slack) <= 1e-6 * multiplier * size


def test_boundary_psi_is_alpha_times_norm_to_the_tau():
    assert float(boundary_psi(0.0, 0.0, 9.0, alpha=2.0, tau=3.0)) == pytest.approx(54.0, rel=1e-6)
    assert float(boundary_psi(0.0, 0.0, 0.0, tau=1.0)) == 0


def test_pareto_psi_is_signed():
    values = pareto_psi(jnp.array([3.0, 1.0, -1.0]), 1.0, 0.0, beta=0.5, delta=2.0)
    np.testing.assert_allclose(values, [2.0, 0.0, -2.0], rtol=1e-6)
