"""What the constraint costs: time and memory of a step against the composite loss, as ratios.

    python tests/benchmarks/step_cost.py [--rounds 7]

A masked autoencoder of 21 million trained parameters, AdamW, the same two batches. The composite
step takes one backward pass of f_r + α f_f; ours takes both gradients, the multiplier and the
update in one jitted call. Below it the transform alone against one `optax.adamw` update. Variants
are timed in turn, so that a busy machine slows all of them; ratios are of the medians.
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from cu_jax.losses import weighted_mean
from cu_jax.methods import frozen_parts, unlearning_objectives
from cu_jax.models import MODELS
from cu_jax.optim import constrained, epsilon_constraint, value_and_grads

BATCH, MEBI = 32, 2**20
MODEL = ConfigDict(
    dict(name="mae", image_size=32, patch_size=4, channels=3, mask_ratio=0.75, mlp_ratio=4.0)
    | dict(encoder_width=384, encoder_depth=12, encoder_heads=6)
    | dict(decoder_width=64, decoder_depth=1, decoder_heads=4, norm_pix_loss=False)
    | dict(mean=(0.5,) * 3, std=(0.25,) * 3, dtype="float32")
)
LOSS = ConfigDict(dict(space="encoder", noise_mean=(0.5,) * 3, noise_std=(0.25,) * 3))
VARIANTS = {
    "plain rule": {},
    "plain rule, clip": dict(clip=1.0),
    "integral term": dict(integral_gain=0.01),
    "running means": dict(gradient_decay=0.9, value_decay=0.9),
}


def timed(calls, rounds):
    """Median seconds of each call; ``calls``: name to (function, state), state donated."""
    seconds = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, (function, state) in calls.items():
            start = time.perf_counter()
            state = jax.block_until_ready(function(state))
            seconds[name].append(time.perf_counter() - start)
            calls[name] = (function, state)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def whole_steps():
    """Name to (compiled step, state) for the composite loss and ours, and the parameter count."""
    model = MODELS["mae"](MODEL)
    teacher = model.init(jax.random.key(0))
    frozen = frozen_parts(LOSS, model, teacher)
    losses = unlearning_objectives(LOSS, model)
    images = jax.random.bits(jax.random.key(1), (2, BATCH, 32, 32, 3), jnp.uint8)
    retain, forget = ({"image": x, "label": jnp.zeros(BATCH, jnp.int32)} for x in images)

    def mean(loss):
        return lambda p, batch, key: weighted_mean(loss(p, batch, frozen, key))

    objective, constraint = mean(losses.retain), mean(losses.forget)
    gradients = value_and_grads(objective, constraint)

    def composite(tx, state):
        params, opt_state, key = state
        key, now = jax.random.split(key)
        grad = jax.grad(lambda p: objective(p, retain, now) + 0.3 * constraint(p, forget, now))
        updates, opt_state = tx.update(grad(params), opt_state, params)
        return optax.apply_updates(params, updates), opt_state, key

    def ours(tx, state):
        params, opt_state, key = state
        key, now = jax.random.split(key)
        values, (g_r, g_f) = gradients(params, retain, forget, now)
        updates, opt_state = tx.update(
            g_r, opt_state, params, constraint_grad=g_f, constraint_value=values[1]
        )
        return optax.apply_updates(params, updates), opt_state, key

    def compiled(step, tx):
        params = jax.tree.map(jnp.copy, frozen["teacher"])
        state = (params, tx.init(params), jax.random.key(2))
        jitted = jax.jit(lambda s: step(tx, s), donate_argnums=0)
        return jitted.lower(state).compile(), state

    adamw = optax.adamw(1e-4, b2=0.95, weight_decay=0.0)
    clipped = optax.chain(optax.clip_by_global_norm(1.0), adamw)
    steps = {
        "composite": compiled(composite, adamw),
        "composite, clip": compiled(composite, clipped),
    }
    for name, kwargs in VARIANTS.items():
        steps[name] = compiled(ours, constrained(adamw, 0.5, **kwargs))
    return steps, sum(x.size for x in jax.tree.leaves(frozen["teacher"]))


def transforms_alone():
    """Name to (compiled update, state): adamw, and the transform, on gradients of 20 arrays."""
    shape = (20, 1024, 1024)
    grads = [list(g) for g in jax.random.normal(jax.random.key(0), (2, *shape)) * 1e-3]

    def compiled(tx, constrains):
        def update(state, g_r, g_f):
            given = dict(constraint_grad=g_f, constraint_value=1.0) if constrains else {}
            # The updates are an output too, as they are to whoever applies them.
            return tx.update(g_r, state[1], g_r, **given)

        jitted = jax.jit(update, donate_argnums=0)
        # As arguments: gradients that are constants would be multiplied at compile time.
        return lambda state: jitted(state, *grads)

    transforms = {"adamw": optax.adamw(1e-4)}
    for name, kwargs in VARIANTS.items():
        if "clip" not in name:
            transforms[name] = epsilon_constraint(0.5, **kwargs)
    return {
        name: (
            compiled(tx, name != "adamw"),
            (jax.tree.map(jnp.zeros_like, grads[0]), tx.init(grads[0])),
        )
        for name, tx in transforms.items()
    }


def main():
    """Prints both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    steps, size = whole_steps()
    memory = {name: s.memory_analysis() for name, (s, _) in steps.items()}
    total = {
        n: m.temp_size_in_bytes
        + m.argument_size_in_bytes
        + m.output_size_in_bytes
        - m.alias_size_in_bytes
        for n, m in memory.items()
    }
    seconds = timed(steps, rounds)
    tree = 4 * size
    print(f"{jax.devices()[0].device_kind}, {size / 1e6:.1f} million parameters, {BATCH} + {BATCH}")
    print("| step | s | ratio | memory (MiB) | gradient trees above composite |")
    print("|---|---:|---:|---:|---:|")
    for name, value in seconds.items():
        base = "composite, clip" if "clip" in name else "composite"
        print(
            f"| {name} | {value:.2f} | {value / seconds[base]:.2f} | {total[name] / MEBI:.0f} "
            f"| {(total[name] - total[base]) / tree:+.2f} |"
        )
    del steps
    alone = timed(transforms_alone(), 3 * rounds)
    print("\n| transform alone, 21 million | ms | ratio |\n|---|---:|---:|")
    for name, value in alone.items():
        print(f"| {name} | {1e3 * value:.0f} | {value / alone['adamw']:.2f} |")


if __name__ == "__main__":
    main()
