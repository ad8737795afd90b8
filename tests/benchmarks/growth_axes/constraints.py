"""Growth with the number of constraints: the transform's update alone. Prints a JSON list.

    python tests/benchmarks/growth_axes/constraints.py

The gradients are those of four million parameters in 16 arrays, and m more like them, that all
constraints ask something of. Programs of all m are timed in turn, so that a busy machine slows
all of them; the fastest round counts.
"""

import json
import time

import jax
import jax.numpy as jnp

from cu_jax.optim import epsilon_constraint

COUNTS = (1, 2, 4, 8, 16)
ARRAYS, SHAPE, ROUNDS = 16, (512, 512), 9


def program(count):
    """The compiled update, its arguments, and what compiling took."""
    keys = iter(jax.random.split(jax.random.key(0), (count + 1) * ARRAYS))
    trees = [
        [jax.random.normal(next(keys), SHAPE) for _ in range(ARRAYS)] for _ in range(count + 1)
    ]
    objective, constraints = trees[0], tuple(trees[1:])
    tx = epsilon_constraint(jnp.zeros(count), num_constraints=count)

    def update(state, objective, constraints, values):
        return tx.update(
            objective, state, objective, constraint_grad=constraints, constraint_value=values
        )

    state = tx.init(objective)
    arguments = (state, objective, constraints, jnp.full(count, 1e6))
    wall, began = time.perf_counter(), time.process_time()
    compiled = jax.jit(update).lower(*arguments).compile()
    found = {
        "x": count,
        "compile": time.process_time() - began,
        "compile_wall": time.perf_counter() - wall,
    }
    memory = compiled.memory_analysis()
    found["memory"] = (
        memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    )
    return compiled, arguments, found


def main():
    programs = [program(count) for count in COUNTS]
    for _ in range(ROUNDS):
        for run, arguments, found in programs:
            wall, began = time.perf_counter(), time.process_time()
            jax.block_until_ready(run(*arguments))
            now = {"seconds": time.process_time() - began, "wall": time.perf_counter() - wall}
            for name, value in now.items():
                found[name] = min(value, found.get(name, value))
    print(json.dumps([found for _, _, found in programs]))


if __name__ == "__main__":
    main()
