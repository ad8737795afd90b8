"""One setting, several values: a run for each, with the stages that do not depend on it shared."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from cu_jax import experiment, report
from cu_jax.ablation_plan import Planned, planned_ablation, planned_runs
from cu_jax.locking import claimed_group
from cu_jax.preflight import checked_settings
from cu_jax.results import (
    ABLATION_NAME,
    COSTS,
    ENTRIES,
    Ablation,
    AblationRun,
    UpdateCost,
    read_ablation,
    write_ablation_record,
)
from cu_jax.reuse import reuse
from cu_jax.speed import UPDATES, step_costs


def ablate(config: ConfigDict, workdir: Path) -> Ablation:
    """Gives a setting its values, one after the other, and writes a table and a figure.

    Each value's run is an ordinary one in ``<workdir>/<value>``: what is there already is used
    again, what was interrupted goes on, and stages that another value's run has finished with the
    same settings are copied (:func:`cu_jax.reuse.reuse`).

    Args:
        config: the experiment's settings, with those of the ablation in ``config.ablation``.
        workdir: where everything goes: new, empty, or the folder of this ablation.

    Returns:
        What ``ablation.json`` says.

    Raises:
        ValueError: for a setting, values or other settings that cannot be used, before any folder
            is made; or for the folder of another ablation.
    """
    record = planned_ablation(config)
    plan = list(planned_runs(config))
    for one in plan:
        _, holes = checked_settings(one.config)
        if record.kind == ENTRIES and record.setting == "evaluation.holes":
            # As the measures call them.
            record = dataclasses.replace(record, values=tuple(hole.name for hole in holes))
    with claimed_group(workdir, ABLATION_NAME):
        _check_record(workdir, record)
        write_ablation_record(workdir / ABLATION_NAME, record)
        for number, one in enumerate(plan, start=1):
            print(f"{record.setting} = {one.value}, {number} of {len(plan)}.", flush=True)
            found = _measured if record.kind == COSTS else _ran
            record = found(record, one, workdir, plan)
            write_ablation_record(workdir / ABLATION_NAME, record)
        made = report.write_ablation(workdir)
    print(report.ablation_closing(record, made), flush=True)
    return record


def _check_record(workdir: Path, new: Ablation) -> None:
    """Refuses the folder of another ablation."""
    if not (workdir / ABLATION_NAME).exists():
        return
    old = read_ablation(workdir)
    if (old.setting, old.kind) != (new.setting, new.kind):
        raise ValueError(
            f"--workdir must be new, empty, or the folder of this ablation, and {workdir} holds "
            f"one of {old.setting} ({old.kind}): give another --workdir."
        )


def _ran(record: Ablation, one: Planned, workdir: Path, plan: Sequence[Planned]) -> Ablation:
    """The record with one run more."""
    others = [workdir / other.folder for other in plan if other.folder != one.folder]
    copied = reuse(one.config, workdir / one.folder, others)
    if copied:
        print(f"Already done with the same settings: {', '.join(copied)}.", flush=True)
    results = experiment.run(one.config, workdir / one.folder)
    run = AblationRun(value=one.value, folder=one.folder, results=results)
    return dataclasses.replace(record, runs=(*record.runs, run))


def _measured(record: Ablation, one: Planned, workdir: Path, plan: Sequence[Planned]) -> Ablation:
    """The record with the costs of one value more."""
    del workdir, plan
    costs = tuple(
        UpdateCost(
            value=one.value, method=method, seconds=c.seconds, memory=c.memory, updates=UPDATES
        )
        for method, c in step_costs(one.config).items()
    )
    return dataclasses.replace(record, costs=(*record.costs, *costs))
