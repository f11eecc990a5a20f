"""Files of a folder that several attempts at one piece of work may fill at the same time.

Retries on another machine, and attempts that were given up and wake up again, make the same files of the same bytes.
Who comes first creates a file in place, which costs nothing more; who finds it there makes another beside the folder
and puts it in its place. So nobody ever writes into a file that somebody else has made, and what was whole stays so.
Where the folder is gone, its outputs have appeared or are no longer wanted: nothing is made again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from tltpipe.errors import HostError
from tltpipe.files import own_name, writable

LAG = 5.0
"""Seconds after which a machine sees on a shared folder what another one has closed there (NFS caches attributes)."""

_DISKS = frozenset(("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "xfs", "zfs"))
"""File systems of one machine: nobody reads there what was lost when that went down."""
_MOUNTS = Path("/proc/self/mountinfo")


def flush(folder: Path) -> None:
    """Have all that this machine wrote where ``folder`` lies on the server that others read it from.

    One request for all files: one for each, by fsync, takes four times as long as writing small files does.
    """
    if not _is_disk(folder.stat().st_dev):
        _sync(folder)


def _sync(folder: Path) -> None:
    from ctypes import CDLL

    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if getattr(CDLL(None), "syncfs", lambda _: -1)(handle):
            os.sync()
    finally:
        os.close(handle)


def write(folder: str, name: str, content: bytes) -> None:
    """Put ``content`` into the file ``folder/name``; folders of the name are made. Raises HostError."""
    _make(folder, name, lambda path: _write(path, content))


def copy(folder: str, name: str, source: str) -> None:
    """Make ``folder/name`` a copy of the file ``source``. Raises OSError where that cannot be read, else HostError."""
    _make(folder, name, lambda path: _copy(source, path), source)


def link(folder: str, name: str, source: str) -> None:
    """As ``copy``, but make it a hard link where the file system allows."""

    def linked(path: str) -> None:
        try:
            os.link(source, path)
        except (FileExistsError, FileNotFoundError):
            raise
        except OSError:
            _copy(source, path)

    _make(folder, name, linked, source)


def arrived(path: Path) -> bytes:
    """What is in the file ``path``, which another machine may have closed just now (NFS caches attributes).

    Raises HostError where it is not there after some seconds.
    """
    until = time.monotonic() + LAG
    while True:
        try:
            return path.read_bytes()
        except OSError as refusal:
            if time.monotonic() > until:
                what = f"{os.uname().nodename} does not see what another machine wrote: {refusal.strerror}"
                raise HostError(what, where=path, hint="all nodes must share this folder") from None
        time.sleep(0.05)


def aside(folder: Path) -> Path:
    """Where the files wait that are to replace others in the staging folder ``folder``."""
    return folder.with_name(f"{folder.name}.aside.partial")


def _make(folder: str, name: str, create: Callable[[str], None], source: str | None = None) -> None:
    try:
        _place(folder, name, create)
    except FileNotFoundError:
        if source is not None and not Path(source).exists():
            raise
        raise _gone(folder) from None
    except OSError as refusal:
        if source is not None and refusal.filename == source:
            raise  # it cannot be read
        with writable(Path(f"{folder}/{name}").parent):
            raise


def _place(folder: str, name: str, create: Callable[[str], None]) -> None:
    """Let ``create`` make the file; it raises FileExistsError where there is one."""
    path = f"{folder}/{name}"
    try:
        try:
            create(path)
        except FileNotFoundError:
            _make_folders(folder, name)
            create(path)
    except FileExistsError:
        _replace(folder, path, create)


def _make_folders(folder: str, name: str) -> None:
    """Make the folders of ``name``; never ``folder`` itself."""
    made = folder
    for part in name.split("/")[:-1]:
        made = f"{made}/{part}"
        with suppress(FileExistsError):
            os.mkdir(made)  # noqa: PTH102


def _replace(folder: str, path: str, create: Callable[[str], None]) -> None:
    waiting = aside(Path(folder))
    new = f"{waiting}/{own_name()}"
    waiting.mkdir(exist_ok=True)
    try:
        create(new)
        os.replace(new, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(new)  # noqa: PTH108 - it is still there where both are links to one file
        if not os.path.isdir(folder):  # noqa: PTH112 - the name is a text
            with suppress(OSError):
                waiting.rmdir()


def _gone(folder: str) -> HostError:
    return HostError("this folder is gone: another run has ended this work, or begun it anew", where=folder)


def _write(path: str, content: bytes) -> None:
    file = os.open(path, _NEW, 0o666)
    try:
        done = os.write(file, content)
        while done < len(content):
            done += os.write(file, memoryview(content)[done:])
    finally:
        os.close(file)


def _copy(source: str, path: str) -> None:
    with Path(source).open("rb") as read, os.fdopen(os.open(path, _NEW, 0o666), "wb", buffering=0) as written:
        shutil.copyfileobj(read, written, 1 << 20)
    shutil.copystat(source, path)


@cache
def _is_disk(device: int) -> bool:
    try:
        mounts = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = {line.partition(" - ")[2].split()[0] for line in mounts if line.split()[2] == number}
    return bool(kinds) and kinds <= _DISKS


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
