"""What a run tells while it works: numbers to files, progress to the terminal (no jax in here)."""

from cu_jax.logs.metric_log import MetricLog
from cu_jax.logs.progress import Progress, duration

__all__ = ["MetricLog", "Progress", "duration"]
