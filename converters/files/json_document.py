"""A big JSON file, open for reading by offset; what is wrong at an offset is told with line and column."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from tltpipe import inputs
from tltpipe.errors import DataError, Location

WINDOW = 1 << 20
"""Bytes of a file that are looked at together."""

CUT = "the JSON ends too soon: the file is cut off"
AGAIN = "copy or unpack it again"

_CONTINUED = bytes(range(0x80, 0xC0))  # UTF-8: bytes of a character behind its first


class Document:
    """An open file. Reads by offset, so that many can read at once; raises DataError for what cannot be read."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size
        self._file = inputs.handle(path)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def read(self, offset: int, length: int) -> bytes:
        try:
            return os.pread(self._file, length, offset)
        except OSError as problem:
            raise DataError(f"this file cannot be read: {problem.strerror}", where=self.path) from None

    def parse(self, start: int, end: int) -> Any:
        """The value that lies there."""
        text = self.read(start, end - start)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as problem:
            if not problem.doc:
                raise self.error("this is not UTF-8 text", start, hint="save the file as UTF-8") from None
            place = start + len(problem.doc[: problem.pos].encode())
            raise self.error(f"not valid JSON: {problem.msg}", place) from None

    def error(self, what: str, offset: int, *, hint: str | None = None, code: str | None = None) -> DataError:
        return DataError(what, where=self.place(offset), hint=hint, code=code)

    def place(self, offset: int) -> Location:
        """Line and column of the byte at ``offset``, found by counting."""
        line, start = 1, 0  # of the line that it is in
        for at in range(0, offset, WINDOW):
            text = self.read(at, min(WINDOW, offset - at))
            line += text.count(b"\n")
            start = at + text.rfind(b"\n") + 1 if b"\n" in text else start
        column = 1
        for at in range(start, offset, WINDOW):
            column += len(self.read(at, min(WINDOW, offset - at)).translate(None, _CONTINUED))
        return Location(self.path, line, column)

    def find(self, word: bytes) -> int:
        """Where ``word`` first stands in the file, -1 for nowhere."""
        overlap = len(word) - 1
        for at in range(0, self.size, WINDOW):
            start = max(0, at - overlap)
            if (place := self.read(start, WINDOW + overlap).find(word)) >= 0:
                return start + place
        return -1


def opened(path: Path) -> Document:
    """The file ``path``, opened once in each process. Raises DataError when it is missing or cannot be read."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise DataError("this is not a file", where=path)
        return _shared(path, state.st_ino, state.st_size, state.st_mtime_ns)
    except FileNotFoundError:
        raise DataError("this file is missing", where=path) from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None


@lru_cache(maxsize=8)
def _shared(path: Path, inode: int, size: int, time: int) -> Document:  # noqa: ARG001 - what tells one file from another
    return Document(path, size)
