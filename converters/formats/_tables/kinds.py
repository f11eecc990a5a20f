"""Tables of objects that are not one column for each number: a whole box in a column, or no header at all."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from converters.files.numerals import FAR, is_number
from converters.formats._tables import rows as csv_rows
from converters.formats._tables import text as csv_text
from converters.formats._tables.rows import Row, Table
from tltpipe import inputs
from tltpipe.errors import DataError


def listed(table: Table) -> Table:
    """``table`` with whole boxes in its column "bbox", where width and height are the picture's."""
    meant = {f"image {name}" if name in ("width", "height") else name: at for name, at in table.columns}
    return replace(table, columns=tuple(meant.items()), lists=True)


_HEADLESS = ("picture", "left", "top", "right", "bottom", "class")


def headless(path: Path) -> Table | None:
    """The table in the file ``path`` as keras-retinanet has it, without a header; None where it is another."""
    return csv_rows.headless(path, _HEADLESS, _fits)


def _fits(fields: Sequence[str]) -> bool | None:
    """Whether this is a row of a table without a header; None for that of a picture on which nothing is."""
    if len(fields) != len(_HEADLESS) or not fields[0] or is_number(fields[0]):
        return False
    if not any(fields[1:]):
        return None
    return all(map(is_number, fields[1:5])) and bool(fields[5])


def mapping(files: Iterable[Path]) -> tuple[str, ...] | None:
    """The classes in the one of ``files`` whose rows are ``class,number``, in the order of their numbers.

    Raises DataError for a class or a number that is there twice.
    """
    found = [(path, pairs) for path in files if (pairs := _pairs(path))]
    if len(found) != 1:
        return None
    path, pairs = found[0]
    for column in zip(*pairs, strict=True):
        if len(set(column)) < len(column):
            twice = next(word for word in column if column.count(word) > 1)
            raise DataError(f'"{twice}" is here twice', where=path, hint="one row a class: class,number")
    return tuple(name for name, _ in sorted(pairs, key=lambda pair: pair[1]))


def _pairs(path: Path) -> list[tuple[str, int]]:
    """Name and number of each row; none where the file, or one of its rows, is something else."""
    try:
        with inputs.opened(path) as stream:
            content = stream.read(csv_text.LONGEST)
        rows = [csv_text.fields(line, ",") for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    words = [[field.strip() for field in row] for row in rows]
    if len(content) == csv_text.LONGEST or not all(len(row) == 2 and row[0] and _is_id(row[1]) for row in words):
        return []
    return [(name, int(number)) for name, number in words]


def _is_id(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 10


NOTHING = frozenset(("", "[]", "()", "nan", "none", "null"))
"""What a column ``bbox`` says of a picture on which nothing is."""


def four(row: Row) -> list[float]:
    """Left, top, width and height as the column ``bbox`` has them."""
    text = row.text("bbox")
    words = _WORD.findall(text.replace(",", ".") if row.table.separator == ";" else text)
    if len(words) != 4 or not all(map(is_number, words)) or any(abs(float(word)) >= FAR for word in words):
        hint = "[x, y, width, height], in pixels"
        raise row.error("bbox", f'must be four numbers, not "{text[:60]}"', hint=hint)
    return [float(word) for word in words]


_WORD = re.compile(r"[^\s,;\[\]()]+")
