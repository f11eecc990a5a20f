"""The types behind a spec in YAML: the keys of a dataclass of sections, and values made of texts by them."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from specs.yaml_text import Value

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@cache
def known(kind: Any) -> tuple[str, ...]:
    """Dotted keys of a dataclass of sections, ``[]`` behind those with lists of sections or of lists."""
    return tuple(_keys(kind))


def _keys(kind: Any) -> Iterator[str]:
    for field in dataclasses.fields(kind):
        name, hint = field.name, type_at(kind, field.name)
        entry = entry_type(hint)
        if dataclasses.is_dataclass(hint):
            yield from (f"{name}.{key}" for key in _keys(hint))
        elif dataclasses.is_dataclass(entry):
            yield from (f"{name}[].{key}" for key in _keys(entry))
        else:
            yield f"{name}[]" if entry_type(entry) is not None else name


def bare(hint: Any) -> Any:
    """A type without ``| None``."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def entry_type(hint: Any) -> Any | None:
    """What a list of this type holds; None where it is no list."""
    return bare(typing.get_args(hint)[0]) if typing.get_origin(hint) is tuple else None


def type_at(kind: Any, path: str) -> Any:
    """The type of the key or entry at ``path``."""
    for name, index in _STEP.findall(path):
        kind = entry_type(kind) if index else bare(_hints(kind)[name])
    return kind


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def choices(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()


def nested(places: Mapping[str, Any], values: Mapping[str, Value], kind: type[Any]) -> dict[str, Any]:
    """Sections as dicts and lists as lists, with the texts in them that are in ``values``."""
    top: dict[str, Any] = {}
    for path in places:
        hint = type_at(kind, path)
        if path in values:
            made = _value(values[path], hint)
        elif dataclasses.is_dataclass(hint):
            made = {}
        elif entry_type(hint) is not None:
            made = []
        else:
            continue  # its value is among the misfits
        holder, last = _holder(top, path)
        if isinstance(holder, list):
            holder.append(made)
        elif holder is not None:
            holder[last] = made
    return top


def _holder(top: dict[str, Any], path: str) -> tuple[Any, str]:
    """The dict or list that the last step of ``path`` is put in, and that step."""
    *steps, (name, index) = _STEP.findall(path)
    here: Any = top
    for step, number in steps:
        here = here[int(number)] if number else here.get(step)
        if here is None:
            break
    return here, name or index


def _value(value: Value, hint: Any) -> Any:
    """Text or a list of texts; a choice by its name in whatever case; None for YAML's nothing."""
    entry = entry_type(hint)
    if isinstance(value, tuple):
        return [_value(part, entry) for part in value]
    if value.null:
        return None
    if entry is not None:
        return [_value(value, entry)]  # one value is a list of one
    known_choices = {str(choice).lower(): choice for choice in choices(hint)}
    return known_choices.get(value.text.lower(), value.text)
