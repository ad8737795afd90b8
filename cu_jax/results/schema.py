"""The schema of results.json, version 1, and a check whose errors name the key."""

import re
from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = 1

_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}


def record(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that must have exactly these keys.

    Example:
        >>> record(seed={"type": "integer"})["required"]
        ['seed']
    """
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_SOLUTION = record(
    name={"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"},
    method=_TEXT,
    control=_NUMBER,
    epsilon=_NUMBER,
    retain_loss=_NUMBER,
    forget_loss=_NUMBER,
    violation=_NUMBER,
    feasible={"type": ["boolean", "null"]},
    multiplier=_NUMBER,
    cosine=_NUMBER,
    stationarity=_NUMBER,
    retain_grad_norm=_NUMBER,
    forget_grad_norm=_NUMBER,
    steps=_COUNT,
    steps_from_original=_COUNT,
    seconds=_NUMBER,
    checkpoint={"type": ["string", "null"]},
    metrics={
        "type": "object",
        "propertyNames": {"pattern": r"^(retain|forget)/[A-Za-z0-9_]+$"},
        "additionalProperties": _NUMBER,
    },
)

# Not required, for files of before it was counted.
_SOLUTION["properties"]["nonfinite_steps"] = _COUNT

# A JSON Schema (draft 2020-12), in the few keywords that `validate` knows: other programs can use
# it as it is. All quantities that may be undefined take null; NaN is no JSON.
RESULTS_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "results.json of cu_jax",
    **record(
        schema_version={"type": "integer", "const": SCHEMA_VERSION},
        name=_TEXT,
        config_hash=_TEXT,
        manifest_hash={"type": ["string", "null"]},
        environment={"type": "object"},
        stages={"type": "object", "additionalProperties": _NUMBER},
        boundaries=record(epsilon_min=_NUMBER, epsilon_max=_NUMBER, epsilon_original=_NUMBER),
        solutions={"type": "array", "items": _SOLUTION},
    ),
}

_WORDS = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "number": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def validate(data: Any) -> None:
    """Checks that a decoded results.json follows schema version 1.

    Args:
        data: What ``json.load`` returned.

    Raises:
        ValueError: One sentence that names the first wrong key, what it must be and what was given.

    Note:
        Beyond the schema, names of solutions must differ, and a solution without a requested
        ``epsilon`` cannot have a ``violation``, be ``feasible`` or have a ``control``.

    Example:
        >>> validate({"schema_version": 2})
        Traceback (most recent call last):
        ValueError: Key 'schema_version' must be 1, got 2: read this file with the version of
        cu_jax that wrote it.
    """
    version = data.get("schema_version", SCHEMA_VERSION) if isinstance(data, Mapping) else 1
    # Asked first: a file of another version may differ in any other key.
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ValueError(
            f"Key 'schema_version' must be {SCHEMA_VERSION}, got {version!r}: read this file with "
            "the version of cu_jax that wrote it."
        )
    check(data, RESULTS_SCHEMA, "")
    names: set[str] = set()
    for index, solution in enumerate(data["solutions"]):
        where = f"solutions[{index}]"
        if solution["name"] in names:
            raise ValueError(
                f"Key '{where}.name' must differ from every other solution's, got "
                f"{solution['name']!r} twice: keep one of them."
            )
        names.add(solution["name"])
        for key in ("control", "violation", "feasible"):
            if solution["epsilon"] is None and solution[key] is not None:
                raise ValueError(
                    f"Key '{where}.{key}' must be null where epsilon is null, got "
                    f"{solution[key]!r}: give the requested epsilon or leave out both."
                )


def check(value: Any, schema: Mapping[str, Any], where: str = "") -> None:
    """Checks a decoded JSON value against a schema in the few keywords that are used here.

    Args:
        value: What ``json.load`` returned, or a part of it.
        schema: A JSON Schema.
        where: Where the part stands, for the sentence.

    Raises:
        ValueError: One sentence that names the first wrong key, what it must be and what was given.

    Example:
        >>> check({"seed": "one"}, record(seed={"type": "integer"}))
        Traceback (most recent call last):
        ValueError: Key 'seed' must be a whole number, got 'one': correct it.
    """
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    here = f"Key '{where}'" if where else "The file's content"
    if kinds and not any(_is(value, kind) for kind in kinds):
        wanted = " or ".join(_WORDS[kind] for kind in kinds)
        raise ValueError(f"{here} must be {wanted}, got {value!r:.80}: correct it.")
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            raise ValueError(f"{here} must not be empty: give a text.")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            raise ValueError(
                f"{here} must match {schema['pattern']}, got {value!r:.80}: rename it."
            )
    elif isinstance(value, int) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            raise ValueError(f"{here} must be at least {schema['minimum']}, got {value}: count up.")
    elif isinstance(value, Mapping):
        _check_object(value, schema, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check(item, schema.get("items", {}), f"{where}[{index}]")


def _check_object(value: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> None:
    properties = schema.get("properties", {})
    for key in schema.get("required", []):
        if key not in value:
            raise ValueError(
                f"Key '{_join(where, key)}' is missing: add it, as null where it is undefined."
            )
    extra = schema.get("additionalProperties", True)
    names = schema.get("propertyNames", {})
    for key, item in value.items():
        path = _join(where, key)
        if not re.search(names.get("pattern", ""), key):
            raise ValueError(f"Key '{path}' must match {names['pattern']}: rename it.")
        if key not in properties and extra is False:
            raise ValueError(
                f"Key '{path}' is not part of the schema: remove it, or raise the schema's version."
            )
        check(item, properties.get(key, extra if isinstance(extra, Mapping) else {}), path)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _is(value: Any, kind: str) -> bool:
    """Whether a decoded JSON value is of a JSON type; numbers must be finite, as JSON's are."""
    if kind == "null":
        return value is None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        finite = isinstance(value, int | float) and value - value == 0
        return finite and not isinstance(value, bool)
    python = {"string": str, "object": Mapping, "array": list}[kind]
    return isinstance(value, python)
