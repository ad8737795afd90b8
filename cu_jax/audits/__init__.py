"""Has a solution forgotten, or only hidden it? Relearning, probes, membership, distance."""

from cu_jax.audits.distance import Distance, distance
from cu_jax.audits.membership import Membership, membership, membership_gap
from cu_jax.audits.probe import ridge_probe
from cu_jax.audits.relearning import Relearning, relearn
from cu_jax.audits.run import audit_run

__all__ = [
    "Distance",
    "Membership",
    "Relearning",
    "audit_run",
    "distance",
    "membership",
    "membership_gap",
    "relearn",
    "ridge_probe",
]
