"""Values as plain data: written down as msgpack, read back as the type that is named, or not at all.

Numbers, texts, bytes, lists, tuples, mappings, named tuples, dataclasses and structs of them. Reading runs no code but
that of the types that the reader names. Also a digest of settings, for telling one piece of work from another.
"""

from __future__ import annotations

import hashlib
import inspect
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from functools import lru_cache, partial
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeVar, get_origin

import msgspec

from tltpipe import __version__

Kind = TypeVar("Kind")


class NotPlain(ValueError):
    """These bytes are no value of that type."""


def packed(value: Any) -> bytes:
    """``value`` as bytes. Characters that UTF-8 has not (names of files in other encodings) are written as escapes.

    Raises TypeError for a value that is no plain data.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_escaped(msgspec.to_builtins(value, builtin_types=(bytes, bytearray), enc_hook=_plain)))


def unpacked(content: bytes | memoryview, kind: type[Kind]) -> Kind:
    """The value of type ``kind`` in ``content``. Raises NotPlain where there is none."""
    try:
        value: Kind = _decoder(kind).decode(content)  # type: ignore[arg-type]
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise NotPlain(str(problem)) from None
    return value


def from_json(text: bytes | str, kind: type[Kind]) -> Kind:
    """The value of type ``kind`` that ``text`` is as JSON. Raises NotPlain where it is none."""
    try:
        value: Kind = msgspec.json.decode(text, type=kind, dec_hook=_typed)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise NotPlain(str(problem)) from None
    return value


def identity(*parts: Any) -> str:
    """A digest that changes with anything in ``parts``, and with our version; the same in every process."""
    digest = hashlib.sha256(__version__.encode())
    for text in _described(parts):
        digest.update(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain data")


def _typed(kind: type, value: Any) -> Any:
    kind = get_origin(kind) or kind
    if issubclass(kind, PurePath) and isinstance(value, str):
        return kind(value)
    if issubclass(kind, Counter) and isinstance(value, dict):
        return Counter(value)
    raise TypeError(f"{kind.__name__} is no plain data")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)


@lru_cache(maxsize=64)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_typed)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(key): _escaped(inner) for key, inner in value.items()}
    return [_escaped(inner) for inner in value] if isinstance(value, list | tuple) else value


def _described(value: Any) -> Iterator[str | bytes]:
    """``value`` as texts, from which no other value has the same."""
    if value is None or isinstance(value, str | bytes | int | float | complex | PurePath):
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, partial):
        yield from _listed("partial", (value.func, value.args, value.keywords))
    elif isinstance(value, type | FunctionType | BuiltinFunctionType | MethodType):
        yield f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, Mapping):
        yield from _listed("mapping", [part for pair in value.items() for part in pair])
    elif isinstance(value, Set):
        yield from _listed("set", sorted("".join(map(str, _described(part))) for part in value))
    elif isinstance(value, list | tuple):
        yield from _listed(type(value).__name__, value)
    else:
        yield from _listed(f"{type(value).__module__}.{type(value).__qualname__}", [_state(value)])


def _listed(name: str, parts: Any) -> Iterator[str | bytes]:
    yield f"{name} {len(parts)}"
    for part in parts:
        yield from _described(part)


def _state(value: Any) -> Any:
    """What makes ``value`` what it is: as it says where it is copied to another process, else all its fields."""
    if is_dataclass(value) and not _defines(value, "__getstate__"):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    try:
        return bytes(memoryview(value))  # an array
    except TypeError:
        state = value.__getstate__()
    return repr(value) if state is None and _defines(value, "__repr__") else state


def _defines(value: Any, method: str) -> bool:
    """Whether a class of ``value`` has a ``method`` of its own."""
    return any(method in vars(kind) for kind in inspect.getmro(type(value))[:-1])
