"""What a spec means: the value of each of its fields, written or not, and what differs between two specs."""

from __future__ import annotations

import dataclasses
import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from specs import fields, kinds, values
from specs.arithmetic import numbers
from specs.fields import NO, Field
from specs.spec import Spec, generic


@dataclass(frozen=True)
class Effective:
    """``value`` of the field at ``path``: a number, text, true or false, a list; None where it is no plain value, which
    ``text`` describes. ``line`` is that of the file; None where the field is not written. ``note``: what else there is
    to know."""

    path: str
    value: Any
    text: str
    line: int | None = None
    note: str = ""

    def same(self, other: Effective) -> bool:
        """Whether both mean the same, however written."""
        return _alike(self.value, other.value) and (self.value is not None or self.text == other.text)


def effective(spec: Spec) -> list[Effective]:
    """All fields that say something in ``spec``, in the order of its kind's table; those of lists and maps by entry."""
    table = fields.by_path(spec.kind, spec.dialect)
    if dataclasses.is_dataclass(spec.message):
        message: Any = spec.message
        train = kinds.settled_training(spec)
        message = message if train is None else dataclasses.replace(message, train=train)
        found = list(_of_dataclass(spec, table, message, ""))
    elif isinstance(spec.message, Mapping):
        found = [_told(spec, table, key, value) for key, value in spec.message.items()]
    else:
        found = list(_of_message(spec, table, spec.message, ""))
        found = [_derived(spec, each) for each in found]
    order = _order(table)
    return sorted(found, key=lambda each: order.get(generic(each.path), len(order)))


def _alike(first: Any, second: Any) -> bool:
    """Whether two values are equal, numbers as far as 32 bits tell them apart."""
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_alike, first, second))
    if isinstance(first, float | int) and isinstance(second, float | int):
        return math.isclose(first, second, rel_tol=1e-6)
    return bool(first == second)


@dataclass(frozen=True)
class Difference:
    """A field that means two things; None where a spec has no such field."""

    path: str
    before: Effective | None
    after: Effective | None


def difference(before: Spec, after: Spec) -> list[Difference]:
    """What ``after`` means otherwise than ``before``, a spec of the same kind; order, comments and spellings of numbers
    mean nothing."""
    first, second = ({each.path: each for each in effective(spec)} for spec in (before, after))
    pairs = ((path, first.get(path), second.get(path)) for path in {**first, **second})
    return [Difference(path, a, b) for path, a, b in pairs if a is None or b is None or not a.same(b)]


def _of_dataclass(spec: Spec, table: Mapping[str, Field], value: Any, path: str) -> Iterator[Effective]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _of_dataclass(spec, table, getattr(value, field.name), f"{path}.{field.name}".removeprefix("."))
    elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        for index, part in enumerate(value):
            yield from _of_dataclass(spec, table, part, f"{path}[{index}]")
    elif value is None:
        yield from _unwritten(table, path)
    else:
        yield _told(spec, table, path, value)


def _of_message(spec: Spec, table: Mapping[str, Field], message: Any, prefix: str) -> Iterator[Effective]:
    for field in message.DESCRIPTOR.fields:
        path, kind = f"{prefix}{field.name}", field.message_type
        value = getattr(message, field.name)
        if kind is not None and kind.GetOptions().map_entry:
            yield from _of_map(spec, table, path, value)
        elif kind is not None:
            for below, part in _sections(message, field, path):
                yield from _of_message(spec, table, part, f"{below}.")
        elif values.repeated(field):
            known, parts = table.get(generic(path)), _shortest(list(value))
            parts = sorted(parts) if known is not None and known.unordered else parts
            yield from [_told(spec, table, path, parts, at=f"{path}[0]")] if parts else _unwritten(table, path)
        elif generic(path) in table:
            yield from _of_scalar(spec, table, message, field, path)


def _sections(message: Any, field: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The messages that ``field`` holds, with their paths: none, one, or those of a list."""
    value = getattr(message, field.name)
    if values.repeated(field):
        yield from ((f"{path}[{index}]", part) for index, part in enumerate(value))
    elif message.HasField(field.name):
        yield path, value


def _of_map(spec: Spec, table: Mapping[str, Field], path: str, entries: Mapping[str, Any]) -> Iterator[Effective]:
    for key, value in sorted(entries.items()):
        at = f'{path}["{key}"]'
        yield _told(spec, table, f"{path}[{spelt(key)}]", _shortest(value), at=at)
    if not entries:
        yield from _unwritten(table, path)


def _of_scalar(spec: Spec, table: Mapping[str, Field], message: Any, field: Any, path: str) -> Iterator[Effective]:
    """protobuf knows no difference between 0 and nothing, but for members of a oneof and what our programs look up."""
    known, value = table[generic(path)], getattr(message, field.name)
    alone = field.containing_oneof is not None
    written = message.HasField(field.name) if alone else spec.is_set(path)
    read = _read(known, field, value)
    if written and (value or alone or known.zero_counts or read == _default(known)):
        yield _told(spec, table, path, read)
    else:
        note = f"0 in line {spec.positions[path][0]} means the default" if written and path in spec.positions else ""
        yield from (dataclasses.replace(each, note=note) for each in _unwritten(table, path))


def _told(spec: Spec, table: Mapping[str, Field], path: str, value: Any, *, at: str | None = None) -> Effective:
    """A field with a value; ``at`` is its path among ``spec.positions``."""
    plain, known = _plain(value), table.get(generic(path))
    line = spec.positions.get(at or path, (None,))[0]
    return Effective(path, plain, spelt(plain), line, _note(spec, known) if known is not None and line else "")


def _note(spec: Spec, known: Field) -> str:
    """What our programs make of a field that is written, where they do not do what it says."""
    if known.honoured == NO:
        return "no effect"
    return known.honoured.partition("; ")[2] if spec.strict else ""


def _unwritten(table: Mapping[str, Field], path: str) -> Iterator[Effective]:
    """A field that is not written, where that means something."""
    known = table.get(generic(path))
    if known is not None and known.unset and not known.unset.startswith("needed"):
        value = _default(known)
        yield Effective(path, value, known.unset if value is None else spelt(value))


def _derived(spec: Spec, told: Effective) -> Effective:
    """With a value in place of words where the kind's module of fields knows how it follows from others."""
    derive = fields.derived(spec.kind).get(told.path) if told.value is None else None
    if derive is None:
        return told
    value = _shortest(derive(spec.message))
    return dataclasses.replace(told, value=value, note=told.text, text=spelt(value))


def _order(table: Mapping[str, Field]) -> dict[str, int]:
    """Where the fields of a table, and the sections around them, come first."""
    order: dict[str, int] = {}
    for place, path in enumerate(table):
        while path:
            order.setdefault(path, place)
            path = path.rpartition(".")[0]
    return order


def _default(known: Field) -> Any:
    """The value that ``unset`` says; None where it describes one."""
    if known.unset in ("true", "false"):
        return known.unset == "true"
    try:
        return float(known.unset) if "." in known.unset or "e" in known.unset else int(known.unset)
    except ValueError:
        return known.unset if known.unset in known.takes.replace(" or ", ", ").split(", ") else None


def _read(known: Field, field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return named.name if named is not None else value
    if known.listed and value:
        return numbers(value)
    return _shortest(value)


def _shortest(value: Any) -> Any:
    """Numbers of 32 bits by as few digits as tell them from their neighbours: 0.02, not 0.019999999552965164."""
    if isinstance(value, (tuple, list)):
        return [_shortest(part) for part in value]
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    tries = (float(f"{value:.{digits}g}") for digits in range(6, 10))
    return next((each for each in tries if struct.pack("f", each) == struct.pack("f", value)), value)


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, (tuple, list)) else value


def spelt(value: Any) -> str:
    """``value`` as JSON has it, on one line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
