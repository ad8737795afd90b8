"""results.json: what a run found, as frozen records, a schema and files (never imports jax)."""

from cu_jax.results.files import read_results, write_results
from cu_jax.results.records import Boundaries, Results, Solution
from cu_jax.results.schema import RESULTS_SCHEMA, SCHEMA_VERSION, validate

__all__ = [
    "RESULTS_SCHEMA",
    "SCHEMA_VERSION",
    "Boundaries",
    "Results",
    "Solution",
    "read_results",
    "validate",
    "write_results",
]
