"""Tunables from outside (tltpipe.yaml, --set): checked against the dataclass of their folder."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec

from specs import values as words
from specs.arithmetic import numbers
from specs.values import did_you_mean
from tltpipe.errors import ConfigError, Location

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Place = Location | Path | str | None


def build(folder: str, kind: type[Any], given: Mapping[str, object], where: Place | Callable[[str], Place]) -> Any:
    """An instance of the dataclass ``kind`` from ``given``, defaults for the rest.

    Numbers may be text, lists may be arithmetic ("[1.0, 1.0/3.0]"). ``where`` says where the values come from: a
    place, or a function from the key to its place. Raises ConfigError with every problem, a line each.
    """
    if (made := _plainly(kind, given)) is not None:
        return made
    from pydantic import ValidationError

    known = [field.name for field in dataclasses.fields(kind)]
    annotated = typing.get_type_hints(kind)
    lists = {
        field.name
        for field in dataclasses.fields(kind)
        if isinstance(field.default, tuple) and str not in typing.get_args(annotated[field.name])
    }
    problems: list[tuple[str, str, str | None]] = []
    values: dict[str, object] = {}
    for key, value in given.items():
        if key not in known:
            meant = did_you_mean(str(key), known)
            what = f'{folder} has no setting "{key}"' + (f"; {meant}" if meant else "")
            problems.append((str(key), what, None if meant else f"settings of {folder}: {', '.join(known)}"))
            continue
        try:
            values[key] = _list(value) if key in lists else value
        except ValueError as error:
            problems.append((key, f"{key}: {error}", None))
    try:
        result = adapter(kind).validate_python(values)
    except ValidationError as refusal:
        problems += [
            (str(error["loc"][0]), in_words(error, _name(error)), None) for error in refusal.errors(include_url=False)
        ]
    if not problems:
        return result
    place = where if callable(where) else lambda _: where
    (key, what, _), *others = problems
    lines = [what, *(str(ConfigError(told, where=place(other))) for other, told, _ in others)]
    hints = list(dict.fromkeys(hint for _, _, hint in problems if hint))
    raise ConfigError("\n".join(lines), where=place(key), hint="; ".join(hints) or None)


def _plainly(kind: type[Any], given: Mapping[str, object]) -> Any:
    """The instance where all of ``given`` is of the very types of ``kind``; None where only pydantic, which takes as
    long to load as a short command, can say."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    needed = {name for name, field in fields.items() if field.default is field.default_factory is dataclasses.MISSING}
    if not needed <= given.keys() <= fields.keys():
        return None
    hints = typing.get_type_hints(kind, include_extras=True) if given else {}
    try:
        return kind(**{key: _exact(value, hints[key]) for key, value in given.items()})
    except (TypeError, ValueError, msgspec.ValidationError):
        return None


def _exact(value: object, hint: Any) -> Any:
    """``value``, if it is words or whole numbers, or a list of these, and all that ``hint`` asks for. Raises TypeError,
    ValueError, msgspec.ValidationError."""
    limits: dict[str, Any] = {}
    if types.NoneType in typing.get_args(hint):
        (hint,) = (each for each in typing.get_args(hint) if each is not types.NoneType)
    if typing.get_origin(hint) is Annotated:
        hint, *bounds = typing.get_args(hint)
        for bound in bounds:  # annotated_types calls its limits as msgspec does
            limits |= {field.name: getattr(bound, field.name) for field in dataclasses.fields(bound)}
    if any(typing.get_args(each) for each in typing.get_args(hint)):
        raise TypeError
    for word in value if isinstance(value, list) else (value,):
        if not isinstance(word, bool | int | str) or not str(word).isascii():
            raise TypeError
    return msgspec.convert(value, Annotated[hint, msgspec.Meta(**limits)], strict=True)


def documentation(kind: type[Any]) -> dict[str, str]:
    """What each field of the dataclass is for, by name."""
    properties = json_schema(kind)["properties"]
    return {name: " ".join(told.get("description", "").split()) for name, told in properties.items()}


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON schema of the dataclass, and of those that it holds, for editors."""
    schema = adapter(kind).json_schema()
    for section in _sections(kind):
        of_section = schema if section is kind else schema["$defs"][section.__name__]
        for name, field in of_section["properties"].items():
            if "description" not in field:
                field |= _inherited(section, name)
    return schema


def _sections(kind: Any) -> Iterator[type[Any]]:
    """``kind`` and the dataclasses that its fields hold, however deep."""
    if dataclasses.is_dataclass(kind):
        yield cast("type[Any]", kind)
    parts = typing.get_type_hints(kind).values() if dataclasses.is_dataclass(kind) else typing.get_args(kind)
    for part in parts:
        yield from _sections(part)


def _inherited(kind: type[Any], name: str) -> dict[str, str]:
    """The description of a field that a base has: pydantic reads those in the class itself alone."""
    for base in kind.__mro__[1:]:
        if dataclasses.is_dataclass(base) and name in (known := _descriptions(base)):
            return {"description": known[name]}
    return {}


@cache
def _descriptions(kind: type[Any]) -> dict[str, str]:
    """What the class itself says of its fields."""
    properties = adapter(kind).json_schema()["properties"]
    return {name: field["description"] for name, field in properties.items() if "description" in field}


def adapter(kind: Any) -> TypeAdapter[Any]:
    """What makes instances of the dataclass out of plain values."""
    return _adapter(kind)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _list(value: object) -> object:
    """A list; of one entry where ``value`` is that entry."""
    calculated = _calculated(value)
    return [calculated] if isinstance(calculated, int | float) else calculated


def _calculated(value: object) -> object:
    """Lists may hold arithmetic, as in specs: as one text, or as an entry of a list."""
    if isinstance(value, str):
        return numbers(value) if value.lstrip().startswith("[") else numbers(f"[{value}]")[0]
    if isinstance(value, (list, tuple)):
        return [_calculated(entry) for entry in value]
    return value


def _name(error: Any) -> str:
    key, *rest = error["loc"]
    return f"{key}{''.join(f'[{step}]' for step in rest)}"


_NEEDED = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "finite_number": "a finite number",
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_parsing", "float_type"), "a number"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "true or false"),
    **dict.fromkeys(("string_type", "string_unicode"), "text"),
}
"""By pydantic's types of errors: what a value must be."""


def in_words(error: Any, name: str) -> str:
    """What pydantic has against the value of ``name``."""
    told, context = str(error["msg"]), error.get("ctx", {})
    if error["type"] in ("too_short", "too_long"):
        limit = f"{context['min_length']} or more" if "min_length" in context else f"at most {context['max_length']}"
        return f"{name} needs {limit} entries, not {context['actual_length']}"
    shown = _shown(error["input"])
    if error["type"] in _NEEDED:
        return f"{name} must be {_NEEDED[error['type']].format_map(context)}, not {shown}"
    if error["type"] == "literal_error":
        known = re.findall(r"'([^']+)'", told)
        meant = did_you_mean(str(error["input"]), known)
        choices = words.choice(known) if known else told.removeprefix("Input should be ")
        return f"{name} must be {choices}, not {shown}" + (f"; {meant}" if meant else "")
    told = told.replace("Input should be", "must be").partition(", unable to")[0]
    told = told.replace("an instance of Sequence", "a list")
    return f"{name} {told[:1].lower()}{told[1:]}, not {shown}"


def _shown(value: object) -> str:
    """A value as a file has it: words and numbers without quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return value if re.fullmatch(r"[\w.+%-]+", value) else f'"{words.one_line(value)}"'
    return repr(value)
