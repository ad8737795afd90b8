"""How to estimate the multiplier from minibatches: a table on noisy quadratics.

    python tests/benchmarks/multiplier_noise.py [--seeds 20]

f_r = ½(x-a)ᵀH(x-a), f_f = ½xᵀKx in 50 dimensions, condition number 10, spectra opposed. Each half
of a batch sees f + ξᵀ(x - x_min) with fresh Gaussian ξ, so that the noise of a batch's gradient has
the variance ‖g‖² and its value is noisy accordingly. Adam, 2e-2 with cosine decay, 1,000 steps,
from the minimum of f_r (`original`) and from nearly that of f_f (`complete`); ε at 10, 25 and 50 %
of the range. Errors of control are shares of the range f_f(original) - 0; `front` is f_r over the
exact front's f_r at the same f_f, `composite` f_r over that of f_r + α f_f with ten α (log f_r
interpolated over f_f) after as many steps from the same start.
"""

import argparse
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cu_jax.optim import constraint_multiplier, epsilon_constraint, pareto_psi

SIZE, STEPS, SHARES, BETAS = 50, 1000, (0.1, 0.25, 0.5), (0.1, 1.0, 5.0)
H = np.geomspace(0.1, 1, SIZE)
K = H[::-1].copy()
A = np.random.default_rng(0).normal(size=SIZE)
A *= 2 / np.linalg.norm(A)


def f_r(x):
    return 0.5 * np.sum(H * (x - A) ** 2, axis=-1)


def f_f(x):
    return 0.5 * np.sum(K * x**2, axis=-1)


RANGE = f_f(A)
EPSILONS = np.array(SHARES) * RANGE
STARTS = {"original": A, "complete": H * A / (H + 1e3 * K)}


@functools.cache
def exact_front():
    """f_f and the least f_r at it, on a fine grid of multipliers."""
    points = np.stack([H * A / (H + m * K) for m in np.geomspace(1e-4, 1e4, 4000)])
    return f_f(points)[::-1], f_r(points)[::-1]


def batches(x, key):
    """Two halves of a batch for each function: ((f, g), (f, g))."""
    sides = ((jnp.float32(H), jnp.float32(A)), (jnp.float32(K), jnp.zeros(SIZE)))
    result = []
    for (weights, minimum), side_key in zip(sides, jax.random.split(key), strict=True):
        grad = weights * (x - minimum)
        value = 0.5 * jnp.sum(weights * (x - minimum) ** 2)
        noise = jax.random.normal(side_key, (2, SIZE)) * jnp.linalg.norm(grad) * (2 / SIZE) ** 0.5
        result.append([(value + n @ (x - minimum), grad + n) for n in noise])
    return result


def halves_rule(epsilon, *, beta, decay):
    """λ from ⟨half, half⟩ instead of ‖g_f‖², and scalar running means of all products."""

    def update(g_r, state, halves, value):
        g_f = (halves[0] + halves[1]) / 2
        new = jnp.stack([g_r @ g_f, halves[0] @ halves[1], value])
        steps, mean = state[0] + 1, decay * state[1] + (1 - decay) * new
        dot, sq_norm, seen = mean / (1 - decay**steps)
        sq_norm = jnp.maximum(sq_norm, 0.1 * g_f @ g_f)  # the estimate may come out negative
        psi = pareto_psi(seen, epsilon, sq_norm, beta=beta)
        return g_r + constraint_multiplier(dot, sq_norm, psi) * g_f, (steps, mean)

    return (jnp.zeros(()), jnp.zeros(3)), update


def our_rule(epsilon, **kwargs):
    tx = epsilon_constraint(epsilon, **kwargs)

    def update(g_r, state, halves, value):
        g_f = (halves[0] + halves[1]) / 2
        return tx.update(g_r, state, constraint_grad=g_f, constraint_value=value)

    return tx.init(jnp.zeros(SIZE)), update


def weighted(alpha):
    return (), lambda g_r, state, halves, value: (g_r + alpha * (halves[0] + halves[1]) / 2, state)


RULES = {  # name: (rule, arguments, gradient trees kept)
    "plain rule": (our_rule, {}, 0),
    "running mean of the value, 0.9": (our_rule, dict(value_decay=0.9), 0),
    "running means of all, 0.9": (our_rule, dict(gradient_decay=0.9, value_decay=0.9), 2),
    "two halves, scalar means 0.9": (halves_rule, dict(decay=0.9), 0),
    "two halves, scalar means 0.98": (halves_rule, dict(decay=0.98), 0),
    "integral term 0.003": (our_rule, dict(integral_gain=0.003), 0),
    "integral term 0.01": (our_rule, dict(integral_gain=0.01), 0),
    "integral term 0.03": (our_rule, dict(integral_gain=0.03), 0),
    "integral 0.01, running means 0.9": (
        our_rule,
        dict(integral_gain=0.01, gradient_decay=0.9, value_decay=0.9),
        2,
    ),
}


def train(rule, start, seed):
    """The point after all steps."""
    base = optax.adam(optax.cosine_decay_schedule(2e-2, STEPS))
    first, update = rule

    def step(carry, index):
        x, state, base_state = carry
        (r0, r1), (f0, f1) = batches(x, jax.random.fold_in(jax.random.key(seed), index))
        halves, value = (f0[1], f1[1]), (f0[0] + f1[0]) / 2
        direction, state = update((r0[1] + r1[1]) / 2, state, halves, value)
        updates, base_state = base.update(direction, base_state, x)
        return (optax.apply_updates(x, updates), state, base_state), None

    return jax.lax.scan(step, (start, first, base.init(start)), jnp.arange(STEPS))[0][0]


def composite_front(start, seeds):
    """f_f and f_r of ten weights, means over the seeds, f_f ascending."""
    run = jax.vmap(lambda s, a: train(weighted(a), start, s), (0, None))
    points = jax.jit(jax.vmap(run, (None, 0)))(seeds, jnp.geomspace(30, 0.03, 10))
    points = np.asarray(points, np.float64)
    return f_f(points).mean(axis=1), f_r(points).mean(axis=1)


def row(name, start, seeds, front):
    """Lines of the table for one rule and start, one a β."""
    rule, kwargs, trees = RULES[name]

    def run(beta, epsilon, seed):
        return train(rule(epsilon, beta=beta, **kwargs), start, seed)

    over_all = jax.vmap(jax.vmap(jax.vmap(run, (None, None, 0)), (None, 0, None)), (0, None, None))
    points = jax.jit(over_all)(jnp.array(BETAS), jnp.float32(EPSILONS), seeds)
    points = np.asarray(points, np.float64)
    value, cost = f_f(points), f_r(points)
    error = 100 * np.abs(value - EPSILONS[:, None]).mean(axis=2) / RANGE
    to_exact = (cost / np.interp(value, *exact_front())).mean(axis=2)
    to_composite = (cost / np.exp(np.interp(value, front[0], np.log(front[1])))).mean(axis=2)
    for i, beta in enumerate(BETAS):
        numbers = [" / ".join(f"{x:.2f}" for x in column[i]) for column in (error, to_exact)]
        numbers.append(" / ".join(f"{x:.2f}" for x in to_composite[i]))
        yield f"| {name} | {beta:g} | {trees} | " + " | ".join(numbers) + " |"


def main():
    """Prints one table for each start."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    seeds = jnp.arange(parser.parse_args().seeds)
    for name, start in STARTS.items():
        start = jnp.float32(start)
        front = composite_front(start, seeds)
        print(f"\nStart: {name}; {len(seeds)} seeds\n")
        print("| estimator | β | trees kept | control error, % | f_r over front | over composite |")
        print("|---|---:|---:|---:|---:|---:|")
        for rule in RULES:
            for line in row(rule, start, seeds, front):
                print(line, flush=True)


if __name__ == "__main__":
    main()
