"""What an ablation is asked for: its record before anything has run, and one run a value."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from cu_jax.config import default_config
from cu_jax.provenance import config_hash
from cu_jax.results import COSTS, ENTRIES, RUNS, Ablation

LISTED = ("controls", "evaluation.holes")
"""Settings that are lists whose entries one run can tell apart."""
_ONE_RUN = "run"
_FIGURES = "figures"


class Planned(NamedTuple):
    """One run, or one measurement, of an ablation.

    Attributes:
        value: the setting's value, as a text.
        folder: of the run, in the ablation's.
        config: the settings.
    """

    value: str
    folder: str
    config: ConfigDict


def planned_ablation(config: ConfigDict) -> Ablation:
    """The record of an ablation of which nothing has run yet.

    Args:
        config: the experiment's settings, with ``config.ablation``.

    Returns:
        The record: its name, kind and values.

    Raises:
        ValueError: there is no such setting, there are no values, or they are of another type.

    Example:
        >>> config = default_config()
        >>> config.ablation.update(setting="pareto.beta", values=(0.3, 1.0))
        >>> planned_ablation(config).name, planned_ablation(config).values
        ('beta', ('0.3', '1'))
        >>> config.ablation.setting = "pareto.betta"
        >>> planned_ablation(config)
        Traceback (most recent call last):
        ValueError: config.ablation.setting must be a setting of the config, as in pareto.beta, got
        'pareto.betta': correct it.
    """
    given = config.ablation
    current, kind = _current(config, given.setting)
    values = tuple(given["values"])  # As an attribute it is a method of every mapping.
    if not values:
        raise ValueError(
            f"config.ablation.values must have at least one value of config.{given.setting}, got "
            f"none: give for example ({current!r},)."
        )
    entries = kind is tuple and not any(isinstance(value, (tuple, list)) for value in values)
    if entries and (given.setting not in LISTED or given.cost):
        raise ValueError(
            f"config.{given.setting} is a list, so each of config.ablation.values must be one, got "
            f"{values!r}: write for example (('a',), ('a', 'b'))."
        )
    for value in values:
        if not (entries and _fits_entry(value, current)) and not _fits(value, kind, current):
            like = f"an entry of {current!r}" if entries else f"{kind.__name__}, like {current!r}"
            raise ValueError(
                f"config.ablation.values must be of the type of config.{given.setting} ({like}), "
                f"got {value!r}: correct it."
            )
    texts = [value_text(value) for value in values]
    folders = [folder_name(text) for text in texts]
    if len(set(folders)) < len(folders):
        raise ValueError(
            f"config.ablation.values must differ, got {', '.join(texts)}: remove the repeated."
        )
    name = given.name or given.setting.rpartition(".")[2]
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise ValueError(
            "config.ablation.name must be a plain name of letters, digits, '_' and '-', for it is "
            f"a file's, got {name!r}: change it."
        )
    return Ablation(
        name=name,
        setting=given.setting,
        kind=COSTS if given.cost else ENTRIES if entries else RUNS,
        config_hash=config_hash(config),
        values=tuple(texts),
    )


def planned_runs(config: ConfigDict) -> Iterator[Planned]:
    """The runs of an ablation whose settings :func:`planned_ablation` has taken.

    Args:
        config: the experiment's settings, with ``config.ablation``.

    Yields:
        One for each value; one alone where the values are a list's entries.
    """
    record, setting = planned_ablation(config), config.ablation.setting
    values: Sequence[Any] = tuple(config.ablation["values"])
    if record.kind == ENTRIES:
        values = (values,)
    for value in values:
        changed = config.copy_and_resolve_references()
        changed.ablation = default_config().ablation  # Each is a run like any other.
        changed.update_from_flattened_dict({setting: value})
        text = value_text(value)
        changed.name = f"{config.name}: {setting} = {text}"
        folder = _ONE_RUN if record.kind == ENTRIES else folder_name(text)
        yield Planned(text, folder, changed)


def value_text(value: Any) -> str:
    """A value for people.

    Example:
        >>> value_text(5.0), value_text(("0", "1")), value_text(None)
        ('5', '0+1', 'none')
    """
    if isinstance(value, (tuple, list)):
        return "+".join(map(value_text, value)) or "none"
    if value is None or value == "":
        return "none"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def folder_name(text: str) -> str:
    """The name of a value's folder.

    Example:
        >>> folder_name("0.3"), folder_name("center:12"), folder_name("figures")
        ('0.3', 'center_12', 'value_figures')
    """
    name = re.sub(r"[^\w.+-]+", "_", text)
    return f"value_{name}" if name == _FIGURES or name.startswith(".") else name


def _current(config: ConfigDict, setting: str) -> tuple[Any, type]:
    """A setting's value in the config, and its type."""
    section, _, key = setting.rpartition(".")
    place: Any = config
    for part in section.split(".") if section else ():
        place = place.get(part) if isinstance(place, ConfigDict) else None
    known = isinstance(place, ConfigDict) and key in place
    if not known or isinstance(place[key], ConfigDict) or section == "ablation":
        raise ValueError(
            "config.ablation.setting must be a setting of the config, as in pareto.beta, got "
            f"{setting!r}: correct it."
        )
    return place[key], place.get_type(key)


def _fits(value: Any, kind: type, current: Any) -> bool:
    """Whether a value can be a setting's."""
    if value is None or kind is type(None):  # A type that was never said.
        return current is None
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is tuple:
        listed = isinstance(value, (tuple, list))
        return listed and all(_fits_entry(entry, current) for entry in value)
    return isinstance(value, (int, float) if kind is float else kind)


def _fits_entry(value: Any, current: Any) -> bool:
    """Whether a value can be one of a list's."""
    if isinstance(value, (bool, tuple, list)):
        return False
    kinds = {float if isinstance(one, (int, float)) else type(one) for one in current or ()}
    return not kinds or (float if isinstance(value, (int, float)) else type(value)) in kinds
