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
    meant = correction(field, token)
    if meant is not None:
        if token.kind == "text":
            return f"write {field.name}: {meant}, without quotes"
        return f"write {field.name}: {meant}" if field.cpp_type == field.CPPTYPE_STRING else f"write {meant}"
    if field.enum_type is not None:
        return did_you_mean(token.text.strip("\"'"), [value.name for value in field.enum_type.values])
    if field.cpp_type == field.CPPTYPE_STRING and "\\" in token.text:
        return f'write {field.name}: "{token.text.replace(chr(92), "/")}"; a backslash needs another one before it'
    if field.cpp_type == field.CPPTYPE_STRING and token.text == "[":
        return f'lists are written as text: {field.name}: "[...]"'
    if field.cpp_type in _LARGEST and token.text.isdigit():
        return f"the largest is {_LARGEST[field.cpp_type]}"
    return None


def correction(field: FieldDescriptor, token: Token) -> str | None:
    """What the value that does not fit surely means, spelled as protobuf takes it: with quotes, or without them."""
    if field.cpp_type == field.CPPTYPE_STRING:
        return f'"{token.text}"' if token.kind in ("word", "number") and "\\" not in token.text else None
    bare = token.text[1:-1] if token.kind == "text" else token.text
    if token.kind == "text" and reads(field, bare) and not (field.enum_type is not None and bare.isdigit()):
        return bare
    if field.cpp_type == field.CPPTYPE_BOOL and bare.lower() in ("true", "false"):
        return bare.lower()
    return None


def choice(names: list[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def nearest(name: str, known: list[str]) -> str | None:
    """The known name nearest to this one, if one is near."""
    lower = {candidate.lower(): candidate for candidate in reversed(known)}
    near = difflib.get_close_matches(name.lower(), list(lower), n=1)
    return lower[near[0]] if near else None


def surely(name: str, known: list[str]) -> str | None:
    """The known name that this one is a slip of the pen of: near enough to be put in its place."""
    near = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.85)
    return near[0] if len(near) == 1 else None


def nearer(name: str, known: list[str], *, at_home: bool) -> bool:
    """Whether a name that is not ``known`` here is rather a slip of one that is than the field of that name ``at_home``
    in another section."""
    found = nearest(name, known)
    return found is not None and (not at_home or surely(name, known) is not None or found.startswith(name))


def one_line(text: str) -> str:
    """``text`` as a message shows it: on one line, what cannot be printed escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(name: str, known: list[str]) -> str | None:
    """``did you mean "..."?`` for the known name nearest to this one, if one is near."""
    meant = nearest(name, known)
    return None if meant is None else f'did you mean "{meant}"?'
