"""How to estimate the multiplier from minibatches: the same table on the digits MAE.

    python tests/benchmarks/multiplier_mae.py --run runs/mae_mnist [--seeds 0 1 2] [--steps 700]

The model, data and losses of configs/mae_mnist.py, --run the workdir of its finished run; every
solution is one stage, AdamW as in the config, batches of 32 of each set, from the original model
unless said otherwise. ε at controls 0.25, 0.5 and 0.75 of the range that the run found, β 1 unless
said otherwise; errors are shares of ε_original - ε_min;
`composite` is f_r over that of f_r + α f_f with ten α (log f_r interpolated over f_f) after as many
steps. Losses are those of the whole training sets. Half a minute a solution on two cores; finished
ones are kept in --results, so that it continues where it was stopped, and processes with other
seeds can share it.
"""

import argparse
import functools
import json
import math
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cu_jax import convert
from cu_jax.data import open_data, pixel_statistics
from cu_jax.evaluation import FullSetLosses
from cu_jax.losses import weighted_mean
from cu_jax.methods import frozen_parts, unlearning_objectives
from cu_jax.methods.optimizer import base_optimizer
from cu_jax.models import MODELS
from cu_jax.optim import constraint_multiplier, epsilon_constraint, pareto_psi
from cu_jax.optim.inner_products import tree_dot
from cu_jax.pretraining import original_model
from cu_jax.results import read_results
from cu_jax.stages import loss_config

ROOT = Path(__file__).parents[2]
CONTROLS, ALPHAS = (0.25, 0.5, 0.75), np.geomspace(0.6, 0.015, 10)


def our_rule(epsilon, **kwargs):
    tx = epsilon_constraint(epsilon, **kwargs)

    def update(g_r, state, halves, value):
        g_f = jax.tree.map(lambda a, b: (a + b) / 2, *halves)
        return tx.update(g_r, state, constraint_grad=g_f, constraint_value=value)

    return tx.init, update


def halves_rule(epsilon, *, beta, decay):
    """λ from ⟨half, half⟩ instead of ‖g_f‖², and scalar running means of all products."""

    def update(g_r, state, halves, value):
        g_f = jax.tree.map(lambda a, b: (a + b) / 2, *halves)
        new = jnp.stack([tree_dot(g_r, g_f), tree_dot(*halves), value])
        steps, mean = state[0] + 1, decay * state[1] + (1 - decay) * new
        dot, sq_norm, seen = mean / (1 - decay**steps)
        sq_norm = jnp.maximum(sq_norm, 0.1 * tree_dot(g_f, g_f))
        psi = pareto_psi(seen, epsilon, sq_norm, beta=beta)
        multiplier = constraint_multiplier(dot, sq_norm, psi)
        return jax.tree.map(lambda r, f: r + multiplier * f, g_r, g_f), (steps, mean)

    return lambda params: (jnp.zeros(()), jnp.zeros(3)), update


def weighted(alpha):
    def update(g_r, state, halves, value):
        return jax.tree.map(lambda r, a, b: r + alpha * (a + b) / 2, g_r, *halves), state

    return lambda params: (), update


MEANS = dict(gradient_decay=0.9, value_decay=0.9)
ALL = (our_rule, dict(beta=1.0) | MEANS, 2)
RULES = {  # name: (rule, arguments, gradient trees kept), start
    "plain rule": ((our_rule, dict(beta=1.0), 0), "original"),
    "running mean of the value, 0.9": (
        (our_rule, dict(beta=1.0, value_decay=0.9), 0),
        "original",
    ),
    "running means of all, 0.9": (ALL, "original"),
    "running means of all, 0.9, β 0.3": ((our_rule, dict(beta=0.3) | MEANS, 2), "original"),
    "running means of all, 0.9, β 5": ((our_rule, dict(beta=5.0) | MEANS, 2), "original"),
    "two halves, scalar means 0.98": ((halves_rule, dict(beta=1.0, decay=0.98), 0), "original"),
    "integral term 0.003": ((our_rule, dict(beta=1.0, integral_gain=0.003), 0), "original"),
    "running means of all, 0.9, from utility": (ALL, "utility"),
    "running means of all, 0.9, from complete": (ALL, "complete"),
}


class Study:
    """The data and the compiled programs."""

    def __init__(self, run, steps, results):
        self.results = results
        config = runpy.run_path(str(ROOT / "configs" / "mae_mnist.py"))["get_config"]()
        self.model = MODELS["mae"](config.model)
        data = open_data(config.data, (28, 28, 1))
        self.teacher, _ = original_model(config, self.model, None, {})
        statistics = pixel_statistics(data.source("forget", "train"))
        loss = loss_config(config, *(values.tolist() for values in statistics))
        self.frozen = frozen_parts(loss, self.model, self.teacher)
        self.starts = {}
        for name in ("original", "utility", "complete"):
            params = convert.load_weights(
                run / "solutions" / name / "params.safetensors", self.teacher
            )
            self.starts[name], _ = self.model.split(params)
        self.losses = unlearning_objectives(loss, self.model)
        self.images = {}
        for name in ("retain", "forget"):
            source = data.source(name, "train")
            self.images[name] = jnp.asarray(source.gather(np.arange(len(source)))["image"])
        self.compiled = {}
        self.size, self.steps = config.batch_size, steps
        self.base = base_optimizer(config.pareto.optimizer, steps)
        self.full = FullSetLosses(self.losses, self.model, self.frozen, data, 500, 0)

    def step(self, update, carry, index, key):
        """One update from freshly drawn batches; the constraint's in two halves."""
        params, rule_state, base_state = carry
        key_batch, key_loss = jax.random.split(jax.random.fold_in(key, index))

        def batch(name, draw):
            chosen = jax.random.randint(draw, (self.size,), 0, len(self.images[name]))
            return self.images[name][chosen]

        retain, forget = map(batch, ("retain", "forget"), jax.random.split(key_batch))

        def loss(name, images, salt):
            per_example = getattr(self.losses, name)
            now = jax.random.fold_in(key_loss, salt)
            return lambda p: weighted_mean(per_example(p, {"image": images}, self.frozen, now))

        half = self.size // 2
        _, g_r = jax.value_and_grad(loss("retain", retain, 0))(params)
        (v0, f0), (v1, f1) = (
            jax.value_and_grad(loss("forget", part, 1 + i))(params)
            for i, part in enumerate((forget[:half], forget[half:]))
        )
        direction, rule_state = update(g_r, rule_state, (f0, f1), (v0 + v1) / 2)
        updates, base_state = self.base.update(direction, base_state, params)
        return (optax.apply_updates(params, updates), rule_state, base_state), None

    def trained(self, rule):
        """A compiled ``(knob, seed, start) -> encoder``, kept for the next call of its rule."""
        if rule in self.compiled:
            return self.compiled[rule]

        def run(knob, seed, encoder):
            init, update = rule(knob)
            step = functools.partial(self.step, update, key=jax.random.key(seed))
            start = (encoder, init(encoder), self.base.init(encoder))
            return jax.lax.scan(step, start, jnp.arange(self.steps))[0][0]

        self.compiled[rule] = jax.jit(run)
        return self.compiled[rule]

    def __call__(self, name, rule, knob, seed, start="original"):
        """(f_r, f_f) of one run; those in the results file are not repeated."""
        asked = [name, round(float(knob), 6), seed, self.steps]
        for line in self.results.read_text().splitlines() if self.results.exists() else ():
            *known, f_r, f_f = json.loads(line)
            if known == asked:
                return f_r, f_f
        encoder = self.trained(rule)(jnp.float32(knob), seed, self.starts[start])
        found = self.full(self.model.merge(encoder, self.model.split(self.teacher)[1]))
        with self.results.open("a") as file:
            print(json.dumps([*asked, found.retain_loss, found.forget_loss]), file=file)
        return found.retain_loss, found.forget_loss


def main():
    """Prints the composite front and the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--results", type=Path, default=Path("multiplier_mae.jsonl"))
    args = parser.parse_args()
    found = read_results(args.run).boundaries  # rounded: the same ε for runs on other machines
    low, high, original = (
        round(x, 3) for x in (found.epsilon_min, found.epsilon_max, found.epsilon_original)
    )
    study = Study(args.run, args.steps, args.results)
    print("| composite α | f_f | f_r |\n|---:|---:|---:|")
    front = []
    for alpha in ALPHAS:
        f_r, f_f = np.mean([study("composite", weighted, alpha, s) for s in args.seeds], axis=0)
        front.append((f_f, math.log(f_r)))
        print(f"| {alpha:.3f} | {f_f:.3f} | {f_r:.5f} |", flush=True)
    front = np.array(front).T
    print(f"\n| estimator, {len(args.seeds)} seeds | trees | control error, % | over composite |")
    print("|---|---:|---:|---:|")
    for name, ((rule, kwargs, trees), start) in RULES.items():
        chosen, errors, ratios = functools.partial(rule, **kwargs), [], []
        for control in CONTROLS:
            epsilon = low + control * (high - low)
            runs = [study(name, chosen, epsilon, seed, start) for seed in args.seeds]
            f_r, f_f = np.array(runs).T
            errors.append(100 * np.abs(f_f - epsilon).mean() / (original - low))
            ratios.append((f_r / np.exp(np.interp(f_f, *front))).mean())
        columns = [" / ".join(f"{x:.2f}" for x in column) for column in (errors, ratios)]
        print(f"| {name} | {trees} | {columns[0]} | {columns[1]} |", flush=True)


if __name__ == "__main__":
    main()
