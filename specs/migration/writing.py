"""Text from trees: proto-text and YAML, each field with its comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from specs.migration.tree import Field, Scalar, Section, Value
from specs.templating import yaml_literal, yaml_quoted

INDENT = "  "
_PLAIN = re.compile(r"[\w.+-]+|~")
"""What means the same in YAML with quotes and without, but for its type."""


def proto_text(root: Section) -> str:
    """The spec as proto-text. A list is written as one field for each of its values."""
    return _text([*_proto(root.fields, ""), *root.below])


def yaml_text(root: Section) -> str:
    """The spec as YAML. Sections of one name, and those that are ``listed``, are a list; so are fields of one name."""
    from yaml.reader import Reader

    # Values are escaped; comments of proto-text may hold what YAML refuses even there.
    return Reader.NON_PRINTABLE.sub("", _text([*_yaml(root.fields, ""), *root.below]))


def _text(lines: Iterable[str]) -> str:
    """Lines without blank ones at the beginning, or two of them together."""
    text: list[str] = []
    for line in lines:
        if line.strip() or (text and text[-1]):
            text.append(line.rstrip())
    while text and not text[-1]:
        text.pop()
    return "".join(f"{line}\n" for line in text)


def _above(node: Field | Section, margin: str) -> list[str]:
    return [f"{margin}{line}" if line else "" for line in node.comments.above]


def _behind(line: str, comment: str) -> str:
    return f"{line}  {comment}" if comment else line


def _proto(fields: Iterable[Field | Section], margin: str) -> Iterator[str]:
    for each in fields:
        yield from _above(each, margin)
        if isinstance(each, Section):
            yield _behind(f"{margin}{each.name} {{", each.comments.behind)
            yield from _proto(each.fields, margin + INDENT)
            yield from (f"{margin}{INDENT}{line}" if line else "" for line in each.below)
            yield _behind(f"{margin}}}", each.end)
            continue
        comment = each.comments.behind
        for value in _flat(each.value):
            yield _behind(f"{margin}{each.name}: {value.shown}", comment)
            comment = ""


def _flat(value: Value) -> Iterator[Scalar]:
    if isinstance(value, Scalar):
        yield value
        return
    for part in value:
        yield from _flat(part)


def _yaml(fields: Iterable[Field | Section], margin: str) -> Iterator[str]:
    groups: dict[str, list[Field | Section]] = {}
    for each in fields:
        groups.setdefault(each.name, []).append(each)
    for name, group in groups.items():
        sections = [each for each in group if isinstance(each, Section)]
        own = [each for each in group if isinstance(each, Field)]
        if own:
            yield from _yaml_field(name, own, margin)
        elif len(sections) > 1 or sections[0].listed:
            yield from _yaml_list(name, sections, margin)
        else:
            yield from _above(sections[0], margin)
            yield _behind(f"{margin}{_key(name)}:{'' if _filled(sections[0]) else ' {}'}", sections[0].comments.behind)
            yield from _yaml_section(sections[0], margin + INDENT)


def _yaml_section(section: Section, margin: str) -> Iterator[str]:
    yield from _yaml(section.fields, margin)
    yield from (f"{margin}{line}" if line else "" for line in section.below)
    if section.end:
        yield f"{margin}{section.end}"


def _yaml_field(name: str, fields: list[Field], margin: str) -> Iterator[str]:
    *others, comment = ["", *(each.comments.behind for each in fields if each.comments.behind)]
    for each in fields:
        yield from _above(each, margin)
    yield from (f"{margin}{other}" for other in others if other)
    value = fields[0].value if len(fields) == 1 else [each.value for each in fields]
    yield _behind(f"{margin}{_key(name)}: {_yaml_value(value)}", comment)


def _yaml_list(name: str, sections: list[Section], margin: str) -> Iterator[str]:
    yield from _above(sections[0], margin)
    yield f"{margin}{_key(name)}:"
    inner = margin + INDENT
    for number, section in enumerate(sections):
        if number:
            yield from _above(section, inner)
        if section.comments.behind:
            yield f"{inner}{section.comments.behind}"
        lines = list(_yaml_section(section, inner + INDENT)) if _filled(section) else [f"{inner}{INDENT}{{}}"]
        place = next(place for place, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#"))
        lines[place] = f"{inner}- {lines[place][len(inner) + len(INDENT) :]}"
        yield from lines


def _filled(section: Section) -> bool:
    return bool(section.fields)


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else yaml_literal(name)


def _yaml_value(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml_value, value))}]"
    if value.text and _PLAIN.fullmatch(value.text) and not value.quoted:
        return value.text
    if not value.text and not value.quoted:
        return "null"
    return yaml_quoted(value.text) if value.refers else yaml_literal(value.text)
