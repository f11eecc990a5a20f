"""Files that others made, opened as files and nothing else.

A pipe under the name of a file keeps its reader waiting for ever, and a device such as /dev/zero never ends. Both can
come with an unpacked folder, as can links to them, so nothing that is found in a folder is opened in another way.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import cast

READ = os.O_RDONLY | os.O_NONBLOCK
"""How files are opened. Pipes and folders refuse ``os.pread``, and devices fill whatever is asked for: who reads with
it and gets less has read a file, and need not ask for its kind."""

_SMALL = 1 << 15  # bytes that are read without asking how many there are


def handle(path: Path | str) -> int:
    """A file descriptor that reads the file ``path``, links followed. Raises OSError, also for pipes and devices."""
    descriptor = os.open(path, READ)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def opened(path: Path | str, buffering: int = -1) -> BufferedReader:
    """The file ``path``, open for reading bytes; raises as ``handle`` does."""
    stream = open(path, "rb", buffering, opener=lambda name, _flags: handle(name))  # noqa: SIM115 - Path has none
    return cast("BufferedReader", stream)


def content(path: Path | str, most: int = -1) -> bytes:
    """All bytes of the file ``path``, or the first ``most`` of a large one; raises as ``handle`` does."""
    descriptor = os.open(path, READ)
    try:
        found = os.pread(descriptor, _SMALL, 0)
        ends = len(found) < _SMALL and not os.pread(descriptor, 1, len(found))
        if ends and (found or stat.S_ISREG(os.fstat(descriptor).st_mode)):
            return found
    except OSError:  # a folder, a pipe, a disk that fails: is told below
        pass
    finally:
        os.close(descriptor)
    with opened(path) as stream:
        return stream.read(most)


def heads(folder: Path | str, names: Iterable[str], most: int) -> Iterator[bytes | None]:
    """The first bytes, at most ``most``, of many files in ``folder``, which is found once.

    None of what cannot be read, or is no file: ``handle`` says what it is.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield from (None for _ in names)
        return
    try:
        for name in names:
            yield _head(f"./{name}", descriptor, most)
    finally:
        os.close(descriptor)


def _head(path: str, folder: int, most: int) -> bytes | None:
    try:
        file = os.open(path, READ, dir_fd=folder)
        try:
            found = os.pread(file, most, 0)  # no pipe can be read so, and a device has nothing, or no end
            return found if found or stat.S_ISREG(os.fstat(file).st_mode) else None
        finally:
            os.close(file)
    except OSError:
        return None


def head(path: Path | str, length: int = 4096) -> bytes:
    """The first bytes of ``path``, to tell what it is; none where it is no file. Raises PermissionError."""
    try:
        with opened(path) as stream:
            return stream.read(length)
    except PermissionError:
        raise
    except OSError:
        return b""


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether ``entry`` is a folder or a link to one; a link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether ``entry`` is a file or a link to one."""
    try:
        return entry.is_file()
    except OSError:
        return False
