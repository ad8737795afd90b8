"""audits.json: what the audits of a run's solutions found, as frozen records, schema and files."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cu_jax.results.files import read_json, write_record
from cu_jax.results.schema import check

AUDITS_VERSION = 1
AUDITS_NAME = "audits.json"
RETRAIN = "retrain"
"""Name of the solution that was pretrained on the retain set alone: the audits' yardstick."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Audit:
    """What the audits say of one solution.

    None means: does not apply, for want of `retrain` or of several classes in a set.

    Attributes:
        name: of the solution.
        forget_psnr: PSNR in the hole of forget validation pictures before it relearns, in dB.
        relearning_updates: updates of ordinary training on forget pictures until that PSNR was
            within the tolerance of the original's; where it never was, the limit.
        relearning_reached: whether it was.
        relearning_pictures: forget pictures that it saw in them.
        relearning_distinct: how many different ones.
        relearning_share: updates over those of `retrain`: about 1, as hard as for a model that
            never saw them; much below 1, it was only hidden. A lower bound where this solution's
            updates are the limit, an upper one where `retrain`'s are; None where both are.
        probe_retain: accuracy of a linear classifier of the encoder's features, retain classes.
        probe_forget: the same of the forget classes.
        membership_auc: probability that a forget training picture is restored better than a forget
            validation picture.
        membership_error: its standard error.
        membership_gap: |AUC - AUC of `retrain`|.
        membership_gap_error: standard error of the difference.
        distance_retain: root mean square difference of restored pixels from `retrain`'s, retain
            validation pictures; pixels are in [0, 1].
        distance_forget: the same of forget validation pictures.
        difference_retain: mean absolute difference of the same pixels.
        difference_forget: likewise.
        seconds: time of the audit.

    Example:
        >>> audit = Audit(name="complete", forget_psnr=6.4, relearning_updates=20)
        >>> Audit.from_json(audit.to_json()) == audit
        True
    """

    name: str
    forget_psnr: float | None = None
    relearning_updates: int = 0
    relearning_reached: bool = False
    relearning_pictures: int = 0
    relearning_distinct: int = 0
    relearning_share: float | None = None
    probe_retain: float | None = None
    probe_forget: float | None = None
    membership_auc: float | None = None
    membership_error: float | None = None
    membership_gap: float | None = None
    membership_gap_error: float | None = None
    distance_retain: float | None = None
    distance_forget: float | None = None
    difference_retain: float | None = None
    difference_forget: float | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; numbers that are not finite become null."""
        return {
            key: None if isinstance(value, float) and value - value != 0 else value
            for key, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Audit":
        """The inverse of :meth:`to_json`.

        Raises:
            ValueError: The data are no audit; the sentence names the key.
        """
        check(data, _AUDIT, "")
        return cls(**data)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Audits:
    """Everything in audits.json.

    Attributes:
        config_hash: hash of the run's settings.
        manifest_hash: hash of the list of pictures in each split.
        seed: of batches, corruptions and sampling.
        settings: ``section.key`` to value of what the audits depend on.
        audits: one a solution, `original` and `retrain` first.

    Example:
        >>> audits = Audits(config_hash="c0", manifest_hash="m0", seed=0)
        >>> Audits.from_json(audits.to_json()) == audits
        True
    """

    config_hash: str
    manifest_hash: str
    seed: int
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    audits: tuple[Audit, ...] = ()

    def __getitem__(self, name: str) -> Audit:
        """The audit of this solution.

        Raises:
            KeyError: There is none; the message lists those there are.
        """
        for audit in self.audits:
            if audit.name == name:
                return audit
        names = ", ".join(audit.name for audit in self.audits) or "none"
        raise KeyError(f"No solution named {name!r} was audited; these were: {names}.")

    @property
    def retrain(self) -> Audit | None:
        """The yardstick, if the run has one."""
        return next((audit for audit in self.audits if audit.name == RETRAIN), None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values.

        Raises:
            ValueError: The records do not follow the schema; the sentence names the key.
        """
        data = {
            "schema_version": AUDITS_VERSION,
            "config_hash": self.config_hash,
            "manifest_hash": self.manifest_hash,
            "seed": self.seed,
            "settings": dict(self.settings),
            "audits": [audit.to_json() for audit in self.audits],
        }
        check_audits(data)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Audits":
        """The records of a decoded audits.json.

        Raises:
            ValueError: The data do not follow the schema; the sentence names the key.
        """
        check_audits(data)
        values = {key: value for key, value in data.items() if key != "schema_version"}
        return cls(**values | {"audits": tuple(Audit.from_json(one) for one in data["audits"])})


def _schema(**properties: dict[str, Any]) -> dict[str, Any]:
    """An object that must have exactly these keys."""
    required = list(properties)
    return dict(type="object", properties=properties, required=required, additionalProperties=False)


_KINDS: dict[Any, dict[str, Any]] = {
    str: {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
    int: {"type": "integer", "minimum": 0},
    bool: {"type": "boolean"},
    float | None: {"type": ["number", "null"]},
}
_AUDIT = _schema(**{field.name: _KINDS[field.type] for field in dataclasses.fields(Audit)})

AUDITS_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "audits.json of cu_jax",
    **_schema(
        schema_version={"type": "integer", "const": AUDITS_VERSION},
        config_hash={"type": "string", "minLength": 1},
        manifest_hash={"type": "string", "minLength": 1},
        seed={"type": "integer"},
        settings={"type": "object"},
        audits={"type": "array", "items": _AUDIT},
    ),
}


def check_audits(data: Any) -> None:
    """Checks that a decoded audits.json follows its schema.

    Args:
        data: What ``json.load`` returned.

    Raises:
        ValueError: One sentence that names the first wrong key, what it must be and what was given.

    Example:
        >>> check_audits({"schema_version": 2})
        Traceback (most recent call last):
        ValueError: Key 'schema_version' must be 1, got 2: audit the run again with this version of
        cu_jax.
    """
    version = data.get("schema_version", AUDITS_VERSION) if isinstance(data, Mapping) else 1
    if version != AUDITS_VERSION or isinstance(version, bool):
        raise ValueError(
            f"Key 'schema_version' must be {AUDITS_VERSION}, got {version!r}: audit the run again "
            "with this version of cu_jax."
        )
    check(data, AUDITS_SCHEMA, "")
    names = [audit["name"] for audit in data["audits"]]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"Every audit must be of another solution, got {', '.join(twice)} twice: keep one."
        )


def write_audits(path: str | os.PathLike[str], audits: Audits) -> Path:
    """Writes audits.json; a reader sees the old file or the new one, never half of one.

    Args:
        path: The file to write; its folder must exist.
        audits: The records.

    Returns:
        The path.

    Raises:
        ValueError: The records do not follow the schema; the sentence names the key.

    Example:
        >>> import tempfile
        >>> audits = Audits(config_hash="c0", manifest_hash="m0", seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     read_audits(write_audits(f"{folder}/audits.json", audits)) == audits
        True
    """
    return write_record(path, audits)


def read_audits(path: str | os.PathLike[str]) -> Audits | None:
    """Reads audits.json.

    Args:
        path: The file.

    Returns:
        The records; None if there is no such file.

    Raises:
        ValueError: It is no JSON or does not follow the schema; the sentence names the key.

    Example:
        >>> read_audits("no/such/folder/audits.json")
    """
    path = Path(path)
    if not path.is_file():
        return None
    data = read_json(path, "audit the run again")
    try:
        return Audits.from_json(data)
    except ValueError as error:
        raise ValueError(f"{path} must be as an audit writes it: {error}") from error
