"""Tables of objects, one row each: which rows belong to a picture, and what is in them.

A pass over the file finds where each row begins; twelve bytes a row and eight a picture stay in memory. Rows of a
picture may lie anywhere. They are parsed when the picture's turn comes.
"""

from __future__ import annotations

import csv
import mmap
import re
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from converters.files.numerals import FAR, is_number
from converters.formats._tables import text as csv_text
from converters.model import rules
from converters.model.splits import Place, split_name
from tltpipe import inputs
from tltpipe.errors import DataError, Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 100_000  # rows of one picture; more cannot be meant
_LOOKED_AT = 64  # rows, to tell what is in a table without a header

Aliases = Mapping[str, Sequence[str]]
"""What each column may be called, as ``csv_text.header`` has it; the first that is there counts."""


@dataclass(frozen=True)
class Part(Place):
    """A split that shares its file with others: the rows with this word in the column that says so."""

    part: str = ""


@dataclass(frozen=True)
class Table:
    """A file and where its columns are: ``columns`` has name and place of each that is known.

    ``part`` keeps the rows of one split. ``changed`` is when the file was, so that nothing known of it outlives that.
    ``headed``: the first row names the columns. ``lists``: fields may be lists in brackets, with or without quotes.
    """

    path: Path
    separator: str
    columns: tuple[tuple[str, int], ...]
    changed: int
    part: str | None = None
    headed: bool = True
    lists: bool = False

    def has(self, *columns: str) -> bool:
        known = dict(self.columns)
        return all(column in known for column in columns)

    def rows(self, key: Sequence[int]) -> list[Row]:
        """The rows of one picture. Raises DataError for one that cannot be read."""
        if len(key) > 2 * _ROWS:
            where = Location(self.path, key[1])
            raise DataError(f"there are more than {_ROWS:,} rows for this picture", where=where)
        return [self.row(offset, line) for offset, line in zip(key[::2], key[1::2], strict=True)]

    def row(self, offset: int, line: int) -> Row:
        """The row that begins at byte ``offset``, which is in line ``line``."""
        data = _content(self)
        data.seek(offset)
        try:
            raw, _ = csv_text.whole(data.readline(), self.separator, data.readline)
            fields = csv_text.fields(raw.decode(), self.separator)
            return Row(
                self, line, csv_text.bracketed(fields, self.separator) if self.lists else fields, b'"' not in raw
            )
        except (UnicodeDecodeError, csv.Error) as problem:
            what = "is not UTF-8 text" if isinstance(problem, UnicodeDecodeError) else f"cannot be read: {problem}"
            raise DataError(f"this row {what}", where=Location(self.path, line)) from None


@dataclass(frozen=True)
class Row:
    """One row; ``plain`` when no field is in quotes, so that columns can be counted in the line."""

    table: Table
    line: int
    fields: Sequence[str]
    plain: bool

    def text(self, column: str) -> str:
        """The field, without blanks around it; empty where the row or the table has none."""
        place = _places(self.table).get(column, -1)
        return self.fields[place].strip(csv_text.BLANKS) if 0 <= place < len(self.fields) else ""

    def number(self, column: str, *, default: float | None = None) -> float:
        """Raises DataError for a field that is no number; ``default`` is for an empty one."""
        text = self.text(column)
        if not text and default is not None:
            return default
        if self.table.separator == ";":
            text = text.replace(",", ".")  # where semicolons separate, commas are the points of decimals
        if not is_number(text):
            raise self.error(column, f"must be a number, not {_shown(text)}")
        number = float(text)
        if not -FAR < number < FAR:
            raise self.error(column, f"is {_shown(text)}, which cannot be meant")
        return number

    def require_class(self, category: str, known: Collection[str] | None) -> None:
        """Raises DataError for a ``category`` that is none of those ``known``."""
        if known is not None and category not in known:
            what = f'"{category[:80]}" is none of the classes in the class map'
            raise self.error("class", what, code=rules.UNKNOWN_CLASS.code)

    def error(self, column: str, what: str, *, hint: str | None = None, code: str | None = None) -> DataError:
        """``what`` is wrong with the field."""
        place = _places(self.table).get(column, 0)
        start = sum(len(field) + 1 for field in self.fields[:place]) + 1 if self.plain else None
        if place >= len(self.fields):
            start, hint = None, "the row ends before this column"
        return DataError(f"{column} {what}", where=Location(self.table.path, self.line, start), hint=hint, code=code)


def _shown(text: str) -> str:
    return f'"{text[:40]}"' if text else "empty"


@lru_cache(maxsize=16)
def _places(table: Table) -> dict[str, int]:
    return dict(table.columns)


@lru_cache(maxsize=4)
def _content(table: Table) -> mmap.mmap:
    try:
        with inputs.opened(table.path) as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is empty"
        raise DataError(f"this file cannot be read: {why}", where=table.path) from None


def table(path: Path, aliases: Aliases, *, part: str | None = None) -> Table | None:
    """The table in the file ``path``, by its header; None for a file that cannot be read as text."""
    header = csv_text.header(path)
    if header is None:
        return None
    separator, names = header
    found = ((column, [names.index(name) for name in known if name in names]) for column, known in aliases.items())
    columns = tuple((column, places[0]) for column, places in found if places)
    return Table(path, separator, columns, path.stat().st_mtime_ns, part)


def headless(path: Path, columns: Sequence[str], fits: Callable[[Sequence[str]], bool | None]) -> Table | None:
    """The table in the file ``path``, whose ``columns`` no header names; None where its first rows are others.

    ``fits`` judges the fields of a row; None is for one that says nothing.
    """
    header = csv_text.header(path)
    if header is None:
        return None
    separator, seen = header[0], False
    try:
        for _, _, raw in islice(csv_text.rows(path, separator, headed=False), _LOOKED_AT):
            fit = fits([field.strip(csv_text.BLANKS) for field in csv_text.fields(raw.decode(), separator)])
            if fit is False:
                return None
            seen = True
            if fit:
                break
    except (DataError, UnicodeDecodeError, csv.Error):
        return None
    places = tuple((column, place) for place, column in enumerate(columns))
    return Table(path, separator, places, path.stat().st_mtime_ns, headed=False) if seen else None


class Keys(Sequence[tuple[int, ...]]):
    """A key for each picture, in the order in which they first appear: offset and line of each of its rows."""

    def __init__(self, offsets: NDArray[np.int64], lines: NDArray[np.int32], starts: NDArray[np.int64]) -> None:
        self._offsets, self._lines, self._starts = offsets, lines, starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, place: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, ...]]: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        start, end = self._starts[place : place + 2].tolist()
        rows = slice(start, min(end, start + _ROWS + 1))
        pairs = zip(self._offsets[rows].tolist(), self._lines[rows].tolist(), strict=True)
        return tuple(number for pair in pairs for number in pair)


@dataclass(frozen=True)
class Index:
    """``classes`` and ``parts`` are the words in the columns of those names, in order of appearance."""

    keys: Keys
    classes: tuple[str, ...]
    parts: tuple[str, ...]


@lru_cache(maxsize=8)
def index(table: Table) -> Index:
    """One pass over the rows. Those that cannot be read have keys of their own, to be told when their turn comes.

    Raises DataError for a file that cannot be read, or not as rows.
    """
    import numpy as np

    offsets, lines, hashes = array("q"), array("i"), array("q")
    classes, parts = dict[bytes, None](), dict[bytes, None]()
    wanted = [_places(table).get(column, -1) for column in ("picture", "class", "split")]
    for offset, line, raw in csv_text.rows(table.path, table.separator, headed=table.headed):
        name, label, part = _cells(raw, table, wanted)
        parts[part] = None
        if table.part is not None and _part(part) != table.part:
            continue
        if label:
            classes[label] = None
        offsets.append(offset)
        lines.append(line)
        hashes.append(hash(name) if name else hash((offset, line)))  # 64 bits tell many millions of names apart
    _, first, numbers = np.unique(np.array(hashes, np.int64), return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    order = np.argsort(place[numbers], kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(place[numbers], minlength=len(first))))).astype(np.int64)
    keys = Keys(np.array(offsets, np.int64)[order], np.array(lines, np.int32)[order], starts)
    return Index(keys, _words(classes), tuple(dict.fromkeys(map(_part, parts))))


def _cells(raw: bytes, table: Table, places: Sequence[int]) -> list[bytes]:
    """The fields at ``places`` without blanks around them; empty where there are none."""
    if b'"' in raw or table.lists:
        try:
            texts = csv_text.fields(raw.decode(), table.separator)
            fields = [
                field.encode() for field in (csv_text.bracketed(texts, table.separator) if table.lists else texts)
            ]
        except (UnicodeDecodeError, csv.Error):
            fields = []
    else:
        fields = raw.split(table.separator.encode())
    return [fields[place].strip() if 0 <= place < len(fields) else b"" for place in places]


def _part(word: bytes) -> str:
    name = word.decode(errors="replace").lower()
    return split_name(name) if _NAME.fullmatch(name) else UNASSIGNED


UNASSIGNED = "unassigned"
"""What the rows are called that name no split, or none that could be a folder."""

_NAME = re.compile(r"[\w-]{1,40}")


def _words(words: Iterable[bytes]) -> tuple[str, ...]:
    found = []
    for word in words:
        try:
            found.append(word.decode())
        except UnicodeDecodeError:  # is told when its row's turn comes
            continue
    return tuple(found)
