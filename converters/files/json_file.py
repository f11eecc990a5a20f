"""JSON files that people hand to us: parsed fast, complained about with a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from tltpipe import inputs
from tltpipe.errors import DataError, Location


def load(path: Path) -> dict[str, Any]:
    """The object in the file ``path``.

    Raises DataError when it is missing, cannot be read, is no JSON (with line and column), or is not an object.
    """
    try:
        content = inputs.content(path)
    except FileNotFoundError:
        raise DataError("this file is missing", where=path) from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as problem:
        place = Location(path, problem.lineno, problem.colno)
        if not content.strip():
            raise DataError("this file is empty", where=path, hint="copy or unpack it again") from None
        if not problem.doc:
            raise DataError("this file is not UTF-8 text", where=path, hint="save it as UTF-8") from None
        cut = problem.pos >= len(problem.doc.rstrip())
        what = "the JSON ends too soon: the file is cut off" if cut else f"not valid JSON: {problem.msg}"
        raise DataError(what, where=place, hint="copy or unpack it again" if cut else None) from None
    if not isinstance(value, dict):
        raise DataError(f"a JSON object is needed here, not {name(value)}", where=path)
    return value


def name(value: object) -> str:
    """What JSON calls ``value``, with its content when that is short: ``the string "12"``, ``a list``."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f'the string "{value}"' if len(value) < 40 else "a long string"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "an object"
