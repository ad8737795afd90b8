"""What runs found: results.json, comparison.json … as records, schemas, files (never jax)."""

from cu_jax.results.ablation import (
    ABLATION_NAME,
    COSTS,
    ENTRIES,
    RUNS,
    Ablation,
    AblationRun,
    UpdateCost,
    read_ablation,
    write_ablation_record,
)
from cu_jax.results.audits import AUDITS_NAME, RETRAIN, Audit, Audits, read_audits, write_audits
from cu_jax.results.comparison import (
    COMPARISON_NAME,
    SEARCHED,
    Comparison,
    Probe,
    Search,
    read_comparison,
    write_comparison_record,
)
from cu_jax.results.files import read_results, write_results
from cu_jax.results.records import Boundaries, Results, Solution
from cu_jax.results.schema import RESULTS_SCHEMA, SCHEMA_VERSION, validate

__all__ = [
    "AUDITS_NAME",
    "ABLATION_NAME",
    "COMPARISON_NAME",
    "COSTS",
    "ENTRIES",
    "RESULTS_SCHEMA",
    "RETRAIN",
    "RUNS",
    "SCHEMA_VERSION",
    "SEARCHED",
    "Ablation",
    "AblationRun",
    "Audit",
    "Audits",
    "Boundaries",
    "Comparison",
    "Probe",
    "Results",
    "Search",
    "Solution",
    "UpdateCost",
    "read_ablation",
    "read_audits",
    "read_comparison",
    "read_results",
    "validate",
    "write_ablation_record",
    "write_audits",
    "write_comparison_record",
    "write_results",
]
