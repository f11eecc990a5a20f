"""The text files of DeepFashion: rows found by their line ends, and parsed when their turn comes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tltpipe import inputs
from tltpipe.errors import DataError, Location

NUMBERS = re.compile(rb"(.+?)((?:[ \t]+[-+]?[0-9]+)*)[ \t\r]*", re.DOTALL)
"""A name, which may hold blanks, and the numbers behind it."""
_WHOLE = re.compile(rb"[-+]?[0-9]{1,9}")


class Cell(NamedTuple):
    """What a file says of one image: its line number there, and the text behind the name."""

    line: int
    text: bytes

    def numbers(self, path: Path) -> list[int]:
        """Whole numbers, which may begin with zeros. Raises DataError for anything else."""
        words = self.text.split()
        for word in words:
            if not _WHOLE.fullmatch(word):
                raise DataError(f"{shown(word)} is not a whole number", where=Location(path, self.line))
        return list(map(int, words))


@dataclass(frozen=True)
class Rows:
    """The rows of the file ``path``: where in ``content`` each begins and ends; the first is line ``first``."""

    path: Path
    content: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    first: int

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, row: int) -> bytes:
        return self.content[self.starts[row] : self.ends[row]]

    def cell(self, row: int, name: bytes = b"") -> Cell:
        """The row without the ``name`` that it begins with."""
        return Cell(self.first + row, self.content[self.starts[row] + len(name) : self.ends[row]])

    def names(self) -> list[bytes]:
        """What stands before the last column of each row, which is one word. Raises DataError for an empty row."""
        try:
            names = [self.text(row).rsplit(None, 1)[0].rstrip() for row in range(len(self))]
        except IndexError:
            names = [b""]
        if not all(names):
            row = next(row for row in range(len(self)) if len(self.text(row).split()) < 2)
            raise self.error(row, "this row needs a name and a value")
        return names

    def error(self, row: int, what: str, hint: str | None = None) -> DataError:
        return DataError(what, where=Location(self.path, self.first + row), hint=hint)


def bare(path: Path) -> Rows:
    """The rows of a file without header lines. Raises DataError for one that cannot be read."""
    content = _content(path)
    return _rows(path, content, 0, 1)


def headed(path: Path, column: str) -> Rows:
    """The rows below the two header lines: how many there are, and the names of columns, the first being ``column``.

    Raises DataError for a file that cannot be read, that lacks one of them, or has another number of rows.
    """
    content = _content(path)
    count, begin = header(content, path, column)
    rows = _rows(path, content, begin, 3)
    if len(rows) != count:
        raise other_count(path, count, len(rows))
    return rows


def other_count(path: Path, count: int, rows: int) -> DataError:
    """The error that the first line of ``path`` says ``count`` where there are ``rows``."""
    what = f"the first line says {count:,} rows, but {rows:,} follow"
    return DataError(what, where=Location(path, 1), hint="unpack the file again, or correct the first line")


def header(content: bytes, path: Path, column: str) -> tuple[int, int]:
    """What the header lines at the start of ``content`` say: the number of rows, and where these begin."""
    lines = content.split(b"\n", 2)
    number = lines[0].removeprefix(codecs.BOM_UTF8).strip()
    names = lines[1].split() if len(lines) > 1 else []
    begins = "the file begins with two lines, the number of rows and the names of the columns"
    if not number.isdigit() or len(number) > 9:
        what = f"the first line must be the number of rows, not {shown(number)}"
        raise DataError(what, where=Location(path, 1), hint=begins)
    if not names or names[0].lower() != column.encode():
        what = f"the second line must name the columns ({column} ...), not be {shown(b' '.join(names))}"
        raise DataError(what, where=Location(path, 2), hint=begins)
    return int(number), min(len(content), len(lines[0]) + len(lines[1]) + 2)


def shown(text: bytes) -> str:
    """``text`` as a message can show it."""
    return f'"{text[:60].decode("utf-8", "backslashreplace")}{"..." if len(text) > 60 else ""}"'


def _content(path: Path) -> bytes:
    try:
        return inputs.content(path).removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError:
        raise DataError("this file is missing", where=path, hint="unpack or download the annotations again") from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None


def _rows(path: Path, content: bytes, begin: int, first: int) -> Rows:
    """Blank lines at the end of the file are none."""
    stop = begin + len(content[begin:].rstrip())
    ends = np.flatnonzero(np.frombuffer(content, np.uint8, stop - begin, begin) == ord("\n")) + begin
    starts = np.concatenate(([begin], ends + 1)) if stop > begin else ends
    return Rows(path, content, starts, np.append(ends, stop) if stop > begin else ends, first)


@dataclass(frozen=True)
class Named:
    """The ``rows`` of a file by image: ``order`` has the row of each, -1 for none; None where both are in one order.

    ``bare`` rows do not begin with the name of the image.
    """

    rows: Rows
    order: NDArray[np.int32] | None = None
    bare: bool = False

    def cell(self, image: int, name: bytes) -> Cell | None:
        """What the file says of an image; None where it has no row for it."""
        row = image if self.order is None else int(self.order[image])
        return self.rows.cell(row, b"" if self.bare else name) if row >= 0 else None


def named(rows: Rows, names: Sequence[bytes], places: Mapping[bytes, int], listed: Path) -> Named:
    """``rows``, each of which begins with one of ``names`` and then holds numbers; ``places`` are theirs in ``names``.

    Raises DataError for a row of an image that the file ``listed`` lacks, and for a second row of one.
    """
    in_order = map(rows.content.startswith, [name + b" " for name in names], rows.starts.tolist())
    if len(rows) == len(names) and all(in_order):
        return Named(rows)
    found = (NUMBERS.fullmatch(rows.text(row)) for row in range(len(rows)))
    return Named(rows, order(rows, [match[1] if match else b"" for match in found], places, listed))


def order(rows: Rows, own: Sequence[bytes], places: Mapping[bytes, int], listed: Path) -> NDArray[np.int32]:
    """The row of each image, where ``own`` has the name in each of ``rows``; raises as ``named`` does."""
    found = np.full(len(places), -1, np.int32)
    for row, name in enumerate(own):
        place = places.get(name, -1)
        if place < 0:
            raise rows.error(row, f"{shown(name)} is not listed in {listed.name}", "add it there, or remove this row")
        if found[place] >= 0:
            raise rows.error(row, f"a second row for {shown(name)}: the first is line {rows.first + found[place]}")
        found[place] = row
    return found
