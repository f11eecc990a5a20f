"""What a field of a spec takes, in words, and whether a token is that."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from specs.layout import Token


def repeated(field: FieldDescriptor) -> bool:
    """Whether the field may be written more than once (lists and maps)."""
    told = getattr(field, "is_repeated", None)  # protobuf 6.31 and later; ``label`` is gone some day
    return bool(told) if told is not None else getattr(field, "label", 0) == 3


def in_map_entry(field: FieldDescriptor) -> bool:
    """Whether this is the ``key`` or the ``value`` of a map's entries."""
    owner = field.containing_type
    return owner is not None and bool(owner.GetOptions().map_entry)


def expected(field: FieldDescriptor) -> str:
    """What this scalar field takes: ``a whole number from 0 to 4294967295``, ``text in quotes``, ``L1 or L2``."""
    if field.enum_type is not None:
        return choice([value.name for value in field.enum_type.values])
    return {
        field.CPPTYPE_INT32: "a whole number",
        field.CPPTYPE_UINT32: "a whole number, 0 or more",
        field.CPPTYPE_FLOAT: "a number",
        field.CPPTYPE_DOUBLE: "a number",
        field.CPPTYPE_BOOL: "true or false",
        field.CPPTYPE_STRING: "text in quotes",
    }.get(field.cpp_type, "another kind of value")


def fits(field: FieldDescriptor, token: Token) -> bool:
    """Whether protobuf takes this token as a value of this scalar field."""
    if field.cpp_type == field.CPPTYPE_STRING:
        return token.kind == "text"
    return token.kind in ("word", "number") and reads(field, token.text)


def reads(field: FieldDescriptor, text: str) -> bool:
    """Whether protobuf reads ``text``, which is not in quotes, as a value of this field."""
    from google.protobuf import text_format

    parsers: dict[int, Callable[[str], Any]] = {
        field.CPPTYPE_INT32: lambda text: text_format.ParseInteger(text, is_signed=True),
        field.CPPTYPE_UINT32: text_format.ParseInteger,
        field.CPPTYPE_FLOAT: text_format.ParseFloat,
        field.CPPTYPE_DOUBLE: text_format.ParseFloat,
        field.CPPTYPE_BOOL: text_format.ParseBool,
        field.CPPTYPE_ENUM: partial(text_format.ParseEnum, field),
    }
    try:
        parsers.get(field.cpp_type, str)(text)
    except ValueError:
        return False
    return True


_LARGEST = {FieldDescriptor.CPPTYPE_INT32: 2**31 - 1, FieldDescriptor.CPPTYPE_UINT32: 2**32 - 1}


def advice(field: FieldDescriptor, token: Token) -> str | None:
    """How the value that does not fit was perhaps meant."""
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values]
        if token.kind == "text" and token.text[1:-1] in names:
            return f"write {field.name}: {token.text[1:-1]}, without quotes"
        return did_you_mean(token.text.strip("\"'"), names)
    if field.cpp_type == field.CPPTYPE_STRING:
        if token.kind in ("word", "number"):
            return f'write {field.name}: "{token.text}"'
        if token.text == "[":
            return f'lists are written as text: {field.name}: "[...]"'
    elif token.kind == "text" and reads(field, token.text[1:-1]):
        return f"write {field.name}: {token.text[1:-1]}, without quotes"
    elif field.cpp_type in _LARGEST and token.text.isdigit():
        return f"the largest is {_LARGEST[field.cpp_type]}"
    elif field.cpp_type == field.CPPTYPE_BOOL and token.text.lower() in ("true", "false"):
        return f"write {token.text.lower()}"
    return None


def choice(names: list[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def nearest(name: str, known: list[str]) -> str | None:
    """The known name nearest to this one, if one is near."""
    lower = {candidate.lower(): candidate for candidate in reversed(known)}
    near = difflib.get_close_matches(name.lower(), list(lower), n=1)
    return lower[near[0]] if near else None


def did_you_mean(name: str, known: list[str]) -> str | None:
    """``did you mean "..."?`` for the known name nearest to this one, if one is near."""
    meant = nearest(name, known)
    return None if meant is None else f'did you mean "{meant}"?'
