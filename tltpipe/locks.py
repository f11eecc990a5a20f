"""One process at a time: lock files, of which the kernel lets go however their holder ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tltpipe.errors import HostError
from tltpipe.files import writable


@contextmanager
def held(path: Path, taken: HostError) -> Iterator[None]:
    """Hold the file ``path``, which is there for the block only; its folder is created, and not left behind empty.

    Raises ``taken`` while another process holds it, HostError when the folder cannot be written.
    """
    made = not path.parent.exists()
    with _locked(path, taken):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            if made:
                with suppress(OSError):
                    path.parent.rmdir()


def taken(path: Path) -> bool:
    """Whether another process holds the file ``path``."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it is not there, or the file system has no locks
        return False
    return False


def _locked(path: Path, taken: HostError) -> IO[str]:
    while True:
        with writable(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            stream = _opened(path)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            raise taken from None
        except OSError:  # a file system without locks: better unguarded than not at all
            pass
        if _is_still(path, stream):
            # Processes forked from this one, which may outlive it, must not hold the lock after it.
            os.register_at_fork(after_in_child=stream.close)
            return stream
        stream.close()  # its holder has just ended, and with it the file


def _opened(path: Path) -> IO[str]:
    """The lock file itself: a symbolic link under its name is removed, and nothing is made where it leads."""
    if path.is_symlink():
        path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "w")


def _is_still(path: Path, stream: IO[str]) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False
