"""Two fronts that bend the wrong way for a weighted sum: solved by ε, and drawn.

    python tests/benchmarks/nonconvex_fronts.py docs/images/nonconvex_fronts.png

Fonseca-Fleming: f = 1 - exp(-‖x ∓ 1/√n‖²), Pareto set x = t/√n, t in [-1, 1]. ZDT2: the front is
f₂ = 1 - f₁²; its box [0, 1]ⁿ is reached by x = sin² z. Each is minimized in its first function
subject to a bound on its second, for eleven bounds, and as a weighted sum for a hundred weights.
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cu_jax.optim import epsilon_constraint

SIZE, STEPS, BOUNDS, WEIGHTS = 3, 4000, 11, 100


class Problem(NamedTuple):
    """Two functions of the variables, the front as a curve, and where to start."""

    functions: Callable[[jax.Array], jax.Array]  # [n] -> [2]
    front: Callable[[np.ndarray], np.ndarray]  # t [k] -> [k, 2]
    parameters: np.ndarray  # of the bounds' points on the front, [11]
    start: jax.Array
    rate: float
    beta: float


def fonseca_fleming(x):
    centers = jnp.array([[1.0], [-1.0]]) / SIZE**0.5
    return 1 - jnp.exp(-jnp.sum((x - centers) ** 2, axis=1))


def zdt2(z):
    x = jnp.sin(z) ** 2
    g = 1 + 9 * jnp.mean(x[1:])
    return jnp.stack([x[0], g * (1 - (x[0] / g) ** 2)])


PROBLEMS = {
    "Fonseca-Fleming": Problem(
        fonseca_fleming,
        lambda t: 1 - np.exp(-((t[:, None] + np.array([-1.0, 1.0])) ** 2)),
        np.linspace(-1, 1, BOUNDS),
        jnp.array([0.3, -0.2, -0.1]),
        rate=0.1,
        beta=2.0,
    ),
    "ZDT2": Problem(
        zdt2,
        lambda t: np.stack([t, 1 - t**2], axis=1),
        np.sqrt(np.linspace(0, 1, BOUNDS)),
        jnp.array([0.8, 0.2, 0.3]),
        rate=0.02,
        beta=5.0,
    ),
}


def by_epsilon(problem):
    """Points [11, n] for the eleven bounds, by plain gradient descent on the direction."""
    jacobian = jax.jacrev(problem.functions)

    def solve(epsilon):
        tx = optax.chain(epsilon_constraint(epsilon, beta=problem.beta), optax.sgd(problem.rate))

        def step(carry, _):
            x, state = carry
            objective_grad, constraint_grad = jacobian(x)
            updates, state = tx.update(
                objective_grad,
                state,
                constraint_grad=constraint_grad,
                constraint_value=problem.functions(x)[1],
            )
            return (optax.apply_updates(x, updates), state), None

        return jax.lax.scan(step, (problem.start, tx.init(problem.start)), length=STEPS)[0][0]

    bounds = problem.front(problem.parameters)[:, 1]
    return jax.jit(jax.vmap(solve))(jnp.float32(bounds))


def by_weights(problem):
    """Points [100, n] of the weighted sums, from the same start by as many steps."""

    def solve(weight):
        weights = jnp.stack([weight, 1 - weight])
        grad = jax.grad(lambda x: weights @ problem.functions(x))
        return jax.lax.fori_loop(0, STEPS, lambda _, x: x - problem.rate * grad(x), problem.start)

    return jax.jit(jax.vmap(solve))(jnp.linspace(0.01, 0.99, WEIGHTS))


def values(problem, points):
    """Both functions at each point, [k, 2]."""
    return np.asarray(jax.vmap(problem.functions)(points))


def draw(path):
    """Writes one figure with both fronts."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for axis, (name, problem) in zip(axes, PROBLEMS.items(), strict=True):
        ends = problem.parameters[[0, -1]]
        axis.plot(*problem.front(np.linspace(*ends, 300)).T, color="0.75", lw=4, label="front")
        ours, sums = (values(problem, f(problem)) for f in (by_epsilon, by_weights))
        for bound in problem.front(problem.parameters)[:, 1]:
            axis.axhline(bound, color="C0", lw=0.5, alpha=0.4)
        axis.plot(*sums.T, "x", color="C3", ms=9, label=f"weighted sum, {WEIGHTS} weights")
        axis.plot(*ours.T, "o", color="C0", ms=5, label=f"ε-constraint, {BOUNDS} bounds (lines)")
        axis.set(title=name, xlabel="objective f₁", ylabel="constraint f₂")
    axes[0].legend(loc="lower left")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(sys.argv[1])
