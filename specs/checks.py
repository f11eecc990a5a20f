"""What the files of ``specs/<folder>`` check with: findings about a spec, gathered into one error or into warnings."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from specs import values
from specs.arithmetic import numbers
from specs.spec import Spec
from tltpipe.errors import Location, SpecError

Severity = Literal["error", "warning", "note"]
MOST_TOLD = 20
"""Errors that one message shows."""


@dataclass(frozen=True)
class Edit:
    """A replacement in the text of a spec: of ``length`` characters at ``line`` and ``column``, both from 1."""

    line: int
    column: int
    length: int
    text: str


@dataclass(frozen=True)
class Finding:
    """Something about the field at ``path``, or at ``place`` (line and column) where it is at no field that is known.

    ``hint`` says what to do; ``code`` is that of the rule; ``edit`` what mends it, where a program can.
    """

    path: str
    what: str
    hint: str | None = None
    severity: Severity = "error"
    code: str = ""
    edit: Edit | None = None
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class Range:
    """What the number at ``path`` must be: ``holds`` decides, ``needed`` says it ("above 0").

    Where the message around it is not written, there is nothing to judge.
    """

    path: str
    needed: str
    holds: Callable[[Any], bool]


def above(path: str, low: float) -> Range:
    return Range(path, f"above {low:g}", lambda value: low < value < math.inf)


def at_least(path: str, low: float) -> Range:
    return Range(path, f"{low:g} or more", lambda value: low <= value < math.inf)


def inside(path: str, low: float, high: float) -> Range:
    """Above ``low`` and below ``high``."""
    return Range(path, f"above {low:g} and below {high:g}", lambda value: low < value < high)


def share(path: str) -> Range:
    return Range(path, "0 or more and below 1", lambda value: 0 <= value < 1)


def finite(path: str) -> Range:
    return Range(path, "a finite number", math.isfinite)


def within(path: str, low: float, high: float) -> Range:
    """From ``low`` to ``high``, both allowed."""
    return Range(path, f"from {low:.10g} to {high:.10g}", lambda value: low <= value <= high)


def one_of(path: str, *allowed: int) -> Range:
    return Range(path, values.choice([str(number) for number in allowed]), lambda value: value in allowed)


def out_of_range(spec: Spec, ranges: Iterable[Range]) -> Iterator[Finding]:
    """A finding for every range that is left, by a value written or by one left out."""
    for each in ranges:
        parent, _, name = each.path.rpartition(".")
        holder = message_at(spec, parent)
        if holder is None or not _has(holder, name) or each.holds(value := getattr(holder, name)):
            continue
        if spec.is_set(each.path):
            shown = f"{value:g}" if isinstance(value, float) else value
            yield Finding(each.path, f"{name} must be {each.needed}, not {shown}")
        else:
            yield Finding(each.path, f'{parent.rpartition(".")[2] or "the spec"} needs "{name}", {each.needed}')


def required(spec: Spec, *paths: str) -> Iterator[Finding]:
    """A finding for every message or text of these that is missing though what it belongs to is there."""
    for path in paths:
        parent, _, name = path.rpartition(".")
        holder = message_at(spec, parent)
        if holder is None or not _has(holder, name):
            continue
        field = holder.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and not values.repeated(field):
            missing = not holder.HasField(name)
        else:
            missing = not getattr(holder, name)
        if missing:
            yield Finding(path, f'{parent.rpartition(".")[2] or "the spec"} needs "{name}"')


def list_of(
    spec: Spec,
    path: str,
    *,
    length: int | None,
    needed: str,
    holds: Callable[[Any], bool],
    hint: str | None = None,
) -> Iterator[Finding]:
    """Findings about a list written as text: its arithmetic, its length, the first entry for which not ``holds``.

    ``hint`` is for one of another length.
    """
    name = path.rpartition(".")[2]
    try:
        entries = numbers(str(getattr(message_at(spec, path.rpartition(".")[0]), name)))
    except ValueError as error:
        yield Finding(path, f"{name}: {error}")
        return
    if not entries or (length is not None and len(entries) != length):
        yield Finding(path, f"{name} needs {length or 'one or more'} entries, not {len(entries)}", hint)
        return
    wrong = next((entry for entry in entries if not holds(entry)), None)
    if wrong is not None:
        yield Finding(path, f"every entry of {name} must be {needed}, not {wrong}")


def message_at(spec: Spec, path: str) -> Any | None:
    """The message at ``path`` ("" is the whole spec), or None where it is not written, or in no spec of the dialect."""
    message = spec.message
    for name in path.split(".") if path else []:
        if not _has(message, name) or not message.HasField(name):
            return None
        message = getattr(message, name)
    return message


def _has(message: Any, name: str) -> bool:
    """Whether messages of this kind have such a field; dialects differ."""
    descriptor = getattr(message, "DESCRIPTOR", None)
    return descriptor is not None and name in descriptor.fields_by_name


def value_at(spec: Spec, path: str) -> Any:
    """What the message holds at ``path``, entries of lists by their index."""
    value = spec.message
    if isinstance(value, Mapping):
        return value[path]
    for name, index in re.findall(r"(\w+)(?:\[(\d+)\])?", path):
        value = getattr(value, name)
        value = value[int(index)] if index else value
    return value


def without_effect(spec: Spec, *paths: str) -> Iterator[Finding]:
    """A finding for every field of these that asks for something: a written false, 0 or "" asks for nothing."""
    for path in paths:
        if spec.is_set(path) and value_at(spec, path):
            what = f"{path.rpartition('.')[2]} is read but has no effect"
            yield Finding(path, what, edit=removed(spec, path))


def only_one(spec: Spec, *paths: str) -> Iterator[Finding]:
    """A finding where more than one of these is written: protobuf would silently keep the last one."""
    found = sorted((path for path in paths if spec.is_set(path)), key=lambda path: spec.positions[path])
    if len(found) > 1:
        names = [path.rpartition(".")[2] for path in found]
        yield Finding(found[-1], f"{' and '.join(names)} are both written: only one can be used")


def as_error(spec: Spec, finding: Finding) -> SpecError:
    return SpecError(finding.what, where=located(spec, finding), hint=finding.hint, code=finding.code)


def as_finding(error: SpecError, text: str = "") -> Finding:
    """What an error about ``text`` says, for where findings are shown."""
    where = error.where
    if not isinstance(where, Location) or not where.line:
        return Finding("", error.what, error.hint, code=error.code)
    place, edit = (where.line, where.column or 1), None
    if error.instead is not None and _behind(text, place).startswith(error.instead[0]):
        edit = Edit(*place, len(error.instead[0]), error.instead[1])
    return Finding("", error.what, error.hint, code=error.code, place=place, edit=edit)


def rewritten(spec: Spec, path: str, value: str) -> Edit | None:
    """What writes ``value`` for the scalar field at ``path``; None where its value does not follow its name."""
    found = _VALUE.match(_behind(spec.text, spec.positions.get(path)))
    if found is None:
        return None
    line, column = spec.positions[path]
    return Edit(line, column + found.start("value"), len(found["value"]), value)


def removed(spec: Spec, path: str) -> Edit | None:
    """What takes the scalar field at ``path`` out of a text spec."""
    found = _VALUE.match(_behind(spec.text, spec.positions.get(path)))
    return Edit(*spec.positions[path], found.end(), "") if found is not None else None


_VALUE = re.compile(r"""\w+[ \t]*:[ \t]*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.+-]+)""")


def _behind(text: str, place: tuple[int, int] | None) -> str:
    """The rest of the line from ``place`` on."""
    rows = text.split("\n") if place is not None else []
    return rows[place[0] - 1][place[1] - 1 :] if place is not None and place[0] <= len(rows) else ""


def together(errors: Iterable[SpecError]) -> SpecError:
    """One error for all of ``errors`` (one at least), a line each; the first twenty are shown."""
    first, *others = islice(errors, MOST_TOLD + 1)
    if not others:
        return first
    lines = [first.what, *(str(error) for error in others[: MOST_TOLD - 1])]
    if len(others) == MOST_TOLD:
        lines.append("and more")
    hints = list(dict.fromkeys(error.hint for error in (first, *others) if error.hint))[:3]
    what, hint = "\n".join(lines), "; ".join(hints) or None
    return SpecError(what, where=first.where, hint=hint, code=first.code, parts=(first, *others))


def unknown_enum_numbers(spec: Spec) -> Iterator[Finding]:
    """protobuf takes any number for an enum; only the named ones mean something."""

    def walk(message: Any, path: str) -> Iterator[Finding]:
        for field, value in message.ListFields():
            here = f"{path}.{field.name}" if path else field.name
            if field.enum_type is not None and not values.repeated(field):
                if value not in field.enum_type.values_by_number:
                    yield Finding(here, f"{field.name} takes {values.expected(field)}, not {value}")
            elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
                parts = value if values.repeated(field) else [value]
                for index, part in enumerate(parts):
                    yield from walk(part, f"{here}[{index}]" if values.repeated(field) else here)

    yield from walk(spec.message, "")


def located(spec: Spec, finding: Finding) -> Location:
    """The place of what ``finding`` is about."""
    return spec.where(finding.path) if finding.place is None else Location(spec.source, *finding.place)
