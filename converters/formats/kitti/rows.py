"""KITTI label lines as the tlt-* programs read and write them, all fifteen columns kept.

A superset of what NVIDIA's programs accept: blank lines, any white space between columns, a byte order mark,
occlusion as a float, and a sixteenth column (a detector's score), which is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from converters.files import label_folders
from tltpipe.errors import DataError, Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMNS: tuple[str, ...] = ("class", "truncation", "occlusion", "alpha", "left", "top", "right", "bottom")
COLUMNS += ("height", "width", "length", "x", "y", "z", "rotation_y")
FORM = "15 columns are needed: class truncation occlusion alpha left top right bottom and seven more (0 will do)"
_COLUMNS = len(COLUMNS)
NUMBERS = _COLUMNS - 1
"""How many numbers a line has behind its class."""
_WIDTHS = (NUMBERS, NUMBERS + 1)
_LEAST = 9
"""Columns of what is trained on: class, truncation, occlusion, alpha, the box, and one more."""


Row = tuple[int, str, list[float]]
"""One line as it is read: line number, class, the fourteen numbers behind it (occlusion not yet cut to an integer)."""


def rows(text: str, *, source: Path | str) -> tuple[list[Row], list[int]]:
    """The lines of ``text`` that are not blank, and the numbers of those with a score, which is dropped.

    ``source`` names the file in a DataError, which has the line of what cannot be understood.
    """
    found: list[Row] = []
    scores: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        columns = line.split()
        if len(columns) != _COLUMNS:
            if not columns:
                continue
            if len(columns) == _COLUMNS + 1:
                scores.append(number)
        category = columns.pop(0)
        try:
            numbers = [*map(float, columns[:NUMBERS] if len(columns) > NUMBERS else columns)]
        except ValueError:
            raise _no_number([category, *columns], Location(source, number)) from None
        if len(columns) not in _WIDTHS:
            what, hint = f"{len(columns) + 1} columns", _hint([category, *columns])
            raise DataError(what, where=Location(source, number), hint=hint)
        # The sum of finite numbers may overflow, so it only says where to look.
        if not isfinite(numbers[1] + sum(numbers[3:7])) and not all(map(isfinite, (numbers[1], *numbers[3:7]))):
            what = "occlusion and the box must be finite numbers"
            raise DataError(what, where=Location(source, number))
        found.append((number, category, numbers))
    return found, scores


class Table(NamedTuple):
    """The lines of successive files: how many each file has; of all lines, one after the other, the class, and the
    fourteen numbers behind it."""

    counts: Sequence[int]
    classes: Sequence[str]
    numbers: Sequence[float]

    def line(self, place: int) -> tuple[str, Sequence[float]]:
        """Class and numbers of one line."""
        return self.classes[place], self.numbers[place * NUMBERS : (place + 1) * NUMBERS]


def table(contents: Sequence[bytes]) -> Table | None:
    """What ``rows`` finds in the files that hold ``contents``, in a third of the time; None where it has to look at
    each of them, since a line is unusual, or wrong."""
    ended = [content if content[-1:] in _ENDS else content + b"\n" for content in contents]
    counts, whole = [content.count(b"\n") for content in ended], b"".join(ended)
    lines = sum(counts)
    if b"|" in whole or whole.count(b"\r") != whole.count(b"\r\n"):
        return None
    try:
        words = whole.decode().replace("\n", " | ").split()
        if len(words) != lines * (_COLUMNS + 1) or words[_COLUMNS :: _COLUMNS + 1] != ["|"] * lines:
            return None
        classes = words[:: _COLUMNS + 1]
        del words[:: _COLUMNS + 1], words[NUMBERS::_COLUMNS]
        numbers = [*map(float, words)]
    except ValueError:
        return None
    return Table(counts, classes, numbers) if isfinite(sum(numbers)) else None


_ENDS = (b"\n", b"")


def boxes(text: str, *, source: Path, strict: bool = False) -> tuple[list[str], NDArray[np.float32], list[bool]]:
    """What is trained on: classes in lower case, boxes [n, 4] and difficulty of the objects in the file ``source``.

    Lines need nine columns here, as with NVIDIA; ``strict`` passes over shorter ones. Raises DataError with the line.
    """
    import numpy as np

    classes: list[str] = []
    corners: list[list[float]] = []
    difficult: list[bool] = []
    for number, line in enumerate(text.split("\n"), start=1):
        columns = line.split()
        if len(columns) < _LEAST:
            if not columns or strict:
                continue
            what, hint = f"{len(columns)} columns", FORM
            raise DataError(what, where=Location(source, number), hint=hint)
        try:
            occlusion, box = float(columns[2]), [*map(float, columns[4:8])]
        except ValueError:
            what = f'occlusion and the box must be numbers, not "{" ".join([columns[2], *columns[4:8]])}"'
            hint = "a class has no spaces; " + FORM
            raise DataError(what, where=Location(source, number), hint=hint) from None
        if not isfinite(sum(box)):
            raise DataError("the box must be finite numbers", where=Location(source, number))
        classes.append(columns[0].lower())
        corners.append(box)
        difficult.append(occlusion != 0)
    return classes, np.array(corners, np.float32).reshape(-1, 4), difficult


def content(path: Path | str) -> bytes:
    """What the label file ``path`` holds; DataError where it cannot be read."""
    try:
        return label_folders.read(str(path))
    except FileNotFoundError:
        hint = "an image without objects needs an empty one"
        raise DataError("this label file is missing", where=path, hint=hint) from None


def text_of(path: Path | str, held: bytes | None = None) -> str:
    """What the label file ``path`` holds, every line ending in a newline character; DataError where it cannot be.

    ``held`` is its content where that has been read.
    """
    try:
        text = (content(path) if held is None else held).decode()
    except UnicodeDecodeError:
        raise DataError("this label file is not UTF-8 text", where=path) from None
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def render(category: str, numbers: Sequence[float]) -> str:
    """The line of a class and its fourteen numbers: two decimals, occlusion an integer."""
    return _LINE % (category, *numbers)


_LINE = f"%s %.2f %d{' %.2f' * (NUMBERS - 2)}\n"


def _no_number(columns: Sequence[str], where: Location) -> DataError:
    # What does not read as a number says more than the count: it is mostly the second word of a class.
    found = zip(COLUMNS[1:], columns[1:], strict=False)
    name, text = next((name, text) for name, text in found if not _is_number(text))
    return DataError(f'column "{name}" is not a number but "{text}"', where=where, hint=_hint(columns))


def _hint(columns: Sequence[str]) -> str:
    words = [text for text in columns if not _is_number(text)]
    if "," in columns[0]:
        return "columns are separated by spaces, not commas"
    if len(words) > 1 and list(columns[: len(words)]) == words:
        return f'a class has no spaces: write "{"_".join(words)}"'
    return FORM


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
