"""What a run found, in plain words, and what its last screen says."""

import math
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cu_jax.report.palette import looks, on_path, ordered
from cu_jax.report.table import cell, terminal_table
from cu_jax.results import Results, Solution

_CLASS = "class_consistency"


def summary(results: Results) -> str:
    """A run in plain words: the original, the range, the control, one trade-off, the baseline.

    Two more lines are there if they must be: which solutions' losses are not finite, and where
    updates were skipped.

    Args:
        results: A run's results.

    Returns:
        Lines (one whose numbers are missing is left out), without a newline at the end.

    Note:
        Class is the share of restored validation pictures that a classifier still reads as their
        class, of which nothing is said where there is no classifier; dB is the PSNR in the hole;
        the range is ε_original − ε_min. The composite loss is compared at the same f_f, log f_r
        interpolated over f_f.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> print(summary(Results(name="demo", config_hash="c0", boundaries=bounds)))
        Range: forget loss from 0.640 (complete) to 1.120 (utility); the original model has 1.680.
    """
    lines = [
        _original_line(results),
        _range_line(results),
        _control_line(results),
        _trade_line(results),
        _composite_line(results),
        _undefined_line(results),
        _skipped_line(results),
    ]
    return "\n".join(line for line in lines if line)


def closing(results: Results, workdir: str | os.PathLike[str], paths: Sequence[Path]) -> str:
    """The last screen of a run: the table, the summary and the paths of what was made.

    Args:
        results: The run's results.
        workdir: The run's folder.
        paths: What `write_report` made: the page and the figures.

    Returns:
        Text without a newline at the end.

    Example:
        >>> from cu_jax.results import Boundaries
        >>> bounds = Boundaries(epsilon_min=0.64, epsilon_max=1.12, epsilon_original=1.68)
        >>> results = Results(name="demo", config_hash="c0", boundaries=bounds)
        >>> print(closing(results, "runs/demo", []).splitlines()[-1])
          TensorBoard     tensorboard --logdir runs/demo
    """
    folder = Path(workdir)
    made = [
        ("results", folder / "results.json"),
        ("each step", folder / "metrics.jsonl"),
        ("models", folder / "solutions"),
        *(("page" if path.suffix == ".html" else "figure", path) for path in paths),
        ("TensorBoard", f"tensorboard --logdir {folder}"),
    ]
    list_of_made = "\n".join(f"  {what:<15} {path}" for what, path in made)
    lines = "\n".join(
        textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="      ")
        for line in summary(results).splitlines()
    )
    parts = [terminal_table(results)] if results.solutions else []
    parts += [f"Summary\n{lines}"] if lines else []
    return "\n\n".join([*parts, f"Made\n{list_of_made}"])


def _original_line(results: Results) -> str:
    original = _find(results, "original")
    if original is None:
        return ""
    if original.metrics.get(f"retain/{_CLASS}") is None:
        return _original_in_decibels(original)
    retain, forget = (
        cell(original.metrics.get(f"{kind}/{_CLASS}"), ".1%") for kind in ("retain", "forget")
    )
    return (
        f"Original: of the pictures it restores, {retain} (retain) and {forget} (forget) keep "
        "their class."
    )


def _original_in_decibels(original: Solution) -> str:
    retain, forget = (original.metrics.get(f"{kind}/psnr") for kind in ("retain", "forget"))
    if retain is None or forget is None:
        return ""
    return (
        f"Original: it restores the hole with a PSNR of {cell(retain, '.1f')} dB (retain) and "
        f"{cell(forget, '.1f')} dB (forget)."
    )


def _range_line(results: Results) -> str:
    b = results.boundaries
    if not all(map(math.isfinite, (b.epsilon_min, b.epsilon_max, b.epsilon_original))):
        return ""
    return (
        f"Range: forget loss from {b.epsilon_min:.3f} (complete) to {b.epsilon_max:.3f} (utility); "
        f"the original model has {b.epsilon_original:.3f}."
    )


def _control_line(results: Results) -> str:
    requested = [s for s in results.solutions if on_path(s)]
    errors = [(s.forget_loss - (s.epsilon or 0.0)) / results.boundaries.span for s in requested]
    if not errors or not all(map(math.isfinite, errors)):
        return ""
    worst = int(np.argmax(np.abs(errors)))
    label = looks(results.solutions)[requested[worst].name].label
    feasible = sum(bool(s.feasible) for s in requested)
    return (
        f"Control: {feasible} of {len(errors)} requests end at most 2 % of the range above ε; "
        f"{label} is farthest, {cell(errors[worst], '+.1%')}."
    )


def _trade_line(results: Results) -> str:
    original = _find(results, "original")
    requested = [s for s in ordered(results.solutions) if on_path(s)]
    if original is None or not requested:
        return ""
    # One trade-off stands for all: the control nearest to a quarter.
    chosen = min(requested, key=lambda s: abs((0.5 if s.control is None else s.control) - 0.25))
    forget, retain = (_change(original, chosen, kind) for kind in ("forget", "retain"))
    if not (forget and retain):
        return ""
    label = looks(results.solutions)[chosen.name].label
    return f"Trade-off: at {label}, forget {forget}; retain {retain}."


def _composite_line(results: Results) -> str:
    front = sorted(
        (s.forget_loss, s.retain_loss)
        for s in results.solutions
        if s.method == "composite" and s.retain_loss > 0 and math.isfinite(s.forget_loss)
    )
    if len(front) < 2:
        return ""
    f, r = np.array(front).T
    ratios = [
        s.retain_loss / math.exp(float(np.interp(s.forget_loss, f, np.log(r))))
        for s in results.solutions
        if on_path(s) and f[0] <= s.forget_loss <= f[-1]
    ]
    if not ratios:
        return ""
    low, high = f"{min(ratios):.2f}", f"{max(ratios):.2f}"
    times = f"{low} to {high}" if low != high else low
    return f"Baseline: retain loss {times} times the composite loss's at the same forget loss."


def _undefined_line(results: Results) -> str:
    labels = looks(results.solutions)
    undefined = [
        labels[s.name].label
        for s in results.solutions
        if not (math.isfinite(s.retain_loss) and math.isfinite(s.forget_loss))
    ]
    if not undefined:
        return ""
    return f"Not finite: the losses of {', '.join(undefined)} on the whole training sets."


def _skipped_line(results: Results) -> str:
    labels = looks(results.solutions)
    counts = [
        f"{s.nonfinite_steps:,} of {labels[s.name].label}"
        for s in results.solutions
        if s.nonfinite_steps
    ]
    if not counts:
        return ""
    return f"Skipped updates, whose loss or gradient was not finite: {', '.join(counts)}."


def _change(original: Solution, chosen: Solution, kind: str) -> str:
    parts = []
    for key, scale, unit in ((_CLASS, 100, "class points"), ("psnr", 1, "dB")):
        old, new = (s.metrics.get(f"{kind}/{key}") for s in (original, chosen))
        if old is not None and new is not None:
            parts.append(f"{scale * (new - old):+.1f} {unit}")
    return ", ".join(parts)


def _find(results: Results, name: str) -> Solution | None:
    return next((s for s in results.solutions if s.name == name), None)
