"""Which settings a stage depends on, and the record it leaves of them in the workdir.

A stage that is there already is used again, whatever the settings it does not depend on; changed
settings that it does depend on are refused, by name.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from cu_jax import bounded

_ORIGINAL = ("seed", "data", "model", "pretrain.from_scratch", "pretrain.weights")
_UNLEARNING = (*_ORIGINAL, "batch_size", "loss")
# The range of ε is what the evaluation of the boundaries found, batch by batch.
_RANGE = (*_UNLEARNING, "boundary", "evaluation.batch_size")
_BASELINE = (*_UNLEARNING, "pareto.clip", "pareto.microbatches", "pareto.optimizer")
DEPENDS_ON = {
    "original": (*_ORIGINAL, "loss"),
    "tokenizer": ("seed", "data", "model.tokenizer", "tokenizer"),
    "pretrain": (*_ORIGINAL, "pretrain", "tokenizer"),
    "classifier": ("seed", "data", "model", "classifier"),
    "complete": (*_UNLEARNING, "boundary"),
    "utility": (*_UNLEARNING, "boundary"),
    "first": (*_RANGE, "pareto"),
    "path": (*_RANGE, "pareto"),
    "composite": _BASELINE,
    "composite_proxy": (*_BASELINE, "data.proxy", "data.proxy_folder"),
    "baseline": (*_BASELINE, "baselines.as_published"),
    "primal_dual": (*_RANGE, *_BASELINE, "baselines.dual_rate"),
    "retrain": (*_ORIGINAL, "pretrain", "tokenizer", "loss", "baselines.retrain_weights"),
    "retrain_tokenizer": ("seed", "data", "model.tokenizer", "tokenizer"),
}
"""Kind of a stage to the settings and sections that it depends on."""

_BUT_NOT = {
    "complete": ("boundary.utility_alpha",),
    "first": ("pareto.first_control",),  # it plans the path, and what is planned is recorded
    "path": ("pareto.first_control", "pareto.first_steps", "pareto.start"),
}
_PROXY = ("data.proxy", "data.proxy_folder")
# Where pictures lie, not what they are: the manifest says that. Kept tokens are the same tokens.
_NEVER = (
    *("data.data_dir", "data.folder", "data.forget_files", "data.retain_folder"),
    *("data.max_bad_fraction", "data.cache_tokens"),
)


class StageRecord(NamedTuple):
    """What a stage was asked to do, ``<workdir>/stages/<name>.json``; written when it begins.

    Attributes:
        kind: key of :data:`DEPENDS_ON`.
        start: name of the solution it starts from, or None.
        steps: updates.
        control: the control coefficient asked for, or None.
        knobs: the method's numbers: ``epsilon``, ``alpha``.
        settings: name to value of every setting that it depends on.
    """

    kind: str
    start: str | None
    steps: int
    control: float | None
    knobs: dict[str, float]
    settings: dict[str, Any]


def settings_of(config: ConfigDict, kind: str) -> dict[str, Any]:
    """The settings a kind of stage depends on.

    Args:
        config: the experiment's settings.
        kind: key of :data:`DEPENDS_ON`.

    Returns:
        ``section.key`` to JSON value, sorted.

    Example:
        >>> from cu_jax.config import default_config
        >>> settings_of(default_config(), "composite")["batch_size"]
        32
    """
    sections = DEPENDS_ON[kind]
    if config.pretrain.from_scratch and "pretrain.weights" in sections:
        sections = (*sections, "pretrain", "tokenizer")
    unused = (*_NEVER, *_BUT_NOT.get(kind, ()), *(() if kind == "composite_proxy" else _PROXY))
    return {
        name: value
        for name, value in sorted(flat(config).items())
        if name not in unused and any(f"{name}.".startswith(f"{one}.") for one in sections)
    }


def flat(config: ConfigDict) -> dict[str, Any]:
    """All settings as ``section.key`` to JSON value (tuples are lists)."""
    found: dict[str, Any] = {}

    def add(prefix: str, values: dict[str, Any]) -> None:
        for key, value in values.items():
            if isinstance(value, dict) and value:
                add(f"{prefix}{key}.", value)
            else:
                found[f"{prefix}{key}"] = value

    add("", json.loads(config.to_json_best_effort()))
    return found


def read_records(workdir: Path) -> dict[str, StageRecord]:
    """Name to record of every stage that was begun in a workdir.

    Raises:
        ValueError: if a record is not as it was written, or a stage or solution has none.
    """
    records = {}
    for path in sorted((workdir / "stages").glob("*.json"), key=lambda path: path.stem):
        try:
            records[path.stem] = StageRecord(**bounded.read_json(path))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} must be the record of a stage as it was written, and is not ({error}): "
                f"remove it, {path.with_suffix('')} and {workdir / 'solutions' / path.stem}, and "
                "the stage runs again."
            ) from None
    made = [path.name for kind in ("stages", "solutions") for path in (workdir / kind).glob("*/")]
    unknown = sorted(set(made) - set(records))
    if unknown:
        raise ValueError(
            f"Every stage in {workdir} must have the record of its settings, stages/NAME.json, and "
            f"{', '.join(unknown)} has none: remove the folders of that name in stages/ and "
            "solutions/, and it runs again, or give another --workdir."
        )
    return records


def check_records(workdir: Path, config: ConfigDict, records: dict[str, StageRecord]) -> None:
    """Refuses settings that differ from those of stages that are there already.

    Args:
        workdir: the folder, for the message.
        config: the settings now.
        records: of the stages in the workdir.

    Raises:
        ValueError: naming the settings, both values and the stages.
    """
    now = flat(config)
    changed: dict[str, tuple[Any, list[str]]] = {}
    for stage, record in records.items():
        for name, value in record.settings.items():
            if now.get(name) != value:
                changed.setdefault(name, (value, []))[1].append(stage)
    if changed:
        described = "; ".join(
            f"config.{name} was {value!r} and is {now.get(name)!r} ({', '.join(stages)})"
            for name, (value, stages) in changed.items()
        )
        raise ValueError(
            f"The stages in {workdir} must keep their settings, but {described}: give another "
            f"--workdir, or remove {workdir} to start afresh in it."
        )
