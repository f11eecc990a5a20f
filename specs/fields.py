"""Every field of the specs, kind by kind: what it is for, what it takes, what it means where it is not written.

A kind whose specs are protobuf text has a table of its own, ``FIELDS`` in its module ``fields``, with GENERATIONS: what
its dialects are called. The fields of a kind in YAML are those of the dataclass of its spec.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

from specs import dialects, templating, tuning, values

YES, NO = "yes", "no"
_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}
_BOUNDS = {"minimum": "{:.10g} or more", "exclusiveMinimum": "above {:.10g}", "maximum": "at most {:.10g}"}


@dataclass(frozen=True)
class Field:
    """``path`` without indices; ``unset`` is what a field that is not written means ("needed": it must be).

    ``honoured``: yes, no, or by whom in which case; ``dialects``: those that have the field, () where there is one.
    ``takes``: the type of its values, or the choices; ``range`` and ``unit`` of them. ``nvidia``: what NVIDIA's own
    programs do with it, where that is not what ``meaning`` says.
    """

    path: str
    unset: str
    meaning: str
    honoured: str = YES
    dialects: tuple[str, ...] = ()
    takes: str = ""
    range: str = ""
    unit: str = ""
    nvidia: str = ""
    zero_counts: bool = False
    """Whether a written 0 is that number; of other fields it means what leaving them out means."""
    listed: bool = False
    """Whether the value is a text that holds a list of numbers."""
    unordered: bool = False
    """Whether the order of a repeated field's entries means nothing."""

    @property
    def section(self) -> str:
        return self.path.partition(".")[0] if "." in self.path else ""


@cache
def table(kind: str) -> tuple[Field, ...]:
    """The fields of specs of ``kind``, a folder of ``specs``, in all its dialects."""
    from specs.kinds import load

    module = load(kind)
    experiment = getattr(module, "EXPERIMENT", None)
    if experiment is not None:
        return tuple(_of_dataclass(experiment))
    own = _own(module)
    described: dict[str, Any] = {}
    for dialect in dialects.of(module):
        if hasattr(dialect, "SCHEMA"):
            described |= _descriptors(dialects.message(dialect, module.MESSAGE).DESCRIPTOR)
    return tuple(
        replace(each, takes=each.takes or values.expected(described[each.path])) if each.path in described else each
        for each in own.FIELDS
    )


@cache
def by_path(kind: str, dialect: str = "") -> dict[str, Field]:
    """The fields that specs of ``kind`` have in a dialect, or in any, by path."""
    return {each.path: each for each in table(kind) if not (dialect and each.dialects) or dialect in each.dialects}


def generations(kind: str) -> Mapping[str, str]:
    """What the dialects of ``kind`` are called: {"tlt2": "TLT 2.0"}."""
    from specs.kinds import load

    module = load(kind)
    named: Mapping[str, str] = {"": "tltpipe"} if hasattr(module, "EXPERIMENT") else _own(module).GENERATIONS
    return named


def derived(kind: str) -> Mapping[str, Callable[[Any], Any]]:
    """What fields that are not written mean where that follows from others: by path, functions of the message."""
    from specs.kinds import load

    module = load(kind)
    known: Mapping[str, Callable[[Any], Any]]
    known = {} if hasattr(module, "EXPERIMENT") else getattr(_own(module), "DERIVED", {})
    return known


def elsewhere(kind: str, path: str) -> Iterator[str]:
    """What dialects of ``kind`` without the field at ``path`` have in its place."""
    from specs.kinds import load

    module, name = load(kind), path.rpartition(".")[2]
    for dialect in [] if hasattr(module, "EXPERIMENT") else dialects.of(module):
        hint = getattr(dialect, "ELSEWHERE", {}).get(name, "")
        if hint and path not in by_path(kind, dialects.name(dialect)):
            yield hint.partition("; ")[2]


def _own(module: ModuleType) -> ModuleType:
    return importlib.import_module(f"{module.__name__}.fields")


def _descriptors(descriptor: Any, path: str = "") -> dict[str, Any]:
    """The descriptors of all fields with values, by path."""
    found: dict[str, Any] = {}
    for field in descriptor.fields:
        here = f"{path}{field.name}"
        if field.message_type is None:
            found[here] = field
        elif not field.message_type.GetOptions().map_entry:
            found |= _descriptors(field.message_type, f"{here}.")
    return found


def _of_dataclass(kind: type[Any]) -> Iterator[Field]:
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
    if "minimum" in told and "maximum" in told:
        return f"from {told['minimum']:.10g} to {told['maximum']:.10g}"
    parts = [words.format(told[bound]) for bound, words in _BOUNDS.items() if bound in told]
    parts += [f"below {told['exclusiveMaximum']:.10g}"] if "exclusiveMaximum" in told else []
    parts += [f"a multiple of {told['multipleOf']:g}"] if "multipleOf" in told else []
    return ", ".join(parts)
