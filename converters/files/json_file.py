"""JSON files that people hand to us: parsed fast, complained about with a place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from converters.files import contents, json_file
from converters.files.numerals import FAR
from tltpipe.errors import DataError, Location


def load(path: Path) -> dict[str, Any]:
    """The object in the file ``path``. Raises DataError as ``contents.whole`` and ``parsed`` do."""
    return parsed(contents.whole(path), path)


def parsed(content: bytes, path: Path) -> dict[str, Any]:
    """The object that ``content`` of the file ``path`` is.

    Raises DataError when it is no JSON (with line and column), or is not an object.
    """
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


FIX = "correct the file, or leave such pictures out with --skip-bad"


@dataclass(slots=True)
class Fields:
    """The fields of one JSON object, each taken with its type checked."""

    values: dict[str, Any]
    path: Path
    prefix: str = ""

    def error(self, key: str, what: str, *, code: str | None = None) -> DataError:
        return DataError(f"{self.prefix}{key} {what}", where=self.path, hint=FIX, code=code)

    def whole(self, key: str, *, low: int = 0, high: int = 2**53) -> int | None:
        """A whole number from ``low`` to ``high``, or None when the field is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if type(value) is not int:  # a bool is an int to Python
            raise self.error(key, f"must be a whole number, not {json_file.name(value)}")
        if not low <= value <= high:
            limits = f"{low} to {high}" if high < 2**53 else f"{low} or more"
            raise self.error(key, f"is {value}, but must be {limits}")
        return value

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"must be a string, not {json_file.name(value)}")
        return value

    def needed(self, key: str, value: Any) -> Any:
        if value is None:
            raise self.error(key, "is missing")
        return value

    def numbers(self, key: str, values: Any) -> list[float]:
        """``values``, if that is a list of numbers that can be pixels."""
        # The common case first, in passes of C: all ints or floats, none too large (JSON knows no NaN).
        if type(values) is list and _NUMERIC.issuperset(map(type, values)):
            if not values or (max(values) < FAR and min(values) > -FAR):
                return values
            raise self.error(key, f"holds {max(values, key=abs):g}, which cannot be a pixel")
        if type(values) is not list:
            raise self.error(key, f"must be a list of numbers, not {json_file.name(values)}")
        wrong = next(value for value in values if type(value) not in _NUMERIC)
        raise self.error(key, f"must hold numbers, but holds {json_file.name(wrong)}")


_NUMERIC = frozenset((int, float))
