"""Rows of CSV as text: fields, quotes, line breaks in quotes, headers."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from converters.model import Sample
from tltpipe import inputs
from tltpipe.errors import DataError, Location
from tltpipe.files import writable

LONGEST = 1 << 16
"""Bytes of one row; more cannot be meant."""

BLANKS = " \t\r\n\v\f"

_LINES = 50  # of one row, when its quoted fields go over several


def header(path: Path) -> tuple[str, list[str]] | None:
    """What separates the columns of ``path``, and their names: lower case, without anything but letters and digits.

    None for a file that cannot be read as text.
    """
    try:
        with inputs.opened(path) as stream:
            text = stream.readline(LONGEST).removeprefix(codecs.BOM_UTF8).decode().strip("\r\n")
        separator = max(",;\t", key=text.count)
        return separator, ["".join(filter(str.isalnum, field)).lower() for field in fields(text, separator)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return None


def fields(text: str, separator: str) -> list[str]:
    """The fields of a row. Raises csv.Error where quotes do not enclose whole fields."""
    if '"' in text:
        return next(csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True), [])
    return text.rstrip("\r\n").split(separator)


def whole(raw: bytes, separator: str, more: Callable[[], bytes]) -> tuple[bytes, int]:
    """The row that begins with the line ``raw``, and how many lines it has; ``more`` gives the next line.

    Raises csv.Error for a quoted field that does not end.
    """
    lines = 1
    while b'"' in raw and _is_open(raw, separator):
        following = more()
        if not following or lines == _LINES or len(raw) + len(following) >= LONGEST:
            raise csv.Error("a quote is opened here that nothing closes")
        raw, lines = raw + following, lines + 1
    return raw, lines


def _is_open(raw: bytes, separator: str) -> bool:
    try:
        fields(raw.decode(errors="replace"), separator)
    except csv.Error as problem:
        return "unexpected end" in str(problem)
    return False


def bracketed(fields: Sequence[str], separator: str) -> list[str]:
    """``fields`` with lists in brackets in one piece: without quotes around them, commas cut [1, 2] in two."""
    joined: list[str] = []
    is_open = False
    for field in fields:
        if is_open:
            joined[-1] += separator + field
        else:
            joined.append(field)
        text = joined[-1].strip()
        is_open = text[:1] in ("[", "(") and text[-1:] not in ("]", ")")
    return joined


def rows(path: Path, separator: str, *, headed: bool = True) -> Iterator[tuple[int, int, bytes]]:
    """Offset, line number and bytes of each row of ``path`` below the header, if it is ``headed``; blank ones do not
    count.

    Raises DataError for a file that cannot be read, or not as rows.
    """
    line = 2 if headed else 1
    try:
        with inputs.opened(path, 1 << 20) as stream:
            offset = len(stream.readline(LONGEST)) if headed else _skip_mark(stream)
            more = partial(stream.readline, LONGEST)
            for first in iter(more, b""):
                raw, count = whole(first, separator, more)
                if len(raw) >= LONGEST:
                    raise csv.Error("this row does not end")
                if raw.strip():
                    yield offset, line, raw
                offset += len(raw)
                line += count
    except csv.Error as problem:
        raise DataError(str(problem), where=Location(path, line)) from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None


def _skip_mark(stream: BinaryIO) -> int:
    """Go past a byte order mark; how long it is."""
    length = len(codecs.BOM_UTF8) if stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0
    return stream.seek(length)


def encoded(*fields: str) -> bytes:
    """One row, with quotes where it needs them."""
    return (",".join([_quoted(field) if _special(field) else field for field in fields]) + "\n").encode()


def _special(field: str) -> bool:
    return "," in field or '"' in field or "\n" in field or "\r" in field or field != field.strip()


def _quoted(field: str) -> str:
    escaped = field.replace('"', '""')
    return f'"{escaped}"'


class Recorder(Protocol):
    """Makes the rows of a sample."""

    def record(self, sample: Sample) -> bytes: ...


class RowWriter:
    """Writes the file ``path``: its header, and the rows of each sample."""

    def __init__(self, path: Path, header: str, recorder: Recorder) -> None:
        self.recorder = recorder
        self._path, self._header = path, header

    def __enter__(self) -> RowWriter:
        with writable(self._path.parent):
            self._path.unlink(missing_ok=True)  # a file of its own, whoever else writes one here
            self._stream = self._path.open("xb")
            self._stream.write(f"{self._header}\n".encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writable(self._path.parent):
            self._stream.close()

    def append(self, records: Sequence[bytes]) -> None:
        try:
            self._stream.writelines(records)
        except OSError:
            with writable(self._path.parent):
                raise
