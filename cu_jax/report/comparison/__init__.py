"""Tables, figures and the page of a comparison of methods over seeds, from its files; never jax."""

from cu_jax.report.comparison.workdir import COMPARISON_PAGE, comparison_closing, write_comparison

__all__ = ["COMPARISON_PAGE", "comparison_closing", "write_comparison"]
