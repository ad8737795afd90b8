"""What varying one setting did: a table, a figure and all numbers, from ablation.json alone."""

from cu_jax.report.ablation.workdir import ablation_closing, write_ablation

__all__ = ["ablation_closing", "write_ablation"]
