"""The lines of KITTI label files: text to objects and back.

short_sleeved_shirt 0.00 1 0.00 12.00 7.00 230.00 310.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from converters.files.numerals import FAR, is_number
from converters.model import Box, Object, Sample
from tltpipe.errors import DataError, Location

_IGNORED_ROW = "DontCare -1 -1 -10 {} -1 -1 -1 -1000 -1000 -1000 -10\n"

_COLUMNS = ("class", "truncation", "occlusion", "alpha", "left", "top", "right", "bottom")
_ROW = "%s %.2f %s 0.00 %.2f %.2f %.2f %.2f" + " 0.00" * 7 + "\n"


def parse(content: bytes, path: Path | str) -> list[Object]:
    """The objects in the label file ``path``; blank lines do not count. Raises DataError with file, line and column."""
    found, blanks = list[Object](), b"\v" not in content and b"\f" not in content
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            name, *columns, rest = line.split(None, 8)
            truncation, occlusion, _, left, top, right, bottom = map(float, _numbers(columns))
            plain = blanks and _is_usual(rest) and 0 <= truncation <= 1 and occlusion in _OCCLUSIONS
            if plain and -FAR < left < FAR and -FAR < top < FAR and -FAR < right < FAR and -FAR < bottom < FAR:
                category, box = name.decode(), Box(left, top, right, bottom)
                found.append(Object(category, box, occlusion=int(occlusion), truncation=truncation, origin=number))
                continue
        except ValueError:
            pass
        if line.strip():
            found.append(_Line(path, number, line).object())
    return found


def _numbers(columns: Sequence[bytes]) -> list[float]:
    """The numbers in ``columns``; none, or ValueError, where one of them is not written plainly."""
    # What is left of the digits would be no number to JSON's parser, the fastest there is.
    numbers: list[float] = (
        orjson.loads(b"[%b]" % b",".join(columns)) if not b"".join(columns).translate(None, _DIGITS) else []
    )
    return numbers


@lru_cache(maxsize=1024)
def _is_usual(rest: bytes) -> bool:
    """Whether the columns behind the box are numbers, with a score or without: mostly the same for all lines."""
    return len(_numbers(rest.split())) in (7, 8)


_DIGITS = b"0123456789.-+eE"
_OCCLUSIONS = frozenset((0.0, 1.0, 2.0, 3.0))


@dataclass(frozen=True)
class _Line:
    """A line that is not quite as usual."""

    path: Path | str
    number: int
    line: bytes

    def object(self) -> Object:
        try:
            words = [word.decode() for word in self.line.split()]
        except UnicodeDecodeError:
            where = Location(Path(self.path), self.number)
            raise DataError("this line is not UTF-8 text", where=where, hint="save the file as UTF-8") from None
        if len(words) not in (15, 16) or not is_number(words[1]):
            raise self._misshapen(words)
        for column in range(1, len(words)):
            if not is_number(words[column]):
                what = _COLUMNS[column] if column < len(_COLUMNS) else f"column {column + 1}"
                raise self._error(column, f"{what} must be a number, not {words[column][:40]}")
        truncation, occlusion = float(words[1]), float(words[2])
        if not (0 <= truncation <= 1 or truncation == -1):
            raise self._error(1, f"truncation is {words[1][:40]}, but must be from 0 to 1")
        if occlusion not in (-1, 0, 1, 2, 3):
            raise self._error(2, f"occlusion is {words[2][:40]}, but must be 0, 1, 2 or 3")
        for column in range(4, 8):
            if abs(float(words[column])) >= FAR:
                raise self._error(column, f"{words[column][:40]} cannot be a pixel")
        # KITTI writes -1 in both columns of regions that are not labelled ("DontCare").
        box = Box(*map(float, words[4:8]))
        return Object(words[0], box, occlusion=int(occlusion) % 4, truncation=max(0.0, truncation), origin=self.number)

    def _misshapen(self, words: list[str]) -> DataError:
        first = next((index for index, word in enumerate(words) if index and is_number(word)), len(words))
        if first > 1 and len(words) - first in (14, 15):
            name = "_".join(words[:first])
            return self._error(1, "a class name must not hold blanks", f'write "{name}"')
        if b"," in self.line:
            return self._error(0, "columns must be separated by blanks, not commas")
        hint = "class truncation occlusion alpha left top right bottom, then seven columns that may be 0"
        if len(words) in (15, 16):
            return self._error(1, f"truncation must be a number, not {words[1][:40]}", hint)
        return self._error(0, f"a KITTI line has 15 columns (16 with a score), this one has {len(words)}", hint)

    def _error(self, column: int, what: str, hint: str | None = None) -> DataError:
        starts = [match.start() for match in re.finditer(rb"\S+", self.line)]
        place = len(self.line[: starts[column]].decode()) + 1
        return DataError(what, where=Location(Path(self.path), self.number, place), hint=hint)


def encode(sample: Sample) -> str:
    """The text of the label file of ``sample``; empty when nothing is on it."""
    lines = "".join(map(_encoded, sample.objects))
    return lines + "".join(_IGNORED_ROW.format(_corners(box)) for box in sample.ignored) if sample.ignored else lines


def _encoded(thing: Object) -> str:
    box = thing.box
    return _ROW % (thing.category, thing.truncation, thing.occlusion, box.left, box.top, box.right, box.bottom)


def _corners(box: Box) -> str:
    return f"{box.left:.2f} {box.top:.2f} {box.right:.2f} {box.bottom:.2f}"
