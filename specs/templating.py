"""Templates of specs: an undefined name is an error, and whatever a template prints comes out as protobuf text.

In those called ``.yaml.j2`` it comes out as YAML.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from specs import references
from tltpipe.errors import SpecError

if TYPE_CHECKING:
    from jinja2 import Environment


class Word(str):
    """Text that goes into a spec without quotes: the name of an enum value."""

    __slots__ = ()


def render(folder: str, template: str, tunables: Any, variables: dict[str, object]) -> str:
    """``specs/<folder>/<template>`` with the fields of the dataclass ``tunables`` and ``variables`` (which win).

    Raises SpecError when the template does not exist, or names something that is not given.
    """
    from jinja2 import TemplateError

    fields = {field.name: getattr(tunables, field.name) for field in dataclasses.fields(tunables)}
    try:
        return str(_environment(template).get_template(f"{folder}/{template}").render({**fields, **variables}))
    except (TemplateError, ValueError) as error:
        raise SpecError(f"this template cannot be filled in: {error}", where=f"specs/{folder}/{template}") from error


def settings_of(folder: str, template: str) -> frozenset[str]:
    """The names that ``specs/<folder>/<template>`` takes values from."""
    from jinja2 import meta

    return frozenset(meta.find_undeclared_variables(_environment(template).parse(_source(folder, template))))


@functools.cache
def setting_of_field(folder: str, template: str) -> dict[str, str]:
    """The setting that a field's value is, by the field's name, as ``specs/<folder>/<template>`` has them; where fields
    of one name are several settings, by "section.field" (``setting_at``)."""
    places: dict[str, list[tuple[str, str]]] = {}
    sections: list[tuple[int, str]] = []
    for indent, name, setting in _FIELD.findall(_source(folder, template)):
        while sections and sections[-1][0] >= len(indent):
            sections.pop()
        if setting:
            places.setdefault(name, []).append((sections[-1][1] if sections else "", setting))
        else:
            sections.append((len(indent), name))
    found: dict[str, str] = {}
    for name, pairs in places.items():
        one = len({setting for _, setting in pairs}) == 1
        found |= {name if one else f"{section}.{name}": setting for section, setting in reversed(pairs)}
    return found


def setting_at(path: str, names: Mapping[str, str]) -> str | None:
    """The setting behind the field at ``path`` ("model.rpn.nms_thresh"), of those that ``setting_of_field`` found."""
    *_, section, field = ["", *path.split(".")]
    return names.get(f"{section.partition('[')[0]}.{field}") or names.get(field)


_FIELD = re.compile(r"^([ -]*)(\w+)(?::[ ]*\{\{[ ]*\[?(\w+)|:[ ]*$|[ ]*\{$)", re.MULTILINE)
"""A field with a setting, or the beginning of a section, in protobuf text and in YAML alike."""


def _source(folder: str, template: str) -> str:
    """The text of a template, with that of templates beside this file where it includes them: what networks share."""
    return _with_included((templates(folder) / template).read_text(encoding="utf-8"))


def _with_included(text: str) -> str:
    beside = Path(__file__).with_name
    return _INCLUDE.sub(lambda found: _with_included(beside(found[1]).read_text(encoding="utf-8")), text)


_INCLUDE = re.compile(r'^\{% include "([\w.]+)" %\}\n', re.MULTILINE)


def templates(folder: str) -> Path:
    """Where the templates of this kind of spec lie."""
    return Path(str(importlib.import_module(f"specs.{folder}").__file__)).parent


def _found(name: str) -> str | None:
    """The template ``folder/file``; None where there is none."""
    folder, _, template = name.partition("/")
    return _source(folder, template) if (templates(folder) / template).is_file() else None


def literal(value: object) -> str:
    """``value`` as protobuf text: "text" in quotes, true, 18, 5e-05, and a list as quoted text: "[1.0, 2.0]".

    Raises ValueError for None and whatever else has no spelling.
    """
    match value:
        case Word():
            return str(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | PurePath():
            return quoted(str(value))
        case list() | tuple():
            return quoted(_listed(value))
    raise ValueError(f"{value!s} has no spelling in a spec")


def quoted(text: str) -> str:
    """``text`` in quotes; quotes, backslashes and control characters escaped, everything else as it is.

    Raises ValueError for text that is not Unicode, such as a path of undecodable bytes.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!a} is not valid Unicode, as protobuf wants it") from None
    return '"' + re.sub(r'["\\\x00-\x1f\x7f]', _escaped, text) + '"'


def word(text: str) -> Word:
    """The filter ``| word``: the name of an enum value."""
    if not re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII):
        raise ValueError(f"{text!r} is not the name of a value")
    return Word(text)


def _listed(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_listed, value))}]"
    return repr(value)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    names = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return names.get(character, f"\\{ord(character):03o}")


def yaml_literal(value: object) -> str:
    """``value`` as YAML: "text" in quotes, true, 18, null, [1.0, 2.0]; paths as text."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(yaml_literal, value))}]"
    if not isinstance(value, (str, PurePath)):
        return "null" if value is None else literal(value)
    return yaml_quoted(references.literal(str(value)))


def yaml_quoted(text: str) -> str:
    """``text`` in the quotes of YAML, on one line; what it refers to by ${...} it still does.

    Raises ValueError as ``quoted``.
    """
    import yaml

    quoted(text)  # which refuses what is not Unicode
    return str(yaml.safe_dump(text, default_style='"', allow_unicode=True, width=sys.maxsize)).removesuffix("\n")


def _environment(template: str) -> Environment:
    return _environment_of(yaml_literal if template.endswith(".yaml.j2") else literal)


@functools.cache
def _environment_of(finalize: Callable[[object], str]) -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_found),
        undefined=StrictUndefined,
        finalize=finalize,
        autoescape=False,  # not HTML: ``finalize`` quotes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["word"] = word
    return environment
