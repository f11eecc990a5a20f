"""The fields of specs in YAML, as the dataclass of the whole spec describes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specs import templating, tuning, values
from specs.fields import Field

_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}
_BOUNDS = {"minimum": "{:.10g} or more", "exclusiveMinimum": "above {:.10g}", "maximum": "at most {:.10g}"}


def of_dataclass(kind: type[Any]) -> Iterator[Field]:
    """A field for every key with a value, with the path that ``Spec.positions`` has, but for indices."""
    schema = tuning.json_schema(kind)
    yield from _fields(schema, schema["$defs"], "")


def _fields(section: Mapping[str, Any], sections: Mapping[str, Any], prefix: str) -> Iterator[Field]:
    needed = section.get("required", ())
    for name, told in section["properties"].items():
        below = told.get("items", told).get("$ref")
        if below is not None:
            yield from _fields(sections[below.rpartition("/")[2]], sections, f"{prefix}{name}.")
            continue
        meaning, _, default = " ".join(told.get("description", "").split()).partition(" (default: ")
        meaning = meaning.removesuffix(".")
        yield Field(
            f"{prefix}{name}", _unset(told, name in needed, default), meaning, takes=_takes(told), range=_range(told)
        )


def _unset(told: Mapping[str, Any], needed: bool, described: str) -> str:
    if described:
        return described.rstrip(".").removesuffix(")")
    return "needed" if needed else templating.yaml_literal(told.get("default"))


def _takes(told: Mapping[str, Any]) -> str:
    """The type of what a schema lets pass, or its choices."""
    if "enum" in told or "const" in told:
        return values.choice([str(each) for each in told.get("enum", [told.get("const")])])
    if "anyOf" in told:
        return " or ".join(dict.fromkeys(_takes(option) for option in told["anyOf"] if option.get("type") != "null"))
    if told.get("type") == "array":
        entry = _takes(told["items"]) if "items" in told else _takes(told["prefixItems"][0])
        return f"a list: {entry}"
    return _TYPES.get(str(told.get("type")), "")


def _range(told: Mapping[str, Any]) -> str:
    """The bounds of what a schema lets pass, of entries for a list."""
    if "anyOf" in told:
        return "; or ".join(filter(None, (_range(option) for option in told["anyOf"])))
    entry = told.get("items") or next(iter(told.get("prefixItems", ())), None)
    if entry is not None:
        return _range(entry)
    parts = [words.format(told[bound]) for bound, words in _BOUNDS.items() if bound in told]
    parts += [f"below {told['exclusiveMaximum']:.10g}"] if "exclusiveMaximum" in told else []
    parts += [f"a multiple of {told['multipleOf']:g}"] if "multipleOf" in told else []
    return ", ".join(parts)
