"""What an experiment costs on this machine: its programs, timed and taken apart."""

from cu_jax.speed.bench import Bench, bench
from cu_jax.speed.step_cost import UPDATES, StepCost, step_costs
from cu_jax.speed.table import bench_text

__all__ = ["UPDATES", "Bench", "StepCost", "bench", "bench_text", "step_costs"]
