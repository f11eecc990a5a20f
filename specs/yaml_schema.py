"""JSON schemas of specs in YAML, with which editors complete keys, show what each is for, and mark what does not fit.

They let pass what our programs read, and so more than the types alone say: numbers as text (``1e-3`` is text to YAML),
one value for a list of one, ``${key}`` for the value of another key.
"""

from __future__ import annotations

from typing import Any

import specs
from specs import tuning
from tltpipe.errors import UsageError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER = r"^\s*[-+]?\.?[0-9][-+.0-9_eEx]*\s*$|\$\{"
_LIST = r"^\s*\[|,|\$\{"
_AS_TEXT = {
    "integer": _NUMBER,
    "number": _NUMBER,
    "boolean": r"^(yes|no|on|off|true|false|Yes|No|On|Off|True|False)$|\$\{",
    "array": _LIST,
}
_ABOUT = ("description", "default", "title")


def kinds() -> list[str]:
    """The kinds of specs that are written in YAML."""
    return [name for name in specs.folders() if _experiment(name) is not None or name == AUGMENT]


AUGMENT = "augment"
"""Its YAML is TAO's, in which values are read as OmegaConf reads them."""


def of_spec(kind: str) -> dict[str, Any]:
    """The schema of the specs of a kind. Raises UsageError for a kind that is not written in YAML, or unknown."""
    if (experiment := _experiment(kind)) is not None:
        schema = lenient(tuning.json_schema(experiment))
    elif kind == AUGMENT:
        schema = _of_keys()
    else:
        hint = f"kinds in YAML: {', '.join(kinds())}"
        raise UsageError(f"specs of {kind} are no YAML: they have no JSON schema", hint=hint)
    return {"$schema": DIALECT, **schema, "title": f"Spec of {kind}"}


def lenient(schema: dict[str, Any]) -> dict[str, Any]:
    """``schema`` that lets pass whatever else our programs read as such values."""
    if "$ref" in schema:
        return schema
    made: dict[str, Any] = {
        key: {name: lenient(part) for name, part in value.items()} if key in ("properties", "$defs") else value
        for key, value in schema.items()
    }
    if "anyOf" in made:
        return made | {"anyOf": [lenient(option) for option in made["anyOf"]]}
    pattern = _AS_TEXT.get(str(made.get("type")))
    if pattern is None:
        return made
    about = {key: made.pop(key) for key in _ABOUT if key in made}
    entries = [lenient(part) for part in (*made.get("prefixItems", ()), *([made["items"]] if "items" in made else ()))]
    if "prefixItems" in made:
        made["prefixItems"] = entries
    elif entries:
        made["items"] = entries[0]
    alone = [] if "prefixItems" in made or made.get("minItems", 0) > 1 else entries
    return about | {"anyOf": [made, *alone, {"type": "string", "pattern": pattern}]}


def _experiment(kind: str) -> type[Any] | None:
    found: type[Any] | None = getattr(specs.load(kind), "EXPERIMENT", None)
    return found


def _of_keys() -> dict[str, Any]:
    """Of the YAML spec of augmentation: its keys, each with what it is for."""
    import yaml

    from specs.augment.tao5_keys import KEYS
    from specs.references import MISSING

    top: dict[str, Any] = _section()
    for dotted, key in KEYS.items():
        *path, name = dotted.split(".")
        here = top
        for section in path:
            here = here["properties"].setdefault(section, _section())
        usual = {} if key.default in MISSING else {"default": yaml.safe_load(key.default)}
        here["properties"][name] = {"description": key.about, **usual, **lenient(dict(key.takes.schema))}
    return top


def _section() -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": {}, "additionalProperties": False}
