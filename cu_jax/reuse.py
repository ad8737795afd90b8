"""Stages that a run with other settings has finished already: copied, not trained again."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ml_collections import ConfigDict

from cu_jax.atomic import replacing
from cu_jax.fingerprints import StageRecord, flat, read_records, settings_of
from cu_jax.locking import claimed
from cu_jax.workdir import read_config, read_json, save_config, save_record, write_json

_WITHOUT_SOLUTION = ("tokenizer", "pretrain", "classifier", "retrain_tokenizer")
_ALWAYS_ASKED = (*_WITHOUT_SOLUTION, "original", "complete", "utility", "retrain")
# What says which of the other stages there are, where each starts and how many updates it takes.
_PLAN = (
    *("controls", "control", "epsilon", "composite_alphas", "search.", "baselines."),
    *("pareto.steps", "pareto.epochs", "pareto.first_steps", "pareto.first_control"),
    "pareto.start",
)
_PROXY = ("data.proxy", "data.proxy_folder")
_COPYING = ".reused.tmp"


def reuse(config: ConfigDict, workdir: Path, sources: Iterable[Path]) -> list[str]:
    """Copies into a run's folder what other runs did with the same settings.

    A stage counts as the same where every setting that it depends on is
    (:func:`cu_jax.fingerprints.settings_of`), and so are those of the stage it starts from; one
    of the path or a baseline, where the settings that plan these are equal too. Its record,
    checkpoints, solution and lines of ``metrics.jsonl`` are copied; TensorBoard's events are not.

    Args:
        config: the run's settings.
        workdir: the run's folder, as :func:`cu_jax.experiment.run` takes it; made if missing.
        sources: folders of other runs, the preferred one first; those without a run are skipped.

    Returns:
        Names of the stages that were copied. What the folder has already stays.

    Raises:
        ValueError: as a run in the folder would be refused.
    """
    copied = []
    with claimed(workdir, config) as records:
        if not (workdir / "config.json").exists():
            save_config(workdir, config)
        for source in sources:
            if not (source / "config.json").is_file():
                continue
            names = [
                name
                for name, record in reusable(config, source).items()
                if records.get(name, record) == record and not _has(workdir, name)
            ]
            _copy(source, workdir, names)
            copied += names
    return copied


def reusable(config: ConfigDict, source: Path) -> dict[str, StageRecord]:
    """The finished stages of a run that another one would do to the same numbers.

    Args:
        config: the other run's settings.
        source: folder of a run.

    Returns:
        Name to record.
    """
    theirs, now = flat(read_config(source)), flat(config)
    if _different(theirs, now, ("data.",), but=_PROXY):  # Also those that no record has.
        return {}
    same_plan = not _different(theirs, now, _PLAN)
    records = read_records(source)

    def same(name: str | None) -> bool:
        record = records.get(name or "")
        if record is None or not _has(source, str(name)):
            return False
        if record.settings != settings_of(config, record.kind):
            return False
        if record.kind not in _ALWAYS_ASKED and not same_plan:
            return False
        return record.start is None or same(record.start)

    return {name: record for name, record in records.items() if same(name)}


def _different(
    one: Mapping[str, object],
    other: Mapping[str, object],
    sections: tuple[str, ...],
    but: tuple[str, ...] = (),
) -> bool:
    """Whether settings whose names begin like this differ."""
    names = [n for n in {*one, *other} if n.startswith(sections) and n not in but]
    return any(one.get(name) != other.get(name) for name in names)


def _has(workdir: Path, name: str) -> bool:
    """Whether a stage's result is in a run's folder."""
    if name in _WITHOUT_SOLUTION:
        return (workdir / "stages" / name).is_dir()
    return (workdir / "solutions" / name / "solution.json").is_file()


def _copy(source: Path, workdir: Path, names: list[str]) -> None:
    """Copies stages, each folder whole or not at all."""
    if not names:
        return
    if not (workdir / "manifest.json").exists():
        # With it the run notices pictures that are no longer those of the copied stages.
        manifest = read_json(source / "manifest.json")
        if manifest is not None:
            write_json(workdir / "manifest.json", manifest)
    _copy_lines(source / "metrics.jsonl", workdir / "metrics.jsonl", names)
    records = read_records(source)
    aside = workdir / _COPYING
    shutil.rmtree(aside, ignore_errors=True)
    for name in names:
        save_record(workdir, name, records[name])  # First: a folder without one is refused.
        for kind in ("stages", "solutions"):
            old, new = source / kind / name, workdir / kind / name
            if old.is_dir():
                shutil.copytree(old, aside / name)
                new.parent.mkdir(exist_ok=True)
                shutil.rmtree(new, ignore_errors=True)  # Half a stage, whose end comes now.
                (aside / name).rename(new)
    shutil.rmtree(aside, ignore_errors=True)


def _copy_lines(source: Path, target: Path, names: list[str]) -> None:
    """Puts the lines of stages into a file in place of those that it has of them."""
    if not source.is_file():
        return
    mine = target.read_text(encoding="utf-8").splitlines() if target.is_file() else []
    kept = [line for line in mine if _stage(line) not in names]
    lines = source.read_text(encoding="utf-8").splitlines()
    kept += [line for line in lines if _stage(line) in names]
    with replacing(target) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _stage(line: str) -> str | None:
    try:
        return str(json.loads(line)["stage"])
    except (ValueError, KeyError, TypeError):  # What a killed run left half written.
        return None
