"""Files of a run: none outside of its folder, and of one that grows only what came since."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from tltpipe import inputs

BLOCK = 1 << 20
"""Bytes that are read at once; a line that is longer is skipped."""
MARK = 64
"""So many bytes before the offset must be those that were read there last."""
END = 1 << 14
"""Bytes in which the last line of a file is looked for."""
LARGEST = 16 << 20
"""Bytes of a file that is read whole."""


def inside(root: Path, *parts: str) -> Path | None:
    """The file below ``root`` (a real path), by real names; None where there is none, or a link leads out of it."""
    try:
        path = root.joinpath(*parts).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # no permission; a circle of links; a name with a zero byte
        return None


def content(root: Path, *parts: str) -> bytes | None:
    """All bytes of a file ``inside`` root, the first ``LARGEST`` of a larger one; None where it cannot be read."""
    path = inside(root, *parts)
    try:
        if path is None:
            return None
        with inputs.opened(path) as stream:
            return stream.read(LARGEST)
    except OSError:
        return None


def last_line(root: Path, *parts: str) -> bytes:
    """The last whole line of a file ``inside`` root, empty where there is none, or a long one."""
    path = inside(root, *parts)
    try:
        if path is None:
            return b""
        with FileIO(inputs.handle(path)) as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - END))
            return stream.read(END).rpartition(b"\n")[0].rpartition(b"\n")[2]
    except OSError:
        return b""


class Tail:
    """The file ``parts`` below ``root``, which is appended to by another process, maybe on another machine.

    ``size`` is the number of bytes when it was last read.
    """

    def __init__(self, root: Path, *parts: str) -> None:
        self.root, self.parts = root, parts
        self.offset, self.size, self.mark, self.node = 0, 0, b"", (0, 0)

    def read(self, begin: Callable[[], None], take: Callable[[list[bytes]], None]) -> bool:
        """Give the whole lines that came since to ``take``, some at a time; ``begin`` comes first where the file
        was replaced, has shrunk or was written anew: then all of its lines come. Returns whether anything changed."""
        path = inside(self.root, *self.parts)
        try:
            if path is None:
                return False
            with FileIO(inputs.handle(path)) as stream:
                return self._read(stream, begin, take)
        except OSError:  # it may be back in a moment
            return False

    def _read(self, stream: FileIO, begin: Callable[[], None], take: Callable[[list[bytes]], None]) -> bool:
        state = os.fstat(stream.fileno())
        node = (state.st_dev, state.st_ino)
        anew = node != self.node or state.st_size < self.offset or self._differs(stream)
        if not anew and state.st_size == self.size:
            return False
        if anew:
            self.node, self.offset, self.mark = node, 0, b""
            begin()
        self.size = state.st_size
        stream.seek(self.offset)
        self._follow(stream, take)
        return True

    def _differs(self, stream: FileIO) -> bool:
        stream.seek(self.offset - len(self.mark))
        return stream.read(len(self.mark)) != self.mark

    def _follow(self, stream: FileIO, take: Callable[[list[bytes]], None]) -> None:
        """All that is there but for a last line that is not whole yet."""
        while block := stream.read(BLOCK):
            whole = block.rfind(b"\n") + 1
            if whole:
                take(block[: whole - 1].split(b"\n"))
            elif len(block) < BLOCK:
                return
            used = whole or len(block)
            self.mark = (self.mark + block[:used])[-MARK:]
            self.offset += used
            stream.seek(self.offset)


class Whole:
    """A small file that may be written anew at any time."""

    def __init__(self, root: Path, *parts: str) -> None:
        self.root, self.parts = root, parts
        self.bytes: bytes | None = None

    def read(self) -> bool:
        """Returns whether its ``bytes`` are others than before; those of a file that is gone stay."""
        now = content(self.root, *self.parts)
        if now is None or now == self.bytes:
            return False
        self.bytes = now
        return True
