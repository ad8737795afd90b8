"""Audits a run's folder: every solution once, and what they found in one file."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from cu_jax import config as defaults
from cu_jax.audits.auditor import Auditor
from cu_jax.data import Data, open_data
from cu_jax.fingerprints import flat
from cu_jax.inventory import check_pictures
from cu_jax.locking import claimed
from cu_jax.models import Model, Params
from cu_jax.provenance import config_hash
from cu_jax.results import RETRAIN, Audit, Audits, write_audits
from cu_jax.results.audits import AUDITS_NAME, AUDITS_VERSION
from cu_jax.solutions import check_name, load_solution, solution_names
from cu_jax.startup import release_memory
from cu_jax.workdir import read_config, read_json, write_json

_FILE = "audit.json"


def audit_run(
    workdir: str | os.PathLike[str],
    solutions: Sequence[str] | None = None,
    seed: int | None = None,
) -> Audits:
    """Audits the solutions of a run, and writes ``audits.json`` in its folder.

    `original` and `retrain`, which the others are compared with, are audited in any case. A
    solution that was audited before with the same settings, seed and parameters is not again.

    Args:
        workdir: the run's folder; no run may be at work in it.
        solutions: names of those to audit; None: all.
        seed: of batches, corruptions and sampling; None: the run's.

    Returns:
        What is known now: the audits of these solutions, and those from before that still hold.

    Raises:
        FileNotFoundError: there is no such folder, or it is no run's.
        ValueError: a solution, the settings, the pictures or the folder are not as they must be.
    """
    folder = Path(workdir)
    names = solution_names(folder)
    for name in (chosen := list(names if solutions is None else solutions)):
        check_name(name, names)
    config = audit_settings(folder)
    if "original" not in names:
        raise ValueError(
            f"An audit needs the original model, and {folder} has no solutions/original: give the "
            "folder of a whole run."
        )
    place = config.data.data_dir
    if place and not Path(place).is_dir():  # An audit reads: it makes no folder that a file names.
        raise ValueError(
            f"The data must lie where {folder / 'config.json'} says, and there is no folder "
            f"{place}: put it back, or give the run's own command again with the new folder."
        )
    with claimed(folder, config):
        model, original = load_solution(folder, "original")
        data = open_data(config.data, model.image_shape)
        check_pictures(folder, data, begun=True, max_bad_fraction=config.data.max_bad_fraction)
        seed = config.seed if seed is None else seed
        run = _Run(folder, names, config, data, model, original, seed)
        audits = Audits(
            config_hash=config_hash(read_config(folder)),
            manifest_hash=run.manifest_hash,
            seed=seed,
            settings=run.settings,
            audits=tuple(run.audits(chosen)),
        )
        write_audits(folder / AUDITS_NAME, audits)
    return audits


def audit_settings(workdir: Path) -> ConfigDict:
    """The settings of a run, with those of the audit where an older run has none.

    Args:
        workdir: the run's folder.

    Returns:
        The settings.

    Raises:
        FileNotFoundError: there is no ``config.json``.
        ValueError: it is not as a run writes it, or its settings are refused.
    """
    config = read_config(workdir)
    for key in ("audit", "max_nonfinite_steps"):
        if key not in config:
            config[key] = defaults.default_config()[key]
    try:
        defaults.validate(config)
        empty = not config.evaluation.holes
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"The settings in {workdir / 'config.json'} must be those of a run of this cu_jax, and "
            f"something is missing or of another kind ({error}): give the run's own command again."
        ) from error
    if empty:
        raise ValueError(
            "An audit looks at what is restored in a hole, and config.evaluation.holes of "
            f"{workdir} names none: give the run's command again with a hole, such as center:0.5."
        )
    return config


class _Run:
    """A run's solutions while they are audited.

    Attributes:
        settings: ``section.key`` to value of every setting that audits depend on.
        manifest_hash: of the pictures.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        config: ConfigDict,
        data: Data,
        model: Model,
        original: Params,
        seed: int,
    ) -> None:
        self._folder, self._names, self._config = folder, names, config
        self._data, self._model, self._original, self._seed = data, model, original, seed
        self.manifest_hash = data.manifest.hash
        self._digests = {name: _digest(folder / "solutions" / name) for name in names}
        self._auditor: Auditor | None = None
        self.settings: dict[str, Any] = {
            "evaluation.hole": config.evaluation.holes[0],
            "evaluation.batch_size": config.evaluation.batch_size,
        } | {key: value for key, value in flat(config).items() if key.startswith("audit.")}

    def audits(self, chosen: Sequence[str]) -> list[Audit]:
        """Audits those that are chosen, and what they are compared with; reads the others."""
        known = {name: audit for name in self._names if (audit := self._read(name)) is not None}
        # The others are compared with `retrain`, which therefore is the first.
        wanted = [name for name in (RETRAIN, "original") if name in self._names]
        wanted = list(dict.fromkeys([*wanted, *chosen]))
        missing = [name for name in wanted if name not in known]
        for place, name in enumerate(missing, start=1):
            title = f"audit {place}/{len(missing)} {name}"
            known[name] = self._audited(name, known.get(RETRAIN), title)
        listed = dict.fromkeys(["original", RETRAIN, *self._names])
        return [known[name] for name in listed if name in known]

    def _audited(self, name: str, yardstick: Audit | None, title: str) -> Audit:
        if self._auditor is None:
            retrain = self._params(RETRAIN) if RETRAIN in self._names else None
            self._auditor = Auditor(
                self._model, self._config, self._data, self._original, retrain, self._seed
            )
        audit = self._auditor.audit(name, self._params(name), yardstick, title)
        path = self._folder / "solutions" / name / _FILE
        write_json(path, {"asked": self._asked(name), "audit": audit.to_json()})
        release_memory()
        return audit

    def _params(self, name: str) -> Params:
        if name == "original":
            return self._original
        model, params = load_solution(self._folder, name)
        if model != self._model:
            raise ValueError(
                f"All solutions of a run must have its model, and that of {name} differs from the "
                "original's: name the others with --solutions."
            )
        return params

    def _read(self, name: str) -> Audit | None:
        """An audit from before, if nothing that it depends on has changed since."""
        data = read_json(self._folder / "solutions" / name / _FILE)
        if data is None or data.get("asked") != self._asked(name):
            return None
        return Audit.from_json(data["audit"])

    def _asked(self, name: str) -> dict[str, Any]:
        """All that a solution's audit depends on."""
        return {
            "format": AUDITS_VERSION,
            "seed": self._seed,
            "manifest": self.manifest_hash,
            "settings": self.settings,
            "params": {one: self._digests.get(one) for one in (name, "original", RETRAIN)},
        }


def _digest(folder: Path) -> str:
    with (folder / "params.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
